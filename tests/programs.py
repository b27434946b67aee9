"""Small programs with a process of their own, for what is decided when a process starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile


def run(text: str, **variables: str) -> str:
    """Run a program with the test project's settings, in an empty folder; return what it prints."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **variables}
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path or ".") for path in sys.path)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    return done.stdout
