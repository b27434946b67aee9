"""Where a body breaks the rules: the reason and the place of what ``strict_json`` refuses."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import strict_json
from django_iot_ingest.doctor import json_faults
from django_iot_ingest.exceptions import InvalidJson

pytestmark = pytest.mark.once

CASES = {
    b"": ("body_empty", ""),
    b" \n": ("body_empty", "It has 2 bytes."),
    b"\xef\xbb\xbf{}": ("bom_sent", "Its first three bytes are EF BB BF."),
    b'{"a":"\xff"}': (
        "body_not_utf8",
        "Byte 6 (of 9, counted from 0) is 0xff: invalid start byte.",
    ),
    b'{"a":"\xed\xa0\x80"}': (
        "body_not_utf8",
        "Byte 6 (of 11, counted from 0) is 0xed: invalid continuation byte.",
    ),
    b"\xff\xfe{\x00}\x00": ("body_not_utf8", "It looks like UTF-16 with a byte order mark."),
    b"{\x00}\x00": ("body_not_utf8", "It looks like UTF-16 or UTF-32 without a byte order mark."),
    b'{\n "a": 1\n "b": 2}': ("json_syntax", "Expecting ',' delimiter, at line 3, column 2."),
    b"{}{}": ("json_syntax", "Extra data, at line 1, column 3."),
    b'{"a":{"b":1,"b":2}}': ("json_duplicate_name", "At 'a.b', line 1, column 13: '\"b\"'."),
    b'{"a":1,"\\u0061":2}': ("json_duplicate_name", "At 'a', line 1, column 8: '\"\\\\u0061\"'."),
    b'{"a":[0,NaN]}': ("json_not_a_number", "At 'a.1', line 1, column 9: 'NaN'."),
    b'{"a":-Infinity}': ("json_not_a_number", "At 'a', line 1, column 7: 'Infinity'."),
    b'{"a":9007199254740993}': (
        "json_number_too_large",
        "At 'a', line 1, column 6: '9007199254740993'.",
    ),
    b'{"a":1e999}': ("json_number_too_large", "At 'a', line 1, column 6: '1e999'."),
    b"[" * 17 + b"]" * 17: ("json_too_deep", "Level 17 begins at line 1, column 17."),
    b"[1]": ("json_not_object", "It is an array."),
    b'"text"': ("json_not_object", "It is a text."),
    b"null": ("json_not_object", "It is null."),
    b"7": ("json_not_object", "It is a number."),
}


@pytest.mark.parametrize("body", CASES, ids=[repr(body)[:30] for body in CASES])
def test_a_fault_is_told_with_its_place(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        strict_json.load_object(body)
    found = json_faults.find(body)
    assert (str(found.code), found.evidence) == CASES[body]


def test_a_number_of_many_digits_is_told_and_cut() -> None:
    found = json_faults.find(b'{"a":' + b"9" * 10_000 + b"}")
    assert found.code == "json_number_too_large" and len(found.evidence) < 100


def test_what_is_deep_beyond_the_readers_stack_is_told() -> None:
    assert json_faults.find(b"[" * 200_000).code == "json_too_deep"


def test_a_quote_left_open_before_many_others_takes_no_longer_than_its_length() -> None:
    started = time.monotonic()
    assert json_faults.find(b'"' + b'\\"' * 130_000).code == "json_syntax"
    assert json_faults.find(b'["\\').code == "json_syntax"
    assert time.monotonic() - started < 5


def test_a_terminal_is_safe_from_names() -> None:
    found = json_faults.find('{"\x7f\x9b31m":1,"\x7f\x9b31m":2}'.encode())
    assert found.evidence.isascii() and found.evidence.isprintable()


pieces = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        '"a"',
        '"b"',
        "1",
        "-",
        "NaN",
        "1e999",
        "true",
        "\\",
        '"',
        " ",
        "é",
    ]
)


@given(
    st.one_of(
        st.binary(max_size=40), st.lists(pieces, max_size=30).map(lambda p: "".join(p).encode())
    )
)
def test_every_refused_body_has_a_reason(body: bytes) -> None:
    try:
        strict_json.load_object(body)
    except InvalidJson:
        found = json_faults.find(body)
        assert found.code != "json_syntax" or found.evidence, body


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(values, st.booleans())
def test_what_a_library_writes_and_is_refused_has_a_reason(value: object, is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii, indent=1).encode("utf-8", "surrogatepass")
    try:
        strict_json.load_object(body)
    except InvalidJson:
        assert json_faults.find(body).code != "json_syntax"
