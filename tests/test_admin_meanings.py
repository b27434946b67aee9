"""Codes in sentences: none is without one, and none claims what it cannot know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError

from django_iot_ingest import captures, exceptions, faults
from django_iot_ingest.admin import meanings
from django_iot_ingest.events import WarningCode
from django_iot_ingest.models import IngestEvent

pytestmark = pytest.mark.once

ANSWERS = Path(__file__).resolve().parent.parent / "docs/reference/answers.md"


def test_every_state_and_every_warning_has_a_meaning() -> None:
    assert set(meanings.STATES) == set(IngestEvent.State.values)
    assert set(meanings.WARNINGS) == set(WarningCode)
    assert len({str(text) for text in meanings.WARNINGS.values()}) == len(WarningCode)


def test_the_warnings_are_those_of_the_documentation() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \|$", ANSWERS.read_text(), re.MULTILINE)
    assert set(map(str, WarningCode)) <= set(rows)


def test_what_is_refused_into_the_inbox_has_a_meaning() -> None:
    for reason in captures.REASONS:
        if reason.status_code == 400:
            assert meanings.of_error(reason.error) not in ("", str(meanings.HOST))


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("", ""),
        ("OperationalError:40P01", meanings.CONFLICT),
        ("OperationalError:1213", meanings.CONFLICT),
        ("OperationalError:57P01", meanings.AWAY),
        ("OperationalError:08006", meanings.AWAY),
        ("OperationalError:2006", meanings.AWAY),
        ("OperationalError:0", meanings.AWAY),
        ("OperationalError:55P03", meanings.BUSY),
        ("OperationalError:53100", meanings.BUSY),
        ("OperationalError:1205", meanings.BUSY),
        ("OperationalError", meanings.BUSY),
        ("IntegrityError:23505", meanings.DUPLICATE),
        ("IntegrityError:1062", meanings.DUPLICATE),
        ("IntegrityError:23503", meanings.MISSING),
        ("IntegrityError:1452", meanings.MISSING),
        ("IntegrityError:23502", meanings.NOT_NULL),
        ("IntegrityError:1048", meanings.NOT_NULL),
        ("IntegrityError:23514", meanings.CHECK),
        ("IntegrityError:4025", meanings.CHECK),
        ("IntegrityError", meanings.DATABASE),
        ("DataError:22001", meanings.DATA),
        ("DataError:1406", meanings.DATA),
        ("ProgrammingError:42P01", meanings.SCHEMA),
        ("ProgrammingError:1146", meanings.SCHEMA),
        ("ProgrammingError:42501", meanings.RIGHTS),
        ("ProgrammingError:XX000", meanings.DATABASE),
        ("OperationalError:٣٣٣٣", meanings.DATABASE),
        ("OperationalError:", meanings.DATABASE),
        ("Interrupted", meanings.OURS["Interrupted"]),
        ("ConcurrentChange", meanings.OURS["ConcurrentChange"]),
        ("station_unknown", meanings.WARNINGS[WarningCode.STATION_UNKNOWN]),
        ("RuntimeError", meanings.HOST),
        ("Out:Of:Tariff\n", meanings.HOST),
    ],
)
def test_a_code_has_the_meaning_of_its_number(code: str, meaning: Any) -> None:
    assert meanings.of_error(code) == str(meaning)


def test_the_codes_that_the_inbox_writes_are_understood() -> None:
    class Driver(Exception):
        sqlstate = "40001"

    conflict = OperationalError("words")
    conflict.__cause__ = Driver()
    told = {
        faults.code_of(conflict): meanings.CONFLICT,
        faults.code_of(IntegrityError(1062, "words")): meanings.DUPLICATE,
        faults.code_of(DatabaseError("words")): meanings.DATABASE,
        faults.code_of(exceptions.Interrupted()): meanings.OURS["Interrupted"],
        faults.code_of(ValueError("words")): meanings.HOST,
    }
    for code, meaning in told.items():
        assert meanings.of_error(code) == str(meaning)


@pytest.mark.parametrize("code", [None, 3, [], {}, "of a later release"])
def test_a_warning_that_is_none_of_ours_has_no_meaning(code: Any) -> None:
    assert meanings.of_warning(code) == ""
