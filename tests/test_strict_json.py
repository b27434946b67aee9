"""One I-JSON text (RFC 7493), and nothing that only looks like one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import strict_json
from django_iot_ingest.exceptions import InvalidJson
from django_iot_ingest.strict_json import MAX_DEPTH, load_object, loads
from tests.judges import accepts

pytestmark = pytest.mark.once


@pytest.fixture(params=["orjson", "standard library"], scope="module", autouse=True)
def reader(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every rule holds with the extra ``speed`` and without it."""
    assert strict_json.orjson, "the suite needs orjson: it is in the group test"
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "orjson":
            patch.setattr(strict_json, "orjson", None)
        yield request.param


def nested(depth: int) -> bytes:
    """Return ``depth`` objects and arrays, by turns, inside each other."""
    value: Any = {}
    for level in range(depth - 1):
        value = {"a": value} if level % 2 else [value]
    return json.dumps(value).encode()


# --- the rules of I-JSON, one by one

REFUSED = {
    "empty": b"",
    "blanks": b" \t\r\n",
    "duplicate-name": b'{"a":1,"a":2}',
    "duplicate-name-same-value": b'{"a":1,"a":1}',
    "duplicate-name-through-an-escape": b'{"type":1,"\\u0074ype":2}',
    "duplicate-name-through-a-surrogate-pair": '{"🔋":1,"\\ud83d\\udd0b":2}'.encode(),
    "duplicate-empty-name": b'{"":1,"":2}',
    "duplicate-name-deep-inside": b'{"a":[{"b":{"c":1,"c":2}}]}',
    "duplicate-name-with-its-object": b'{"a":{"b":1,"c":2},"a":{"d":3}}',
    "duplicate-name-before-a-blank": b'{"a" :1,"a":2}',
    "duplicate-name-before-a-line-break": b'{"a":1,"a"\r\n:2}',
    "duplicate-name-before-a-tab": b'{"a":1,"a"\t:2}',
    "duplicate-name-and-a-text-like-a-colon": b'{"a":":","a":2}',
    "byte-order-mark": b'\xef\xbb\xbf{"a":1}',
    "byte-order-mark-inside": b'{\xef\xbb\xbf"a":1}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "utf-16-le": '{"a":1}'.encode("utf-16-le"),
    "utf-16-be": '{"a":1}'.encode("utf-16-be"),
    "utf-32": '{"a":1}'.encode("utf-32"),
    "latin-1": '{"a":"é"}'.encode("latin-1"),
    "overlong-utf-8": b'{"a":"\xc0\xaf"}',
    "raw-surrogate": b'{"a":"\xed\xa0\x80"}',
    "beyond-unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "nan": b'{"a":NaN}',
    "infinity": b'{"a":Infinity}',
    "minus-infinity": b'{"a":-Infinity}',
    "too-large-for-a-float": b'{"a":1e400}',
    "too-small-for-a-float": b'{"a":-1e400}',
    "too-large-without-an-exponent": b'{"a":' + b"9" * 400 + b".0}",
    "2-to-the-53-plus-1": b'{"a":9007199254740993}',
    "minus-2-to-the-53-minus-1": b'{"a":-9007199254740993}',
    "17-digits": b'{"a":10000000000000000}',
    "5,000-digits": b'{"a":' + b"1" * 5_000 + b"}",
    "200,000-digits": b'{"a":-' + b"9" * 200_000 + b"}",
    "trailing-garbage": b'{"a":1} x',
    "two-texts": b'{"a":1}{"b":2}',
    "trailing-nul": b'{"a":1}\x00',
    "trailing-comma": b'{"a":1,}',
    "comment": b'{"a":1/* one */}',
    "single-quotes": b"{'a':1}",
    "raw-newline-in-a-text": b'{"a":"x\ny"}',
    "raw-nul-in-a-text": b'{"a":"\x00"}',
    "leading-zero": b'{"a":01}',
    "leading-plus": b'{"a":+1}',
    "underscore-in-a-number": b'{"a":1_0}',
    "arabic-digit": '{"a":١}'.encode(),
    "non-breaking-space": '{"a":\u00a01}'.encode(),
    "form-feed": b'{"a":\x0c1}',
    "true-in-capitals": b'{"a":True}',
    "100,000-brackets": b"[" * 100_000,
    "100,000-brackets-closed": b"[" * 100_000 + b"]" * 100_000,
    "50,000-braces": b'{"a":' * 50_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=list(REFUSED))
