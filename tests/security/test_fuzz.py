"""Any bytes at all, to the signing core, the reader and the parser: they refuse, and never raise.

``FUZZ_EXAMPLES`` says how many of each; by default a few, since every run of the suite pays for them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_iot_ingest import event_types
from django_iot_ingest.events import Receipt
from django_iot_ingest.exceptions import InvalidJson, InvalidPayload, Refusal, UnknownType
from django_iot_ingest.signing import verify
from django_iot_ingest.strict_json import load_object
from tests.line import Line
from tests.payloads import SECRET, cabinet, encode, returned, status
from tests.security.cases import examples

pytestmark = pytest.mark.one_host

REFUSALS = (InvalidJson, InvalidPayload, UnknownType)
NOW = 1_795_452_778

fuzz = hypothesis_settings(
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
few = hypothesis_settings(fuzz, max_examples=examples(60))

SEEDS = [
    encode(payload)
    for payload in (
        status(at=NOW),
        returned(at=NOW),
        cabinet({1: "A", 2: "B"}, at=NOW),
    )
]
hostile = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 255, 256, 2**31, 2**53, -(2**53), 1.5, -0.0, 1e308),
        *("", "\x00", "\ud800", "\udc00\ud800", "\ufffe", "\u202e", "☕" * 300, "x" * 70, "NaN"),
        *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z"),
        *([], {}, [None], {"": None}, {"\x00": 1, "": 2}, [[[]]], {"error_code": None}),
    ]
)
json_values = st.recursive(
    hostile
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(["full", "status", "returned"])},
    optional={
        name: json_values
        for name in ("timestamp", "device", "station", "slots", "power_banks", "return_event")
    },
)


@st.composite
def broken(draw: Callable[..., Any]) -> bytes:
    """Return a good event that was cut, flipped, doubled or filled with noise in some places."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    rng: random.Random = draw(st.randoms(use_true_random=False))
    for _ in range(draw(st.integers(1, 6))):
        start, length = rng.randrange(len(data) + 1), rng.randrange(12)
        part = bytes(data[start : start + length])
        noise = bytes(rng.randrange(256) for _ in range(length))
        data[start : start + length] = rng.choice(
            [b"", part * 2, noise, b'"', b"}", b"[", b"\\u0000"]
        )
        if not data:
            break
    return bytes(data)


@st.composite
def replaced(draw: Callable[..., Any]) -> dict[str, Any]:
    """Return a good event in which some values, anywhere, are hostile ones."""
    payload = draw(st.sampled_from([status, returned, lambda **at: cabinet({1: "A"}, **at)]))(
        at=NOW
    )
    places = list(walk(payload))
    for holder, key in draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        holder[key] = draw(hostile | json_values)
    return dict(payload)


def walk(value: Any) -> Any:
    """Yield every place in a JSON value: what holds it, and its key."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from walk(item)


def read(body: bytes) -> None:
    """Read bytes as an event; only declared refusals may come of it."""
    receipt = Receipt(body, NOW, datetime.fromtimestamp(NOW, UTC))
    try:
        event_types.read_receipt(receipt)
    except REFUSALS as refusal:
        assert isinstance(refusal, Refusal)


@fuzz
@given(st.binary(), st.text(), st.text(), st.lists(st.text(st.characters()), max_size=2))
def test_verify_takes_anything(
    judged: Any, body: bytes, timestamp: str, signature: str, secrets: list[str]
) -> None:
    assert verify(body, timestamp, signature, secrets) is False
    judged("fuzz executions: verify", 1)


@fuzz
@given(st.binary() | broken() | st.text().map(str.encode))
def test_the_reader_takes_anything(judged: Any, data: bytes) -> None:
    with suppress(InvalidJson):
        assert isinstance(load_object(data), dict)
    judged("fuzz executions: the JSON reader", 1)


@fuzz
@given(st.binary() | broken() | events.map(encode) | replaced().map(encode))
def test_the_parser_takes_anything(judged: Any, data: bytes) -> None:
    read(data)
    judged("fuzz executions: the parser", 1)


@few
@given(broken() | events.map(encode) | replaced().map(encode))
def test_the_whole_view_takes_anything_that_is_signed(judged: Any, line: Line, data: bytes) -> None:
    assert line.call(body=data).status_code in (200, 400)
    judged("fuzz executions: the whole view, signed", 1)


@few
@given(
    st.dictionaries(
        st.sampled_from(["timestamp", "token", "content_type", "length", "encoding"]),
        st.text(st.characters(max_codepoint=255), max_size=60),
    )
)
def test_the_whole_view_takes_any_header(judged: Any, line: Line, said: dict[str, str]) -> None:
    response = line.call(**{"secret": "not " + SECRET, **said})
    assert response.status_code in (401, 403, 411, 413, 415)
    judged("fuzz executions: the whole view, any headers", 1)


def test_a_megabyte_of_brackets_takes_no_time_worth_speaking_of() -> None:
    """No timing is asserted but that it ends: a quadratic reader would take hours."""
    began = time.monotonic()
    for data in (b"[" * 2**20, b'{"a":' * 2**18, b'"' + b"\\" * 2**20, b"9" * 2**20, b"-" * 2**20):
        read(data)
    assert time.monotonic() - began < 60
