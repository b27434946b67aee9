"""Bodies as texts: whatever bytes they have, nothing is hidden and nothing guessed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest.admin import bodies
from django_iot_ingest.admin.bodies import shown
from django_iot_ingest.admin.spans import UNKNOWN, in_words, milliseconds, percent

pytestmark = pytest.mark.once


def test_json_is_indented() -> None:
    read = shown('{"a":[1,"चार्ज"],"b":1e2}'.encode())
    assert read.text == '{\n  "a": [\n    1,\n    "चार्ज"\n  ],\n  "b": 100.0\n}'
    assert (read.note, read.is_cut) == (str(bodies.INDENTED), False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"{",
        b"[" * 17 + b"]" * 17,
        b'{"a":%d}' % 2**60,
        b"text",
    ],
)
def test_what_has_no_one_meaning_is_shown_as_it_was_sent(body: bytes) -> None:
    read = shown(body)
    assert read.text == body.decode().replace("\ufeff", r"\ufeff")
    assert read.note == str(bodies.AS_SENT)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"caf\xe9", r"caf\xe9"),
        (b"\x1f\x8b\x08\x00", r"\u001f\x8b\u0008\u0000"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"\xff", r"\xff"),
    ],
)
def test_bytes_that_are_no_utf8_are_written_out(body: bytes, text: str) -> None:
    assert shown(body).text == text
    assert shown(body).note == str(bodies.NOT_UTF8)


def test_what_would_hide_or_turn_a_text_is_written_out() -> None:
    hidden = "\u202e\u2066\u200f\u2028\ufeff\x7f\x85\x1b"
    read = shown(json.dumps({"a": hidden}, ensure_ascii=False).encode())
    assert not set(hidden) & set(read.text)
    assert r"\u202e\u2066\u200f\u2028\ufeff\u007f\u0085" in read.text
    assert "क्‍ष 👩‍🔧" in shown('"क्‍ष 👩‍🔧"'.encode()).text, "joiners are letters of people's"


def test_a_long_body_is_cut() -> None:
    read = shown(json.dumps(["a" * 1000] * 100).encode())
    assert len(read.text) == bodies.MOST_SHOWN
    assert read.is_cut
    assert read.length == 100 * 1004


def test_a_body_beyond_reason_is_not_even_read() -> None:
    for start in (
        b"[" + b"1," * bodies.MOST_READ,
        "☕".encode() * bodies.MOST_READ,
        b"\xff" * 2**21,
    ):
        read = shown(start)
        assert read.note == str(bodies.LONG)
        assert read.is_cut
        assert len(read.text) <= 6 * bodies.MOST_SHOWN


@given(st.binary(max_size=200))
def test_every_body_can_be_sent_to_a_browser(body: bytes) -> None:
    read = shown(body)
    assert "\x00" not in read.text
    read.text.encode()


@given(st.text(max_size=50))
def test_every_text_can_be_sent_to_a_browser(text: str) -> None:
    shown(json.dumps({text: text}).encode()).text.encode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, UNKNOWN),
        (-1, UNKNOWN),
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3720, "1 hour, 2 minutes"),
        (86_400 * 9, "1 week, 2 days"),
        (2**62, UNKNOWN),
    ],
)
def test_spans_are_told_as_people_do(seconds: int | None, words: str) -> None:
    assert in_words(seconds) == words


def test_what_is_not_known_is_a_dash() -> None:
    assert (milliseconds(None), percent(None)) == (UNKNOWN, UNKNOWN)
    assert (milliseconds(timedelta(microseconds=1500)), percent(0)) == ("2 ms", "0 %")
