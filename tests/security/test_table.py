"""The list of cases in ``docs/explanation/security.md`` is the one that the tests say."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.security.table import PAGE, ROOT

pytestmark = pytest.mark.once

ENOUGH = 150


def test_the_page_lists_every_case() -> None:
    """In a process of its own: what is collected here may be a selection."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.table", "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run python -m tests.security.table\n{done.stdout}{done.stderr}"


def test_there_are_enough_and_each_is_said_once() -> None:
    rows = re.findall(
        r"^\| \d+ \| (.+) \| (.+) \| `(\w+)::(\w+)` \|$", PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) >= ENOUGH
    assert len({(what, module) for what, _, module, _ in rows}) == len(rows)
