"""Log lines as JSON: one object a line, whatever is logged."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from django_iot_ingest.json_lines import STANDARD, JsonFormatter, fields_of

pytestmark = pytest.mark.once


def record(message: str = "a line", *args: object, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("host.x", logging.INFO, "x.py", 1, message, args, None)
    vars(made).update(fields)
    return made


def said(made: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(made)
    assert text.isascii()
    assert len(text.splitlines()) == 1
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_record_is_an_object_with_its_fields() -> None:
    made = record("%s of %s", "full", 7, event_id=7, duration=0.5, states={"a": 1})
    made.created = 1_795_452_778.25
    assert said(made) == {
        "time": "2026-11-23T16:52:58.250000+00:00",
        "level": "INFO",
        "logger": "host.x",
        "message": "full of 7",
        "event_id": 7,
        "duration": 0.5,
        "states": {"a": 1},
    }


def test_lines_and_letters_of_others_stay_on_the_line() -> None:
    assert said(record("a\nERROR forged\u2028\x1b[2J"))["message"].startswith("a\nERROR")


class Mute:
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({1}, "{1}"),
        (b"x", "b'x'"),
        (Mute(), "builtins.ZeroDivisionError"),
        ("x", "x"),
        (None, None),
    ],
)
def test_what_json_does_not_know_is_told_as_text(value: Any, told: Any) -> None:
    assert said(record(odd=value))["odd"] == told


def test_an_exception_of_the_hosts_is_told() -> None:
    made = record()
    try:
        raise ValueError("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert said(made)["exception"].endswith("ValueError: why")


def test_what_a_formatter_before_has_set_is_no_field() -> None:
    made = record(event_id=7)
    logging.Formatter("{asctime} {message}", style="{").format(made)
    assert fields_of(made) == {"event_id": 7}
    assert {"taskName", "message", "asctime", "msg", "args"} <= STANDARD
