"""Judges from outside: files and programs that the project does not carry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest


def leave_out(reason: str) -> NoReturn:
    """Skip the test and say why; with ``CI=true`` nothing may be left out: fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def folder(variable: str, source: str) -> Path:
    """Return the folder that ``variable`` names; ``source`` says where the files are from."""
    value = os.environ.get(variable)
    if not value:
        leave_out(f"{variable} is not set: get {source} and set {variable} to that folder")
    return Path(value)
