"""The example project's own tests, run the way its users do; the demo is run by CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.once


def test_its_own_tests_pass(tmp_path: Path) -> None:
    manage = ROOT / "example_project" / "manage.py"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # it is pytest's
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(manage), "test"],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "\nOK\n" in done.stderr
