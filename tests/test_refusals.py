"""Refusals are counted, signalled, and logged at most once a minute for each reason."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from django_iot_ingest import logs, refusals
from django_iot_ingest.exceptions import (
    InvalidSignature,
    IpNotAllowed,
    StaleTimestamp,
    TemporarilyUnavailable,
)
from django_iot_ingest.refusals import KEEP_MINUTES, Tally, note

pytestmark = pytest.mark.once

MINUTE = 1_795_452_780
assert MINUTE % 60 == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: seconds)
        monkeypatch.setattr(logs.time, "monotonic", lambda: seconds)

    set_to(MINUTE)
    return set_to


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_refusals_are_counted_by_minute_and_reason(clock: Any) -> None:
    note(InvalidSignature(), "1")
    clock(MINUTE + 59)
    note(InvalidSignature(), "2")
    note(IpNotAllowed(), "3")
    clock(MINUTE + 60)
    note(IpNotAllowed(), "4")
    assert refusals.counts() == {
        moment(MINUTE): {"INVALID_SIGNATURE": 2, "IP_NOT_ALLOWED": 1},
        moment(MINUTE + 60): {"IP_NOT_ALLOWED": 1},
    }


def test_counts_are_kept_for_an_hour(clock: Any) -> None:
    tally = Tally()
    tally.add("A")
    clock(MINUTE + 60 * KEEP_MINUTES - 1)
    assert tally.counts() == {moment(MINUTE): {"A": 1}}
    clock(MINUTE + 60 * KEEP_MINUTES)
    assert tally.counts() == {}


def test_memory_is_bounded_however_long_it_goes_on(clock: Any) -> None:
    tally = Tally()
    for minute in range(3 * KEEP_MINUTES):
        clock(MINUTE + 60 * minute)
        tally.add("A")
    assert len(tally.counts()) == KEEP_MINUTES


def test_a_reason_is_logged_once_a_minute_and_the_next_line_counts_the_others(
    clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        note(IpNotAllowed(), f"id{number}")
    note(InvalidSignature(), "other")
    clock(MINUTE + 60)
    note(IpNotAllowed(), "later")
    assert [record.message for record in caplog.records] == [
        "StationDataInternalView refused IP_NOT_ALLOWED, request id0",
        "StationDataInternalView refused the signature: INVALID_SIGNATURE, request other",
        "StationDataInternalView refused IP_NOT_ALLOWED, request later; 2 more since the last such line",
    ]


@pytest.mark.parametrize("refusal", [InvalidSignature(), StaleTimestamp(server_time=0)])
def test_a_signature_fault_says_so(refusal: Any, caplog: pytest.LogCaptureFixture) -> None:
    note(refusal, "1")
    assert "signature" in caplog.text


def test_what_nobody_expected_is_logged_with_its_place_and_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for words in ("first token", "second token"):
        try:
            raise RuntimeError(words)
        except RuntimeError as error:
            note(TemporarilyUnavailable(), "1", unexpected=error)
    warning, error = caplog.records
    assert (warning.levelno, error.levelno) == (logging.WARNING, logging.ERROR)
    assert "failed, request 1: RuntimeError" in error.message
    assert "in test_what_nobody_expected" in error.message
    assert "token" not in error.message.replace('("first token", "second token")', "")
    assert (error.exc_info, error.levelname) == (None, "ERROR")
