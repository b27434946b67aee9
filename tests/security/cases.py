"""Numbered cases: what is tried, and what is answered. ``docs/explanation/security.md`` lists them all.

The answer in the list is the one that the test compares with, so the two cannot differ.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest


def attack(what: str, answer: str, *values: Any) -> Any:
    """Return one case as a parameter of its test, which gets ``values`` and ``expected``."""
    name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    return pytest.param(*values, id=name, marks=pytest.mark.case(what, answer))


def case(what: str, answer: str) -> Any:
    """Mark a test that is one case by itself."""
    return pytest.mark.case(what, answer)


def told(response: Any) -> str:
    """Return what was answered: ``403 INVALID_SIGNATURE``, or ``200 applied: cleaned, unusable``."""
    answer = response.json()
    if not answer["success"]:
        return f"{response.status_code} {answer['error']}"
    warnings = sorted({warning["code"] for warning in answer["data"]["warnings"]})
    heard = f": {', '.join(warnings)}" if warnings else ""
    return f"{response.status_code} {answer['data']['state']}{heard}"


def examples(default: int) -> int:
    """Return how many examples a search tries: ``FUZZ_EXAMPLES``, or a number for every day."""
    return int(os.environ.get("FUZZ_EXAMPLES", default))