def test_a_text_that_is_no_i_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        loads(data)
    with pytest.raises(InvalidJson):
        load_object(data)


ACCEPTED: dict[str, tuple[bytes, Any]] = {
    "2-to-the-53": (b"9007199254740992", 2**53),
    "minus-2-to-the-53": (b"-9007199254740992", -(2**53)),
    "minus-zero": (b"-0", 0),
    "largest-float": (b"1.7976931348623157e308", 1.7976931348623157e308),
    "float-that-underflows": (b"1e-400", 0.0),
    "float-of-many-digits": (b"0." + b"1" * 100_000, 1 / 9),
    "escaped-lone-surrogate": (b'"\\ud800"', "\ud800"),
    "escaped-lone-low-surrogate": (b'"\\udfff!"', "\udfff!"),
    "escaped-noncharacter": (b'"\\uffff"', "\uffff"),
    "raw-noncharacter": ('"\ufdd0"'.encode(), "\ufdd0"),
    "escaped-nul": (b'"\\u0000"', "\x00"),
    "escaped-surrogate-pair": (b'"\\ud83d\\udd0b"', "🔋"),
    "escaped-byte-order-mark": (b'"\\ufeff"', "\ufeff"),
    "four-byte-characters": ('"🔋"'.encode(), "🔋"),
    "names-that-differ-in-case-only": (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
    "names-that-differ-in-normal-form-only": (
        '{"é":1,"e\u0301":2}'.encode(),
        {"é": 1, "e\u0301": 2},
    ),
    "blanks-before-colons": (b'{"a" :1,"b"\n\t :2}', {"a": 1, "b": 2}),
    "texts-that-begin-with-a-colon": (b'{":":":",":a":[":"]}', {":": ":", ":a": [":"]}),
    "a-quote-before-a-colon-in-a-text": (rb'{"\":":"\":"}', {'":': '":'}),
    "the-same-name-at-two-depths": (b'{"a":{"a":1}}', {"a": {"a": 1}}),
    "blanks-around": (b' \t\r\n{"a":[]} \t\r\n', {"a": []}),
    "no-object": (b"null", None),
}


@pytest.mark.parametrize(("data", "value"), ACCEPTED.values(), ids=list(ACCEPTED))
def test_a_text_at_the_edge_of_i_json_is_read(data: bytes, value: Any) -> None:
    assert loads(data) == value


def test_whole_numbers_stay_whole_and_others_are_floats() -> None:
    assert [type(number) for number in loads(b"[1, 1.0, 1e2]")] == [int, float, float]


def test_sixteen_levels_are_read_and_seventeen_refused() -> None:
    assert MAX_DEPTH == 16
    assert json.loads(nested(17)) is not None
    assert accepts(nested(16))
    assert not accepts(nested(17))


def test_depth_counts_wherever_it_is() -> None:
    arrays = b"[" * 15 + b"]" * 15
    assert accepts(b'{"shallow":[1,2,{}],"deep":' + arrays + b',"last":1}')
    assert not accepts(b'{"shallow":[1,2,{}],"deep":[' + arrays + b'],"last":1}')


@pytest.mark.parametrize("data", [b"[]", b"[{}]", b'"{}"', b"1", b"null", b"true"])
def test_a_text_that_is_no_object_is_read_but_is_no_payload(data: bytes) -> None:
    assert accepts(data)
    with pytest.raises(InvalidJson):
        load_object(data)


def test_a_refusal_tells_nothing_of_the_text() -> None:
    with pytest.raises(InvalidJson) as refusal:
        loads(b'{"secret-of-the-sender": NaN}')
    assert "secret-of-the-sender" not in repr(refusal.value) + str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


# --- any input at all

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | st.text(st.characters())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
tokens = st.sampled_from(
    b'{|}|[|]|:|,| |"|"a"|"\\ud800"|"\\u00|1|-|.5|e9|1e999|NaN|null|'
    b"\xff|\xef\xbb\xbf|99999999999999999999".split(b"|")
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.binary() | st.lists(tokens).map(b"".join) | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused_as_invalid_json_and_nothing_else(data: bytes) -> None:
    with suppress(InvalidJson):
        value = loads(data)
        assert depth(value) <= MAX_DEPTH
        assert json.loads(data) == value


@given(values, st.booleans())
def test_what_a_sender_writes_is_read_as_it_was_meant(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    with suppress(UnicodeEncodeError):  # a raw lone surrogate has no bytes
        data = text.encode()
        assert accepts(data) == (depth(value) <= MAX_DEPTH)
        assert depth(value) > MAX_DEPTH or loads(data) == value


blanks = st.sampled_from(["", "", " ", "\t", "\r\n "])
texts = st.sampled_from(
    [
        '"a"',
        r'"\u0061"',
        '"b"',
        '":"',
        '":a"',
        r'"\":"',
        r'"\"\u003a"',
        r'"\\"',
        '" :"',
        '""',
        '"1e999"',
    ]
)


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return objects as texts, whose names may be there twice."""
    members = st.tuples(blanks, texts, blanks, st.just(":"), blanks, inner).map("".join)
    return st.lists(members, max_size=4).map(lambda written: "{" + ",".join(written) + "}")


@given(
    st.recursive(
        texts | st.sampled_from(["1", "1e999", "NaN"]),
        lambda inner: (
            objects(inner) | st.lists(inner, max_size=3).map(lambda row: f"[{','.join(row)}]")
        ),
        max_leaves=12,
    )
)
def test_a_name_that_came_twice_is_seen_whether_pairs_are_looked_at_or_not(text: str) -> None:
    """The names of an object are not looked at if they are as many as there seem to be."""
    try:
        careful = strict_json._careful_decoder.decode(text)
    except ValueError:
        assert not accepts(text.encode())
    else:
        assert accepts(text.encode()) == (depth(careful) <= MAX_DEPTH)
        assert depth(careful) > MAX_DEPTH or loads(text.encode()) == careful


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_that_is_read_is_infinite(number: float) -> None:
    assert math.isfinite(loads(json.dumps(number).encode()))


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
)
def test_a_number_is_read_alike_whether_it_is_looked_at_or_not(text: str) -> None:
    """Numbers that cannot be out of range are not looked at."""
    try:
        careful = strict_json._careful_decoder.decode(text)
    except ValueError:
        with pytest.raises(InvalidJson):
            loads(text.encode())
    else:
        assert (type(loads(text.encode())), loads(text.encode())) == (type(careful), careful)


def test_what_is_written_is_read_as_it_was() -> None:
    value = {"texts": ["", "\x00", "चार्ज घर ☕", '"\\'], "numbers": [2**53, -1, 0.1, True, None]}
    assert loads(strict_json.dumps(value).encode()) == value


def test_a_time_is_written_as_isoformat_has_it() -> None:
    times = [datetime(2026, 11, 23, 16, 52, 58, micro, UTC) for micro in (0, 7)]
    times.append(datetime(2026, 11, 23, 16, 52, 58))
    written = loads(strict_json.dumps(times, datetime.isoformat).encode())
    assert written == [time.isoformat() for time in times]
