"""What may stand in a log."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError

from django_iot_ingest import logs
from django_iot_ingest.logs import MAX_MESSAGE, QUIET_SECONDS, Throttle, escaped, trace

pytestmark = pytest.mark.once


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Mute(Exception):
    """An exception that cannot even be written down."""

    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


def caught(work: Any) -> BaseException:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - it is what the test is about
        return error
    raise AssertionError("nothing was raised")


def fail(words: str) -> None:
    secret_local = "this-stands-in-a-frame"  # noqa: F841 - a trace must not show it
    raise ValueError(words)


def fail_over(words: str) -> None:
    try:
        fail(words)
    except ValueError as error:
        raise LookupError("over it") from error


def test_a_line_of_one_kind_is_let_through_once_a_minute(clock: Clock) -> None:
    throttle = Throttle()
    assert [throttle.take("a") for _ in range(3)] == [0, None, None]
    assert throttle.take("b") == 0
    clock.now += QUIET_SECONDS - 0.1
    assert throttle.take("a") is None
    clock.now += 0.1
    assert [throttle.take("a") for _ in range(2)] == [3, None]


def test_what_was_logged_can_be_forgotten(clock: Clock) -> None:
    throttle = Throttle()
    throttle.take("a")
    throttle.clear()
    assert throttle.take("a") == 0


def test_a_trace_names_the_places_the_causes_and_their_words() -> None:
    text = trace(caught(lambda: fail_over("why")))
    assert text.index("builtins.ValueError: why") < text.index("builtins.LookupError: over it")
    assert "in fail_over" in text
    assert "this-stands-in-a-frame" not in text.replace('secret_local = "this-stands', "")


def test_a_trace_without_words_shows_nothing_but_code() -> None:
    text = trace(caught(lambda: fail_over("w" * 5 + "hy")), with_words=False)
    assert "wwwwwhy" not in text
    assert text.endswith("builtins.LookupError")


def test_words_stand_on_one_line_of_ascii() -> None:
    text = trace(caught(lambda: fail("a\nERROR forged\r\x1b[2J\u202e☕\x00")))
    assert text.endswith(r"ValueError: a\nERROR forged\r\x1b[2J\u202e\u2615\x00")


@pytest.mark.parametrize("error_class", [DatabaseError, IntegrityError, sqlite3.OperationalError])
def test_a_database_may_show_a_row_below_its_first_line(error_class: type[Exception]) -> None:
    def store() -> None:
        raise error_class("null value in column\nDETAIL:  Failing row contains (a body).")

    assert trace(caught(store)).endswith("Error: null value in column")


def test_words_are_cut() -> None:
    assert len(escaped("x" * 10_000)) == MAX_MESSAGE


def test_an_exception_that_has_no_words_is_named() -> None:
    assert escaped(Mute()) == "builtins.ZeroDivisionError"


def test_a_ring_of_causes_ends() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert trace(first).count("ValueError") == 2
