"""From the wire to typed reports: identity is strict, everything else is decoration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_iot_ingest import event_types
from django_iot_ingest.events import MAX_WARNINGS, FullReport, Receipt, ReturnReport, StatusReport
from django_iot_ingest.exceptions import InvalidPayload, UnknownType
from tests import payloads
from tests.payloads import BANK, STATION, encode, moment

NOW = 1795452778

VALID_SERIALS = ["1", STATION, "a.B_c:d-9", "x" * 64]
INVALID_SERIALS = [
    None,
    "",
    " ",
    "a b",
    "x" * 65,
    f"{STATION}\n",
    "12\u000034",
    "\ud800",
    "ß",
    "１２３",
    "a/b",
    12345678,
    1.5,
    True,
    [],
    {},
]

# What the contract shows, letter by letter (section 1).
OBSERVED = [
    """{"type":"status","timestamp":1795452778,"device":{"serial_number":"860000000000017","status":"ONLINE"}}""",
    """{"type":"returned","timestamp":1795452778,"device":{"serial_number":"860000000000017","last_heartbeat":"2026-11-23T16:52:58.723279879Z"},"return_event":{"power_bank_serial":"12345678","slot_number":3,"battery_level":85,"returned_at":"2026-11-23T16:52:58.723349012Z","condition":"NORMAL","hardware_info":{"temperature":28,"voltage":4800,"current":0}}}""",
    """{"type":"full","timestamp":1795452778,"device":{"serial_number":"860000000000017","imei":"860000000000017","signal_strength":"28","wifi_ssid":"चार्ज घर ☕","last_heartbeat":"2026-11-23T16:52:58.693891776Z","status":"ONLINE","hardware_info":{"firmware_version":"2.1.5","protocol_version":"0xA8"}},"station":{"serial_number":"860000000000017","total_slots":2,"pinboards":[{"index":1,"io":0,"temperature":28,"soft_version":4,"hard_version":15}]},"slots":[{"slot_number":1,"status":"AVAILABLE","battery_level":0,"slot_metadata":{"micro_switch":"1","solenoid_valve":"0","lock_count":0,"last_updated":"2026-11-23T16:52:58.700173352Z"}},{"slot_number":2,"status":"OCCUPIED","battery_level":85,"power_bank_serial":"12345678","slot_metadata":{"micro_switch":"0","solenoid_valve":"0","lock_count":0,"last_updated":"2026-11-23T16:52:58.700208481Z"}}],"power_banks":[{"serial_number":"12345678","status":"AVAILABLE","battery_level":85,"current_slot":2,"hardware_info":{"temperature":25,"voltage":50,"current":2,"soft_version":25,"hard_version":0,"micro_switch":"0","solenoid_valve":"0","area_code":73}}]}""",
]


def read(payload: Any, signed_at: int = NOW, received_at: float = NOW + 0.9) -> Any:
    """Return the report of a payload."""
    return event_types.read(payload, Receipt(encode(payload), signed_at, moment(received_at)))[1]


def errors(payload: Any) -> set[str]:
    """Return the paths that refuse a payload."""
    with pytest.raises(InvalidPayload) as refusal:
        read(payload)
    return set(refusal.value.errors)


def warned(report: Any) -> list[tuple[str, str]]:
    """Return the warnings of a report, as plain texts."""
    return [(str(warning.code), warning.path) for warning in report.warnings]


def full(**device: Any) -> dict[str, Any]:
    """Return a ``full`` payload with some fields of the device changed."""
    return payloads.full(at=NOW, device=device)


def returned(**row: Any) -> dict[str, Any]:
    """Return a ``returned`` payload with some fields of the return changed."""
    payload = payloads.returned(at=NOW)
    payload["return_event"].update(row)
    return payload


@pytest.mark.parametrize(
    ("text", "report"),
    list(zip(OBSERVED, [StatusReport, ReturnReport, FullReport], strict=True)),
    ids=["status", "returned", "full"],
)
def test_an_observed_payload_is_read_without_a_warning(text: str, report: type) -> None:
    read_report = read(json.loads(text))
    assert type(read_report) is report
    assert read_report.device_serial == STATION
    assert read_report.event_time == moment(NOW)
    assert read_report.raw == json.loads(text)
    assert warned(read_report) == []


@pytest.mark.parametrize("value", [None, "", "FULL", "alarm", 1, True, [], {}, "full "])
def test_an_unknown_type_is_refused(value: Any) -> None:
    with pytest.raises(UnknownType):
        read({**full(), "type": value})


def test_a_missing_type_is_refused() -> None:
    with pytest.raises(UnknownType):
        read({})


@pytest.mark.parametrize("build", [payloads.full, payloads.returned, payloads.status])
@pytest.mark.parametrize("serial", VALID_SERIALS)
def test_a_valid_station_serial_is_kept_as_it_is(build: Any, serial: str) -> None:
    assert read(build(serial=serial)).device_serial == serial


@pytest.mark.parametrize("build", [payloads.full, payloads.returned, payloads.status])
@pytest.mark.parametrize("serial", INVALID_SERIALS, ids=repr)
def test_an_invalid_station_serial_is_refused(build: Any, serial: Any) -> None:
    payload = build()
    payload["device"]["serial_number"] = serial
    assert errors(payload) == {"device.serial_number"}


@pytest.mark.parametrize("device", [None, [], "x", 5, {}], ids=repr)
def test_an_event_without_a_device_is_refused(device: Any) -> None:
    assert errors({**full(), "device": device}) == {"device.serial_number"}


@pytest.mark.parametrize("serial", VALID_SERIALS)
def test_a_valid_bank_serial_of_a_return_is_kept_as_it_is(serial: str) -> None:
    assert read(returned(power_bank_serial=serial)).power_bank_serial == serial


@pytest.mark.parametrize("serial", INVALID_SERIALS, ids=repr)
def test_an_invalid_bank_serial_refuses_a_return(serial: Any) -> None:
    assert errors(returned(power_bank_serial=serial)) == {"return_event.power_bank_serial"}


@pytest.mark.parametrize("row", [None, [], "x", {}], ids=repr)
def test_a_return_without_its_row_is_refused(row: Any) -> None:
    assert errors({**returned(), "return_event": row}) == {"return_event.power_bank_serial"}


def test_all_identity_fields_that_are_wrong_are_named() -> None:
    payload = {"type": "returned", "device": {}, "return_event": {}}
    assert errors(payload) == {"device.serial_number", "return_event.power_bank_serial"}
    assert errors({"type": "status"}) == {"device.serial_number", "device.status"}


@pytest.mark.parametrize("value", ["ONLINE", "online", "oFFline", "Maintenance"])
def test_a_status_is_known_in_any_letter_case(value: str) -> None:
    assert read(payloads.status(value)).status == value.upper()


@pytest.mark.parametrize(
    "value",
    [None, "", "ONLINE ", "BUSY", "onlıne", "offlıne", "ＯＮＬＩＮＥ", "ONLINE\u0000", 1, True, []],
    ids=repr,
)
def test_any_other_status_refuses_a_status_event(value: Any) -> None:
    payload = payloads.status()
    payload["device"]["status"] = value
    assert errors(payload) == {"device.status"}


@pytest.mark.parametrize("value", ["", "BUSY", "onlıne", 1, True, []], ids=repr)
def test_any_other_status_in_a_snapshot_is_ignored_with_a_warning(value: Any) -> None:
    report = read(full(status=value))
    assert report.device.status is None
    assert warned(report) == [("unknown_status", "device.status")]


@pytest.mark.parametrize(
    "name",
    ["imei", "status", "signal_strength", "wifi_ssid", "hardware_info", "last_heartbeat"],
)
def test_null_equals_absent(name: str) -> None:
    with_null, absent = full(**{name: None}), full()
    del absent["device"][name]
    for payload in (with_null, absent):
        report = read(payload)
        assert getattr(report.device, name) is None
        assert warned(report) == []


@pytest.mark.parametrize("text", ["28", "-65", "4G:31", "", "0"])
def test_signal_strength_is_text_as_the_device_said_it(text: str) -> None:
    report = read(full(signal_strength=text))
    assert report.device.signal_strength == text
    assert warned(report) == []


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\u0000b", "ab"),
        ("\ud800a\udfff", "a"),
        ("\ude00\ud83d", ""),
        ("\ud83d\u0000\ude00", ""),
        ("\u0000", ""),
    ],
    ids=ascii,
)
def test_a_text_is_cleaned_with_a_warning(text: str, cleaned: str) -> None:
    report = read(full(wifi_ssid=text))
    assert report.device.wifi_ssid == cleaned
    assert warned(report) == [("cleaned", "device.wifi_ssid")]


@pytest.mark.parametrize("text", ["s" * 12_288, "☕" * 255, "\"'`;--", "😀", "\uffff\ufdd0", ""])
def test_any_other_text_is_kept_as_it_is(text: str) -> None:
    report = read(full(wifi_ssid=text))
    assert report.device.wifi_ssid == text
    assert warned(report) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wifi_ssid", []),
        ("wifi_ssid", True),
        ("wifi_ssid", 1.5),
        ("signal_strength", "x" * 65),
        ("signal_strength", {}),
        ("imei", "1" * 65),
        ("imei", False),
        ("hardware_info", "x"),
        ("hardware_info", []),
        ("last_heartbeat", "yesterday"),
        ("last_heartbeat", 1795452778),
        ("last_heartbeat", "9999-12-31T23:59:59-23:59"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_decoration_that_cannot_be_used_is_dropped_with_a_warning(name: str, value: Any) -> None:
    report = read(full(**{name: value}))
    assert getattr(report.device, name) is None
    assert warned(report) == [("unusable", f"device.{name}")]


@pytest.mark.parametrize("value", ["x", [], 5, True], ids=repr)
def test_a_section_of_decoration_that_is_no_object_is_dropped(value: Any) -> None:
    report = read({**full(), "station": value})
    assert report.device.total_slots is None
    assert report.reports_slots
    assert warned(report) == [("unusable", "station")]


@pytest.mark.parametrize("value", [-1, 257, 2.5, "2", True, [], 2**53], ids=repr)
def test_a_number_of_slots_that_cannot_be_is_dropped_with_a_warning(value: Any) -> None:
    report = read({**full(), "station": {"total_slots": value}})
    assert report.device.total_slots is None
    assert report.reports_slots
    assert warned(report) == [("unusable", "station.total_slots")]


def test_hardware_info_is_cleaned_at_every_depth() -> None:
    report = read(full(hardware_info={"a\u0000": ["\ud800x", {"b": "\u0000", "c": 1.5}]}))
    assert report.device.hardware_info == {"a": ["x", {"b": "", "c": 1.5}]}
    assert warned(report) == [("cleaned", "device.hardware_info")]


@pytest.mark.parametrize("odd", ["a\u0000", "\u0000a", "a\ud800"], ids=ascii)
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_a_name_that_has_to_be_cleaned_does_not_hide_a_clean_one(odd: str, is_first: bool) -> None:
    pairs = [("a", {"a": 1, odd: 2}), (odd, "hidden"), ("b\u0000", 3)]
    hostile = dict(reversed(pairs) if is_first else pairs)
    report = read(full(hardware_info=hostile) | hostile)
    assert report.device.hardware_info == {"a": {"a": 1}, "b": 3}
    assert (report.raw["a"], report.raw["b"]) == ({"a": 1}, 3)
    assert warned(report) == [("cleaned", "device.hardware_info")]


def test_what_a_hook_sees_as_raw_is_the_whole_payload_cleaned() -> None:
    payload = {**returned(), "note\u0000": ["\ud800x"], "unknown": {"kept": 1}}
    raw = read(payload).raw
    assert raw["note"] == ["x"]
    assert raw["unknown"] == {"kept": 1}
    assert raw["return_event"] == payload["return_event"]


@pytest.mark.parametrize(
    "value",
    [None, "1795452778", "", 1795452778.0, 1795452778.5, True, 0, -5, 999_999_999, [], {}],
    ids=repr,
)
@pytest.mark.parametrize("build", [payloads.full, payloads.returned, payloads.status])
def test_an_unusable_timestamp_is_replaced_by_that_of_the_attempt(build: Any, value: Any) -> None:
    report = read({**build(at=NOW), "timestamp": value}, signed_at=NOW - 3)
    assert report.event_time == moment(NOW - 3)
    assert warned(report) == [("timestamp_replaced", "timestamp")]


def test_an_absent_timestamp_is_replaced_by_that_of_the_attempt() -> None:
    payload = payloads.status(at=NOW)
    del payload["timestamp"]
    report = read(payload, signed_at=NOW - 3)
    assert report.event_time == moment(NOW - 3)
    assert warned(report) == [("timestamp_replaced", "timestamp")]


@pytest.mark.parametrize("signed_at", [NOW - 100, NOW + 100], ids=["behind", "ahead"])
def test_a_gateway_clock_that_is_off_shifts_every_time_of_the_event(signed_at: int) -> None:
    behind = NOW - signed_at
    payload = payloads.returned(at=signed_at - 40, returned_at=signed_at - 45)
    report = read(payload, signed_at=signed_at, received_at=NOW)
    assert report.event_time == moment(signed_at - 40 + behind) == moment(NOW - 40)
    assert report.last_heartbeat == moment(NOW - 40)
    assert report.occurred_at == moment(NOW - 45)


def test_five_seconds_are_no_reason_to_shift() -> None:
    report = read(payloads.returned(at=NOW - 40), signed_at=NOW - 5, received_at=NOW + 0.99)
    assert report.event_time == report.occurred_at == moment(NOW - 40)


def test_no_time_is_later_than_received() -> None:
    report = read(payloads.returned(at=NOW + 1000), received_at=NOW + 0.9)
    assert report.event_time == moment(NOW)
    assert report.occurred_at == report.last_heartbeat == moment(NOW + 0.9)


def test_a_return_is_billed_by_the_fraction_and_ordered_by_the_second() -> None:
    report = read(returned(returned_at="2026-11-23T16:52:50.723349012Z"))
    assert report.occurred_at == moment(NOW - 8).replace(microsecond=723_349)
    assert report.event_time == moment(NOW)


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", 1795452778, "2026-11-23", "1970-01-01T00:00:00Z", "2026-02-30T00:00:00Z"],
    ids=repr,
)
def test_a_return_that_does_not_say_when_happened_at_the_body_timestamp(value: Any) -> None:
    report = read(returned(returned_at=value) | {"timestamp": NOW - 7})
    assert report.occurred_at == report.event_time == moment(NOW - 7)
    assert warned(report) == [("returned_at_replaced", "return_event.returned_at")]


def test_a_return_without_any_time_happened_when_it_was_signed() -> None:
    payload = returned(returned_at=None) | {"timestamp": None}
    report = read(payload, signed_at=NOW - 2)
    assert report.occurred_at == report.event_time == moment(NOW - 2)
    assert {code for code, _ in warned(report)} == {"timestamp_replaced", "returned_at_replaced"}


@pytest.mark.parametrize("number", [0, 3, 49, 255])
def test_any_byte_is_a_slot_number(number: int) -> None:
    report = read(returned(slot_number=number))
    assert report.slot_number == number
    assert warned(report) == []


@pytest.mark.parametrize("number", [-1, 256, 3.5, "3", True, [], 2**53], ids=repr)
def test_an_unusable_slot_number_of_a_return_is_unknown(number: Any) -> None:
    report = read(returned(slot_number=number))
    assert report.slot_number is None
    assert warned(report) == [("unusable", "return_event.slot_number")]


@pytest.mark.parametrize(("level", "known"), [(0, None), (1, 1), (85, 85), (100, 100)])
def test_a_battery_level_of_zero_is_unknown_in_a_return(level: int, known: int | None) -> None:
    report = read(returned(battery_level=level))
    assert report.battery_level == known
    assert warned(report) == []


@pytest.mark.parametrize("level", [101, 254, -1, True, "85", 85.5, []], ids=repr)
def test_an_unusable_battery_level_of_a_return_is_dropped(level: Any) -> None:
    report = read(returned(battery_level=level))
    assert report.battery_level is None
    assert warned(report) == [("unusable", "return_event.battery_level")]


def test_the_smallest_return_is_read() -> None:
    report = read(
        {
            "type": "returned",
            "timestamp": NOW,
            "device": {"serial_number": STATION},
            "return_event": {"power_bank_serial": BANK},
        }
    )
    assert (report.slot_number, report.battery_level, report.last_heartbeat) == (None, None, None)
    assert report.occurred_at == moment(NOW)


def test_the_smallest_snapshot_is_read() -> None:
    report = read({"type": "full", "timestamp": NOW, "device": {"serial_number": STATION}})
    assert not report.reports_slots
    assert warned(report) == []


def test_a_flood_of_warnings_is_cut_and_says_so() -> None:
    slots = [payloads.empty_slot(n, status="ODD", battery_level="x") for n in range(100)]
    report = read(payloads.full(slots, [], at=NOW))
    assert len(report.warnings) == MAX_WARNINGS + 1
    assert warned(report)[-1] == ("more", "")
