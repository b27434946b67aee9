"""Bytes that are no I-JSON object, or only just are one"""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_iot_ingest.conf import get_station_model
from tests.line import Line
from tests.payloads import encode, status
from tests.security.cases import attack, told

pytestmark = pytest.mark.one_host

INVALID = "400 INVALID_JSON"
APPLIED = "200 applied"
BODY = encode(status())
TEXT = BODY.decode()


def extra(value: str | bytes) -> bytes:
    """Return a good event with one more field, whose value is written as it is given."""
    value = value.encode() if isinstance(value, str) else value
    return BODY[:-1] + b', "extra": ' + value + b"}"


def named(name: str | bytes) -> bytes:
    """Return a good event with one more field of this name, in quotes as they are given."""
    name = name.encode() if isinstance(name, str) else name
    return BODY[:-1] + b', "' + name + b'": 1}'


def nested(depth: int) -> str:
    """Return arrays inside each other, ``depth`` with the event's own object."""
    return "[" * (depth - 1) + "]" * (depth - 1)


@pytest.mark.parametrize(
    "body",
    [
        attack("no body at all", INVALID, b""),
        attack("blanks", INVALID, b" \r\n\t"),
        attack("null", INVALID, b"null"),
        attack("an array around the event", INVALID, b"[" + BODY + b"]"),
        attack("a string that holds the event", INVALID, json.dumps(TEXT).encode()),
        attack("a number", INVALID, b"1"),
        attack("the event twice", INVALID, BODY + BODY),
        attack("the event, and a comma", INVALID, BODY + b","),
        attack("the event, cut", INVALID, BODY[:-1]),
        attack("the event and a line break", APPLIED, BODY + b"\r\n"),
        attack("the event and a NUL byte", INVALID, BODY + b"\x00"),
        attack("a byte order mark before it", INVALID, b"\xef\xbb\xbf" + BODY),
        attack("UTF-16, little endian", INVALID, TEXT.encode("utf-16-le")),
        attack("UTF-16 with its mark", INVALID, TEXT.encode("utf-16")),
        attack("UTF-32", INVALID, TEXT.encode("utf-32-be")),
        attack("UTF-7", INVALID, b"+AHs-" + BODY[1:]),
        attack("Latin-1 letters", INVALID, extra(b'"\xe9"')),
        attack("an overlong slash", INVALID, extra(b'"\xc0\xaf"')),
        attack("an overlong NUL", INVALID, extra(b'"\xc0\x80"')),
        attack("a surrogate as bytes", INVALID, extra(b'"\xed\xa0\x80"')),
        attack(
            "a pair of surrogates as bytes (CESU-8)", INVALID, extra(b'"\xed\xa0\xbd\xed\xb8\x80"')
        ),
        attack("a character beyond U+10FFFF", INVALID, extra(b'"\xf4\x90\x80\x80"')),
        attack("a character that is cut", INVALID, extra(b'"\xe2\x98"')),
        attack("an escaped lone surrogate", APPLIED, extra(r'"\ud800"')),
        attack("an escaped pair the wrong way round", APPLIED, extra(r'"\udc00\ud800"')),
        attack("an escaped NUL", APPLIED, extra(r'"\u0000"')),
        attack("a noncharacter", APPLIED, extra('"\uffff\ufdd0"')),
        attack("an escaped slash", APPLIED, extra(r'"\/"')),
        attack("U+2028 unescaped", APPLIED, extra('"\u2028"')),
        attack("a name twice", INVALID, BODY[:-1] + b', "type": "full"}'),
        attack("a name twice, once escaped", INVALID, BODY[:-1] + rb', "\u0074ype": "full"}'),
        attack("a name twice, deep inside", INVALID, extra('{"a": [{"b": 1, "b": 2}]}')),
        attack("a name twice with one value", INVALID, extra('{"a": 1, "a": 1}')),
        attack("names that differ in letter case", APPLIED, extra('{"a": 1, "A": 2}')),
        attack("names that are equal once normalised", APPLIED, extra('{"é": 1, "e\u0301": 2}')),
        attack("the name __proto__", APPLIED, named("__proto__")),
        attack("an empty name", APPLIED, named("")),
        attack("a name of 10,000 characters", APPLIED, named("n" * 10_000)),
        attack("NaN", INVALID, extra("NaN")),
        attack("Infinity", INVALID, extra("Infinity")),
        attack("minus Infinity", INVALID, extra("-Infinity")),
        attack("a number too large for a float", INVALID, extra("1e400")),
        attack("a number too large, negative", INVALID, extra("-1e309")),
        attack("a number too small for a float", APPLIED, extra("1e-400")),
        attack("2^53", APPLIED, extra("9007199254740992")),
        attack("2^53 + 1", INVALID, extra("9007199254740993")),
        attack("minus 2^53 - 1", INVALID, extra("-9007199254740993")),
        attack("a number of 100,000 digits", INVALID, extra("9" * 100_000)),
        attack("a fraction of 100,000 digits", APPLIED, extra("0." + "3" * 100_000)),
        attack("minus zero", APPLIED, extra("-0")),
        attack("a leading zero", INVALID, extra("01")),
        attack("a leading plus", INVALID, extra("+1")),
        attack("a number in hexadecimal", INVALID, extra("0x1F")),
        attack("an underscore in a number", INVALID, extra("1_0")),
        attack("digits of another script", INVALID, extra("१२")),
        attack("a bare dot", INVALID, extra("1.")),
        attack("a trailing comma", INVALID, extra("[1,]")),
        attack("a comment", INVALID, extra("1 /* one */")),
        attack("single quotes", INVALID, extra("'a'")),
        attack("a name without quotes", INVALID, BODY[:-1] + b", a: 1}"),
        attack("Python's None", INVALID, extra("None")),
        attack("True in Python's spelling", INVALID, extra("True")),
        attack("a line break inside a text", INVALID, extra('"a\nb"')),
        attack("a control character inside a text", INVALID, extra('"\x1f"')),
        attack("an unknown escape", INVALID, extra(r'"\x41"')),
        attack("a form feed between tokens", INVALID, extra("\x0c1")),
        attack("a no-break space between tokens", INVALID, extra("\u00a01")),
        attack("16 levels", APPLIED, extra(nested(16))),
        attack("17 levels", INVALID, extra(nested(17))),
        attack("100,000 levels", INVALID, extra(nested(100_000))),
        attack("100,000 opening brackets", INVALID, b"[" * 100_000),
        attack("10,000 names", APPLIED, extra(json.dumps({f"n{n}": n for n in range(10_000)}))),
    ],
)
def test_what_is_signed_is_one_i_json_object(body: bytes, expected: str, line: Line) -> None:
    assert told(line.call(body=body)) == expected
    stations: Any = get_station_model()._base_manager
    assert stations.count() == (1 if expected == APPLIED else 0)
