"""Judges from outside: files and programs that the project does not carry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from django_iot_ingest.exceptions import InvalidJson
from django_iot_ingest.strict_json import loads


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


def json_test_suite(prefix: str) -> dict[str, bytes]:
    """Return the texts of JSONTestSuite whose names start with ``prefix``."""
    source = "test_parsing/ of https://github.com/nst/JSONTestSuite"
    files = folder("JSON_TEST_SUITE", source).glob(f"{prefix}_*.json")
    return {file.name: file.read_bytes() for file in sorted(files)}


def accepts(data: bytes) -> bool:
    """Return whether our reader takes a text."""
    try:
        loads(data)
    except InvalidJson:
        return False
    return True
