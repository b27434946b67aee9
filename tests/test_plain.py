"""A snapshot as nearly all are is read as the careful readers read it, or not at all."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import event_types, plain, strict_json
from django_iot_ingest.events import FullReport, Receipt
from django_iot_ingest.exceptions import Refusal
from tests.payloads import bank_row, cabinet, empty_slot, full, held_slot

pytestmark = pytest.mark.once

SNAPSHOT = full(
    [
        empty_slot(1),
        held_slot(2, "A-1", status="ERROR"),
        held_slot(
            3, "A-2", slot_metadata={"last_updated": "2026-11-23T16:52:58.7Z", "lock_count": 3}
        ),
    ],
    [bank_row("A-1", 2), bank_row("A-2", 3, hardware_info={})],
)
SNAPSHOT["station"]["pinboards"] = [{"index": 1, "io": 0, "temperature": 28}]


def receipt(payload: Any) -> Receipt:
    body = payload if isinstance(payload, bytes) else encode(payload)
    return Receipt(body, int(time.time()), datetime.now(UTC))


def encode(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def values(report: FullReport) -> dict[str, Any]:
    """Return all of a report but the payload."""
    names = {field.name for field in dataclasses.fields(report)} - {"raw"}
    return {name: getattr(report, name) for name in names}


def agrees(received: Receipt) -> bool:
    """Return whether a body is plain; then the careful readers say the same of it."""
    report = plain.read(received)
    if report is None:
        return False
    _, careful = event_types.read_receipt(received)
    assert isinstance(careful, FullReport)
    assert values(report) == values(careful)
    return True


# --- what is plain


@pytest.mark.parametrize(
    "payload",
    [
        SNAPSHOT,
        cabinet({}),
        cabinet({1: "A", 2: "B", 4: "C"}),
        full(device={"imei": ""}),
        full(device={"status": "MAINTENANCE", "wifi_ssid": "", "hardware_info": {}}),
        full(device={"wifi_ssid": 'a "quoted" name, \\ and ☕'}),
        full(device={"hardware_info": {"a": None, "b": True, "c": -(2**53)}}),
        full(at=time.time() - 4),
        full(at=time.time() + 100),
    ],
    ids=lambda payload: None,
)
def test_what_a_gateway_sends_is_plain(payload: Any) -> None:
    assert agrees(receipt(payload))


def test_a_clock_that_is_off_shifts_the_same_times() -> None:
    received = Receipt(encode(SNAPSHOT), int(time.time()) - 3600, datetime.now(UTC))
    assert agrees(received)


# --- what is not: it is left to the careful readers

ODD: dict[str, Any] = {
    "no-slots": full([], []),
    "misread-frame": full([], [], station={"serial_number": "S", "total_slots": 0}),
    "slot-twice": full([empty_slot(1), empty_slot(1)], []),
    "bank-twice": full(
        [held_slot(1, "A"), held_slot(2, "B")], [bank_row("A", 1), bank_row("A", 1)]
    ),
    "two-banks-in-a-slot": full([held_slot(1, "A")], [bank_row("A", 1), bank_row("B", 1)]),
    "bank-without-its-slot": full([empty_slot(1)], [bank_row("A", 1)]),
    "slot-names-a-bank-without-a-row": full([held_slot(1, "A")], []),
    "slot-names-another-bank": full([held_slot(1, "A")], [bank_row("B", 1)]),
    "slot-unknown": full([empty_slot(1)], [bank_row("A", 9)]),
    "bank-in-an-empty-slot": full([held_slot(1, "A", status="AVAILABLE")], [bank_row("A", 1)]),
    "error-code": full([empty_slot(1, slot_metadata={"error_code": 5})], []),
    "error-code-null": full([empty_slot(1, slot_metadata={"error_code": None})], []),
    "status-in-small-letters": full([empty_slot(1, status="available")], []),
    "status-unknown": full([empty_slot(1, status="ODD")], []),
    "rented": full([held_slot(1, "A")], [bank_row("A", 1, status="RENTED")]),
    "battery-above-100": full([empty_slot(1, battery_level=101)], []),
    "battery-true": full([empty_slot(1, battery_level=True)], []),
    "battery-with-a-fraction": full([empty_slot(1, battery_level=1.0)], []),
    "battery-null": full([empty_slot(1, battery_level=None)], []),
    "slot-number-256": full([empty_slot(256)], []),
    "slot-number-text": full([empty_slot("1")], []),
    "serial-with-a-line-break": full(serial="S1\n"),
    "serial-empty": full(serial=""),
    "bank-serial-odd": full([held_slot(1, "Ä")], [bank_row("Ä", 1)]),
    "nul": full(device={"wifi_ssid": "a\x00"}),
    "imei-a-number": full(device={"imei": 5}),
    "signal-too-long": full(device={"signal_strength": "x" * 65}),
    "no-status": full(device={"status": None}),
    "heartbeat-odd": full(device={"last_heartbeat": "24:00"}),
    "timestamp-early": full(at=5),
    "timestamp-text": {**full(), "timestamp": "1795452778"},
    "a-fraction-among-the-facts": full(device={"hardware_info": {"a": 0.5}}),
    "an-object-among-the-facts": full(device={"hardware_info": {"a": {}}}),
    "257-slots": full([empty_slot(1)] * 257, []),
    "a-name-that-nobody-knows": full(colour="red"),
    "another-type": {**full(), "type": "status"},
    "no-object": [],
    "line-breaks": json.dumps(SNAPSHOT, indent=1).encode(),
    "a-blank-before-a-colon": encode(SNAPSHOT).replace(b'"imei":', b'"imei" :'),
    "a-name-twice": encode(SNAPSHOT).replace(b'"imei":', b'"imei":"1","imei":'),
    "a-name-twice-through-an-escape": encode(SNAPSHOT).replace(
        b'"imei":', b'"\\u0069mei":"1","imei":'
    ),
    "a-fact-twice": encode(SNAPSHOT).replace(b'"lock_count":3', b'"lock_count":3,"lock_count":4'),
    "the-whole-slot-list-twice": encode(SNAPSHOT).replace(b'"slots":', b'"slots":[],"slots":'),
    "2-to-the-53-plus-1": encode(SNAPSHOT).replace(
        b'"lock_count":3', b'"lock_count":9007199254740993'
    ),
    "20-digits": encode(SNAPSHOT).replace(b'"lock_count":3', b'"lock_count":10000000000000000000'),
    "no-utf-8": encode(SNAPSHOT).replace("☕".encode(), b"\xff"),
    "a-surrogate": encode(SNAPSHOT).replace("☕".encode(), b"\xed\xa0\x80"),
    "an-escaped-surrogate": encode(SNAPSHOT).replace("☕".encode(), b"\\ud800"),
    "something-after-it": encode(SNAPSHOT) + b"x",
    "cut": encode(SNAPSHOT)[:-1],
    "byte-order-mark": b"\xef\xbb\xbf" + encode(SNAPSHOT),
}


@pytest.mark.parametrize("payload", ODD.values(), ids=list(ODD))
def test_what_is_odd_is_left_to_the_careful_readers(payload: Any) -> None:
    assert not agrees(receipt(payload))


def test_without_msgspec_nothing_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "msgspec", None)
    assert plain.read(receipt(SNAPSHOT)) is None


# --- the same, for what nobody thought of

PLACES = [
    (),
    ("device",),
    ("station",),
    ("slots",),
    ("power_banks",),
    ("slots", 1),
    ("slots", 1, "slot_metadata"),
    ("power_banks", 0),
    ("power_banks", 0, "hardware_info"),
    ("station", "pinboards", 0),
]

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(
        ["AVAILABLE", "OCCUPIED", "ERROR", "RENTED", "ONLINE", "A-1", "A-2", 1, 2, 3, 100]
    ),
    st.just({}),
    st.just([]),
)


@given(st.sampled_from(PLACES), st.data())
def test_a_snapshot_with_one_odd_value_is_read_alike(place: tuple[Any, ...], data: Any) -> None:
    payload = json.loads(json.dumps(SNAPSHOT))
    section = payload
    for name in place:
        section = section[name]
    names = list(range(len(section))) if isinstance(section, list) else [*section, "another"]
    name = data.draw(st.sampled_from(names))
    if data.draw(st.booleans()) and name != "another":
        del section[name]
    else:
        section[name] = data.draw(odd_values)
    try:
        body = encode(payload)
    except UnicodeEncodeError:
        return
    try:
        agrees(receipt(body))
    except Refusal as refusal:
        raise AssertionError("plain, and refused") from refusal


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_snapshot_with_odd_bytes_is_read_alike(place: int, odd: bytes, replaces: bool) -> None:
    body = encode(SNAPSHOT)
    at = place % len(body)
    agrees(receipt(body[:at] + odd + body[at + replaces :]))
