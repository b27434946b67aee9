"""What other tests say of the inbox holds of one in partitions too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SUITE = (
    *("commands", "concurrency", "faults", "full", "inbox", "never_twice", "refusals"),
    *("returned", "state_machine", "statements", "status", "sweeper", "tables"),
)
"""Modules of tests that write and read the inbox."""

# A quarter of the time of a whole run: one cell is enough.
pytestmark = [pytest.mark.postgresql, pytest.mark.one_host, pytest.mark.newest]


def test_the_suite_passes_on_partitions() -> None:
    suffix = os.environ.get("TEST_DATABASE_SUFFIX", "")
    own = {"TEST_INBOX": "partitions", "TEST_DATABASE_SUFFIX": f"{suffix}_partitions"}
    files = [f"tests/test_{module}.py" for module in SUITE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, **own},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
