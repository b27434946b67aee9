"""Values of signed events"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, encode, full, moment, returned, status
from tests.security.cases import attack, case, told

pytestmark = pytest.mark.one_host

APPLIED = "200 applied"
CLEANED = "200 applied: cleaned"
DEFERRED = "200 deferred: power_bank_unknown, slot_unknown"
UNUSABLE = "200 applied: unusable"
UNKNOWN_STATUS = "200 applied: unknown_status"
REPLACED = "200 applied: timestamp_replaced"
SLOT_UNKNOWN = "200 applied: slot_unknown"
INVALID = "400 INVALID_PAYLOAD"
UNKNOWN_TYPE = "400 UNKNOWN_TYPE"

ABSENT: Any = object()
KEPT: Any = object()
"""What was known before stays."""
RECEIVED: Any = object()
"""The time at which we received the event."""

EMOJI = "☕😀" * 127 + "☕"
UNSTORABLE = "\ud800a\x00b\udfff"
BIDI = "\u202e\u2066\u200f\ufeffabc\u2069"
CONTROLS = "\x01\x08\x1b[31m\x7f\x85\u2028\r\n\t"
INJECTIONS = "'; DROP TABLE x; -- \" ` <script>{{7*7}}${jndi:ldap://x}%s%n=1+1|../../x\\"

SHORT = ("device.imei", "device.signal_strength")
TEXTS = ("device.wifi_ssid", *SHORT)
OBJECTS = ("device.hardware_info", "slots.0.slot_metadata", "power_banks.0.hardware_info")
LEVELS = ("slots.0.battery_level", "power_banks.0.battery_level")

KNOWN: dict[str, Any] = {
    "device.imei": "old",
    "device.signal_strength": "old",
    "device.wifi_ssid": "old",
    "device.hardware_info": {"old": 1},
    "device.last_heartbeat": datetime(2020, 1, 1, tzinfo=UTC),
    "device.status": "OFFLINE",
    "station.total_slots": 7,
    "slots.0.slot_metadata": {"old": 1},
    "slots.0.battery_level": 41,
    "slots.0.status": "MAINTENANCE",
    "power_banks.0.hardware_info": {"old": 1},
    "power_banks.0.battery_level": 42,
    "power_banks.0.status": "DAMAGED",
    "power_banks.0.current_slot": 1,
}
"""What the tables hold before the event, by the path of the value that the event tells."""


@pytest.fixture
def rental(gateway: Gateway, now: int) -> Any:
    """Return the rental of ``BANK``, begun 400 s ago, at a host that knows slots 1 and 3."""
    station = get_station_model().objects.create(serial_number=STATION)
    for number in (1, 3):
        get_station_slot_model().objects.create(station=station, slot_number=number)
    bank = get_power_bank_model().objects.create(serial_number=BANK, battery_level=42)
    return hosts.start_rental(bank, moment(now - 400))


def know() -> None:
    """Fill the tables with ``KNOWN``."""
    station = get_station_model().objects.create(
        serial_number=STATION, **told_by("device", "station")
    )
    bank = told_by("power_banks.0")
    slot = get_station_slot_model().objects.create(
        station=station, slot_number=bank.pop("current_slot"), **told_by("slots.0")
    )
    get_power_bank_model().objects.create(
        serial_number=BANK, current_station=station, current_slot=slot, **bank
    )


def told_by(*sections: str) -> dict[str, Any]:
    """Return the columns of ``KNOWN`` that are values of these sections."""
    names = {path.rpartition(".")[::2]: value for path, value in KNOWN.items()}
    return {name: value for (section, name), value in names.items() if section in sections}


def column(path: str) -> Any:
    """Return what the tables hold of the value at ``path``."""
    section, _, name = path.rpartition(".")
    if section in ("device", "station"):
        return getattr(get_station_model().objects.get(serial_number=STATION), name)
    if section == "slots.0":
        return getattr(get_station_slot_model().objects.get(slot_number=1), name)
    bank = get_power_bank_model().objects.get(serial_number=BANK)
    if name == "current_slot":
        return bank.current_slot and bank.current_slot.slot_number
    return getattr(bank, name)


def put(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the value at a dotted path of a payload, or leave it out if it is ``ABSENT``."""
    *heads, name = path.split(".")
    holder: Any = payload
    for head in heads:
        holder = holder[int(head) if head.isdigit() else head]
    if value is ABSENT:
        holder.pop(name, None)
    else:
        holder[name] = value
    return payload


def snapshot(at: float) -> dict[str, Any]:
    """Return a snapshot of one slot and the bank in it, that tells nothing more."""
    return {
        "type": "full",
        "timestamp": int(at),
        "device": {"serial_number": STATION},
        "station": {},
        "slots": [{"slot_number": 1, "status": "MAINTENANCE", "power_bank_serial": BANK}],
        "power_banks": [{"serial_number": BANK}],
    }


def nested(depth: int) -> Any:
    """Return objects inside each other."""
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def events() -> list[str]:
    """Return the state of every event in the inbox."""
    return list(IngestEvent.objects.order_by("pk").values_list("state", flat=True))


# Identity

PLACES = [
    (status, "device.serial_number"),
    (full, "device.serial_number"),
    (returned, "device.serial_number"),
    (returned, "return_event.power_bank_serial"),
]


@pytest.mark.parametrize(
    "serial",
    [
        attack("a serial number: absent", INVALID, ABSENT),
        attack("a serial number: null", INVALID, None),
        attack("a serial number: an empty text", INVALID, ""),
        attack("a serial number: a blank", INVALID, " "),
        attack("a serial number: true", INVALID, True),
        attack("a serial number: a whole number", INVALID, 12345678),
        attack("a serial number: a fraction", INVALID, 1.5),
        attack("a serial number: a list that holds it", INVALID, [BANK]),
        attack("a serial number: an object that holds it", INVALID, {"serial_number": BANK}),
        attack("a serial number: 65 letters", INVALID, "x" * 65),
        attack("a serial number: 100,000 letters", INVALID, "x" * 100_000),
        attack("a serial number: letters of another script", INVALID, "серия"),
        attack("a serial number: a letter that looks like another", INVALID, "АB1"),
        attack("a serial number: full-width digits", INVALID, "１２３"),
        attack("a serial number: Devanagari digits", INVALID, "१२३"),
        attack("a serial number: a superscript", INVALID, "12³"),
        attack("a serial number: a NUL inside", INVALID, "12\x0034"),
        attack("a serial number: a NUL at the end", INVALID, "1234\x00"),
        attack("a serial number: a lone surrogate", INVALID, "12\ud80034"),
        attack("a serial number: a line break at the end", INVALID, "1234\n"),
        attack("a serial number: a line break inside", INVALID, "12\r\n34"),
        attack("a serial number: a blank before it", INVALID, " 1234"),
        attack("a serial number: a blank after it", INVALID, "1234 "),
        attack("a serial number: a bidi control", INVALID, "12\u202e34"),
        attack("a serial number: a zero-width blank", INVALID, "12\u200b34"),
        attack("a serial number: an emoji", INVALID, "12☕"),
        attack("a serial number: a combining accent", INVALID, "e\u0301"),
        attack("a serial number: a path", INVALID, "../1234"),
        attack("a serial number: SQL", INVALID, "1' OR '1'='1"),
        attack("a serial number: a wild card", INVALID, "%"),
    ],
)
def test_a_serial_number_that_is_none_refuses_every_event(
    serial: Any, expected: str, gateway: Gateway
) -> None:
    for build, path in PLACES:
        payload = put(build(), path, serial)
        response = gateway.post(payload)
        assert told(response) == expected
        assert set(response.json()["errors"]) == {path}
        assert bytes(IngestEvent.objects.latest("pk").body) == encode(payload)
    assert events() == ["refused"] * len(PLACES)
    assert not get_station_model().objects.exists()
    assert not get_power_bank_model().objects.exists()


@pytest.mark.parametrize(
    ("build", "path", "serial"),
    [
        attack("a station of 64 letters", APPLIED, status, "device.serial_number", "x" * 64),
        attack("a bank of 64 letters", DEFERRED, returned, PLACES[3][1], "x" * 64),
        attack("a station of every sign that may be", APPLIED, full, PLACES[0][1], "aZ09._:-"),
        attack("a bank of every sign that may be", DEFERRED, returned, PLACES[3][1], "aZ09._:-"),
        attack("a station called dot dot", APPLIED, status, "device.serial_number", ".."),
        attack("a station called None", APPLIED, status, "device.serial_number", "None"),
        attack("a station called 0", APPLIED, full, "device.serial_number", "0"),
        attack("a bank called NaN", DEFERRED, returned, "return_event.power_bank_serial", "NaN"),
    ],
)
def test_a_serial_number_is_kept_as_it_is(
    build: Any, path: str, serial: str, expected: str, gateway: Gateway
) -> None:
    assert told(gateway.post(put(build(), path, serial))) == expected
    row = IngestEvent.objects.get()
    assert serial in (row.device_serial, row.power_bank_serial)


@pytest.mark.parametrize(
    "other",
    [
        attack("stations that differ in letter case are two", APPLIED, "AB1"),
        attack("stations that differ in a dot are two", APPLIED, "ab1."),
        attack("stations that differ in a leading zero are two", APPLIED, "0ab1"),
        attack("stations that differ in an underscore are two", APPLIED, "ab_"),
    ],
)
def test_stations_that_are_almost_alike_are_others(
    other: str, expected: str, gateway: Gateway, now: int
) -> None:
    gateway.send(status("OFFLINE", serial="ab1", at=now - 50))
    assert told(gateway.post(status("ONLINE", serial=other, at=now - 40))) == expected
    stations = get_station_model().objects
    assert dict(stations.values_list("serial_number", "status")) == {
        "ab1": "OFFLINE",
        other: "ONLINE",
    }


@pytest.mark.parametrize(
    "imei",
    [
        attack("an IMEI that differs in letter case finds nobody", APPLIED, "ab1"),
        attack("an IMEI with a blank after it finds nobody", APPLIED, "AB1 "),
        attack("an IMEI with a blank before it finds nobody", APPLIED, " AB1"),
        attack("an IMEI with a tab after it finds nobody", APPLIED, "AB1\t"),
        attack("an IMEI with an accent finds nobody", APPLIED, "ÁB1"),
        attack("an IMEI in full-width letters finds nobody", APPLIED, "ＡＢ１"),
        attack("an IMEI with a zero-width blank finds nobody", APPLIED, "AB\u200b1"),
        attack("an IMEI with a combining accent finds nobody", APPLIED, "A\u0301B1"),
        attack("an IMEI that is a wild card finds nobody", APPLIED, "%"),
    ],
)
def test_a_station_is_found_by_its_exact_imei_only(
    imei: str, expected: str, gateway: Gateway, now: int
) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": imei}))
    assert told(gateway.post(status("OFFLINE", serial="AB1", at=now - 40))) == expected
    stations = get_station_model().objects
    assert dict(stations.values_list("serial_number", "status")) == {
        "S1": "ONLINE",
        "AB1": "OFFLINE",
    }


@pytest.mark.parametrize(
    "value",
    [
        attack("the type: absent", UNKNOWN_TYPE, ABSENT),
        attack("the type: null", UNKNOWN_TYPE, None),
        attack("the type: an empty text", UNKNOWN_TYPE, ""),
        attack("the type: in capitals", UNKNOWN_TYPE, "STATUS"),
        attack("the type: with a blank", UNKNOWN_TYPE, "status "),
        attack("the type: with a NUL", UNKNOWN_TYPE, "status\x00"),
        attack("the type: a list", UNKNOWN_TYPE, ["status"]),
        attack("the type: an object", UNKNOWN_TYPE, {"status": "status"}),
        attack("the type: a number", UNKNOWN_TYPE, 1),
        attack("the type: true", UNKNOWN_TYPE, True),
        attack("the type: one that nobody knows", UNKNOWN_TYPE, "firmware"),
        attack("the type: a name of Python's", UNKNOWN_TYPE, "__class__"),
        attack("the type: 100,000 letters", UNKNOWN_TYPE, "s" * 100_000),
    ],
)
def test_a_type_is_one_that_is_registered(value: Any, expected: str, gateway: Gateway) -> None:
    assert told(gateway.post(put(status(), "type", value))) == expected
    assert list(IngestEvent.objects.values_list("state", "event_type")) == [("refused", "")]
    assert not get_station_model().objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        attack("a status: absent", INVALID, ABSENT),
        attack("a status: null", INVALID, None),
        attack("a status: an empty text", INVALID, ""),
        attack("a status: unknown", INVALID, "ON_FIRE"),
        attack("a status: of a bank", INVALID, "RENTED"),
        attack("a status: with a blank", INVALID, "ONLINE "),
        attack("a status: with a NUL", INVALID, "ONLINE\x00"),
        attack("a status: with a dotless i", INVALID, "ONLıNE"),
        attack("a status: in full-width letters", INVALID, "ＯＮＬＩＮＥ"),
        attack("a status: with a ligature", INVALID, "oﬄine"),
        attack("a status: a list", INVALID, ["ONLINE"]),
        attack("a status: a number", INVALID, 1),
        attack("a status: true", INVALID, True),
        attack("a status: in mixed letters", APPLIED, "oFFlinE"),
    ],
)
def test_a_status_is_one_of_three(value: Any, expected: str, gateway: Gateway, now: int) -> None:
    gateway.send(status("ONLINE", at=now - 50))
    assert told(gateway.post(put(status(at=now - 40), "device.status", value))) == expected
    assert column("device.status") == ("OFFLINE" if expected == APPLIED else "ONLINE")


@pytest.mark.parametrize(
    "device",
    [
        attack("the device: absent", INVALID, ABSENT),
        attack("the device: null", INVALID, None),
        attack("the device: a list", INVALID, [{"serial_number": STATION}]),
        attack("the device: a text", INVALID, STATION),
        attack("the device: a number", INVALID, 17),
        attack("the device: true", INVALID, True),
        attack("the device: an empty object", INVALID, {}),
        attack("a serial number whose name has a NUL", INVALID, {"serial_number\x00": STATION}),
        attack("a serial number whose name is in capitals", INVALID, {"SERIAL_NUMBER": STATION}),
    ],
)
def test_no_event_is_without_a_device(device: Any, expected: str, gateway: Gateway) -> None:
    for build in (status, full, returned):
        assert told(gateway.post(put(build(), "device", device))) == expected
    assert events() == ["refused"] * 3
    assert not get_station_model().objects.exists()


@pytest.mark.parametrize(
    "row",
    [
        attack("the row of a return: absent", INVALID, ABSENT),
        attack("the row of a return: null", INVALID, None),
        attack("the row of a return: a list", INVALID, [{"power_bank_serial": BANK}]),
        attack("the row of a return: a text", INVALID, BANK),
        attack("the row of a return: empty", INVALID, {}),
        attack("a bank whose name has a NUL", INVALID, {"power_bank_serial\x00": BANK}),
    ],
)
def test_a_return_without_a_bank_is_kept_and_refused(
    row: Any, expected: str, gateway: Gateway, rental: Any, hook: FlakyHook
) -> None:
    assert told(gateway.post(put(returned(), "return_event", row))) == expected
    assert list(IngestEvent.objects.values_list("state", "event_type")) == [("refused", "returned")]
    assert (hook.calls, hosts.ended_at(rental)) == (0, None)


@case("names that hide others once they are cleaned", APPLIED)
def test_a_name_that_is_cleaned_hides_nothing(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = returned(at=now - 100)
    for holder, name in (
        (payload, "type"),
        (payload["device"], "serial_number"),
        (payload["return_event"], "power_bank_serial"),
    ):
        holder[f"{name}\x00"] = "hidden"
    assert told(gateway.post(payload)) == expected
    (event,) = hook.events
    assert event.raw == returned(at=now - 100)


@case("a mark in every identity field, looked for in the answer", INVALID)
def test_no_answer_echoes_what_was_wrong(expected: str, gateway: Gateway) -> None:
    payload = put(returned(), "return_event.power_bank_serial", "echo this")
    response = gateway.post(put(payload, "device.serial_number", "echo this"))
    assert told(response) == expected
    assert len(response.json()["errors"]) == 2
    assert b"echo" not in response.content


# Decoration of a snapshot


def kept(kind: str, answer: str, columns: tuple[str, ...], values: dict[str, Any]) -> list[Any]:
    """Return a case for each value that is dropped, so that the columns stay as they were."""
    return [attack(f"{kind}: {what}", answer, columns, v, KEPT) for what, v in values.items()]


def stored(kind: str, answer: str, columns: tuple[str, ...], values: dict[str, Any]) -> list[Any]:
    """Return a case for each value that the columns hold then, as it is."""
    return [attack(f"{kind}: {what}", answer, columns, v, v) for what, v in values.items()]


WRONG_TYPES: dict[str, Any] = {
    "a list": [1],
    "true": True,
    "a fraction": 1.5,
    "minus zero": -0.0,
    "10^308": 1e308,
}
NOTHING: dict[str, Any] = {"null": None, "absent": ABSENT}
NO_NUMBERS: dict[str, Any] = {
    **WRONG_TYPES,
    "false": False,
    "minus one": -1,
    "2^31": 2**31,
    "2^53": 2**53,
    "a whole fraction": 50.0,
    "a text": "50",
    "an empty text": "",
    "an object": {"n": 50},
}
NO_TIMES: dict[str, Any] = {
    **WRONG_TYPES,
    "unix seconds": 1_700_000_000,
    "unix seconds as text": "1700000000",
    "an empty text": "",
    "the 30th of February": "2026-02-30T00:00:00Z",
    "the 29th of February of a common year": "2023-02-29T00:00:00Z",
    "month 13": "2023-13-01T00:00:00Z",
    "day 0": "2023-01-00T00:00:00Z",
    "a leap second": "2016-12-31T23:59:60Z",
    "24:00": "2023-01-01T24:00:00Z",
    "minute 60": "2023-01-01T00:60:00Z",
    "an offset of 99 minutes": "2023-01-01T00:00:00+00:99",
    "an offset of 24 hours": "2023-01-01T00:00:00+24:00",
    "an offset with seconds": "2023-01-01T00:00:00+01:00:30",
    "an offset without a colon": "2023-01-01T00:00:00+0100",
    "no zone": "2023-01-01T00:00:00",
    "a zone by name": "2023-01-01T00:00:00[Europe/London]",
    "a blank in place of T": "2023-01-01 00:00:00Z",
    "no seconds": "2023-01-01T00:00Z",
    "a week": "2023-W01-1T00:00:00Z",
    "a comma before the fraction": "2023-01-01T00:00:00,5Z",
    "10 digits of fraction": "2023-01-01T00:00:00.1234567890Z",
    "10,000 digits of fraction": f"2023-01-01T00:00:00.{'1' * 10_000}Z",
    "Devanagari digits": "२०२३-01-01T00:00:00Z",
    "a line break at the end": "2023-01-01T00:00:00Z\n",
    "a NUL inside": "2023-01-01T00:00:00\x00Z",
    "year 0": "0000-01-01T00:00:00Z",
    "year 1 with an offset": "0001-01-01T00:00:00+23:59",
    "year 9999 beyond its end": "9999-12-31T23:59:59-23:59",
    "year 10000": "10000-01-01T00:00:00Z",
    "a negative year": "-2023-01-01T00:00:00Z",
    "1970": "1970-01-01T00:00:00Z",
    "a second before clocks were set": "2001-09-09T01:46:39Z",
}


@pytest.mark.parametrize(
    ("columns", "value", "expected_value"),
    [
        *kept("a text", UNUSABLE, TEXTS, {**WRONG_TYPES, "an object": {"a": 1}}),
        *kept("a text", APPLIED, TEXTS, NOTHING),
        attack("a text: minus one", APPLIED, TEXTS, -1, "-1"),
        attack("a text: 2^53", APPLIED, TEXTS, 2**53, "9007199254740992"),
        attack("a text: NUL and lone surrogates", CLEANED, TEXTS, UNSTORABLE, "ab"),
        attack(
            "a text: surrogates that are a pair but for a NUL",
            CLEANED,
            TEXTS,
            "a\ud83d\x00\ude00",
            "a",
        ),
        *stored(
            "a text",
            APPLIED,
            TEXTS,
            {
                "bidi controls": BIDI,
                "control characters": CONTROLS,
                "noncharacters": "\ufffe\uffff\ufdd0\U0010ffff",
                "blanks": " \u00a0\u3000 ",
                "64 emoji": "😀" * 64,
                "combining accents": "e" + "\u0301" * 63,
            },
        ),
        *kept(
            "a short text",
            UNUSABLE,
            SHORT,
            {"65 letters": "x" * 65, "255 emoji": EMOJI, "100,000 letters": "x" * 100_000},
        ),
        attack(
            "a short text: 64 letters once it is cleaned",
            CLEANED,
            SHORT,
            "x" * 64 + "\x00",
            "x" * 64,
        ),
        *stored(
            "a Wi-Fi name",
            APPLIED,
            TEXTS[:1],
            {
                "empty": "",
                "255 emoji": EMOJI,
                "12 KB": "चार्ज घर" * 512,
                "100,000 letters": "x" * 100_000,
                "SQL, HTML, templates, look-ups": INJECTIONS,
            },
        ),
        attack("a Wi-Fi name: 40,000 NULs", CLEANED, TEXTS[:1], "\x00" * 40_000, ""),
        *kept("an IMEI", APPLIED, SHORT[:1], {"an empty text": ""}),
        *kept("an IMEI", CLEANED, SHORT[:1], {"nothing but NUL": "\x00"}),
        attack("a signal strength: an empty text", APPLIED, SHORT[1:], "", ""),
        *kept("an object", UNUSABLE, OBJECTS, {**WRONG_TYPES, "a text": "{}", "-1": -1}),
        *kept("an object", APPLIED, OBJECTS, NOTHING),
        attack(
            "an object: NUL and lone surrogates",
            CLEANED,
            OBJECTS,
            {UNSTORABLE: [UNSTORABLE]},
            {"ab": ["ab"]},
        ),
        attack(
            "an object: a name that hides another", CLEANED, OBJECTS, {"a": 1, "a\x00": 2}, {"a": 1}
        ),
        *stored(
            "an object",
            APPLIED,
            OBJECTS,
            {
                "empty": {},
                "16 levels in all": nested(13),
                "an empty name": {"": 1},
                "a name of 10,000 letters": {"n" * 10_000: 1},
                "2,000 names": {f"n{n}": n for n in range(2_000)},
                "names of Python and JavaScript": {
                    "__proto__": 1,
                    "__class__": 2,
                    "constructor": 3,
                },
                "bidi and control characters": {BIDI: CONTROLS},
                "255 emoji": {"a": EMOJI},
                "SQL, HTML, templates, look-ups": {INJECTIONS: INJECTIONS},
                "50,000 letters": {"a": "x" * 50_000},
                "every type": {"a": [None, True, False, 0, 1.5, "", [], {}]},
            },
        ),
        *kept("a battery level", UNUSABLE, LEVELS, {**NO_NUMBERS, "101": 101, "254": 254}),
        *kept("a battery level", APPLIED, LEVELS, NOTHING),
        *stored("a battery level", APPLIED, LEVELS, {"0": 0, "100": 100}),
        *kept(
            "the number of slots", UNUSABLE, ("station.total_slots",), {**NO_NUMBERS, "257": 257}
        ),
        *kept("the number of slots", APPLIED, ("station.total_slots",), NOTHING),
        *stored("the number of slots", APPLIED, ("station.total_slots",), {"256": 256}),
        *kept(
            "a bank's slot", UNUSABLE, ("power_banks.0.current_slot",), {**NO_NUMBERS, "256": 256}
        ),
        *kept(
            "a station's status",
            UNKNOWN_STATUS,
            ("device.status",),
            {
                **WRONG_TYPES,
                "unknown": "BUSY",
                "an empty text": "",
                "with a NUL": "ONLINE\x00",
                "255 emoji": EMOJI,
            },
        ),
        *[
            attack(f"a slot's status: {what}", UNKNOWN_STATUS, ("slots.0.status",), value, "ERROR")
            for what, value in {
                **WRONG_TYPES,
                **NOTHING,
                "unknown": "BURNING",
                "with a NUL": "OCCUPIED\x00",
                "with a blank": "OCCUPIED ",
                "in full-width letters": "ＯＣＣＵＰＩＥＤ",
                "100,000 letters": "A" * 100_000,
            }.items()
        ],
        *[
            attack(
                f"a bank's status: {what}",
                UNKNOWN_STATUS,
                ("power_banks.0.status",),
                value,
                "MAINTENANCE",
            )
            for what, value in {
                **WRONG_TYPES,
                "unknown": "LOST",
                "RENTED, the host's word": "RENTED",
                "with a NUL": "AVAILABLE\x00",
                "an empty text": "",
            }.items()
        ],
        *kept("a heartbeat", UNUSABLE, ("device.last_heartbeat",), NO_TIMES),
        *kept(
            "a heartbeat",
            APPLIED,
            ("device.last_heartbeat",),
            {**NOTHING, "one that is older": "2001-09-09T01:46:40Z"},
        ),
        *[
            attack(f"a heartbeat: {what}", APPLIED, ("device.last_heartbeat",), text, value)
            for what, text, value in [
                (
                    "3 digits of fraction",
                    "2021-02-03T04:05:06.123Z",
                    datetime(2021, 2, 3, 4, 5, 6, 123_000, UTC),
                ),
                (
                    "9 digits of fraction",
                    "2021-02-03T04:05:06.123456999Z",
                    datetime(2021, 2, 3, 4, 5, 6, 123_456, UTC),
                ),
                (
                    "lower-case t and z",
                    "2021-02-03t04:05:06z",
                    datetime(2021, 2, 3, 4, 5, 6, 0, UTC),
                ),
                (
                    "the largest offset",
                    "2021-02-03T04:05:06+23:59",
                    datetime(2021, 2, 2, 4, 6, 6, 0, UTC),
                ),
                ("tomorrow's year", "2999-01-01T00:00:00Z", RECEIVED),
                ("year 9999 with an offset", "9999-12-31T23:59:59+23:59", RECEIVED),
            ]
        ],
    ],
)
def test_decoration_refuses_no_snapshot(
    columns: tuple[str, ...],
    value: Any,
    expected_value: Any,
    expected: str,
    gateway: Gateway,
    now: int,
) -> None:
    know()
    payload = snapshot(now - 50)
    for path in columns:
        put(payload, path, value)
    assert told(gateway.post(payload)) == expected
    for path in columns:
        if expected_value is RECEIVED:
            assert moment(now) <= column(path) <= moment(now + 60)
        else:
            assert column(path) == (KNOWN[path] if expected_value is KEPT else expected_value)


@case("an object: numbers at their ends", APPLIED)
def test_a_number_in_an_object_is_kept(expected: str, gateway: Gateway, now: int) -> None:
    """PostgreSQL gives 10^308 back with all its digits, as a whole number."""
    know()
    numbers = [2**31, 2**53, -(2**53), 1e308, -1.7976931348623157e308, -0.0, 5e-324, 1e-400]
    payload = snapshot(now - 50)
    for path in OBJECTS:
        put(payload, path, {"a": numbers})
    assert told(gateway.post(payload)) == expected
    for path in OBJECTS:
        assert [float(number) for number in column(path)["a"]] == numbers


@case("an object: 17 levels in all", "400 INVALID_JSON")
def test_an_object_has_its_depth(expected: str, gateway: Gateway, now: int) -> None:
    know()
    assert told(gateway.post(put(snapshot(now), OBJECTS[1], nested(14)))) == expected
    assert column(OBJECTS[1]) == KNOWN[OBJECTS[1]]


@pytest.mark.parametrize(
    ("value", "event_time"),
    [
        attack("a timestamp: absent", REPLACED, ABSENT, RECEIVED),
        attack("a timestamp: null", REPLACED, None, RECEIVED),
        attack("a timestamp: a whole fraction", REPLACED, 1_700_000_000.0, RECEIVED),
        attack("a timestamp: a fraction", REPLACED, 1_700_000_000.5, RECEIVED),
        attack("a timestamp: 10^308", REPLACED, 1e308, RECEIVED),
        attack("a timestamp: negative", REPLACED, -1_700_000_000, RECEIVED),
        attack("a timestamp: zero", REPLACED, 0, RECEIVED),
        attack("a timestamp: true", REPLACED, True, RECEIVED),
        attack("a timestamp: a text", REPLACED, "1700000000", RECEIVED),
        attack("a timestamp: a date", REPLACED, "2023-01-01T00:00:00Z", RECEIVED),
        attack("a timestamp: a list", REPLACED, [1_700_000_000], RECEIVED),
        attack("a timestamp: an object", REPLACED, {}, RECEIVED),
        attack("a timestamp: 10^9 - 1", REPLACED, 10**9 - 1, RECEIVED),
        attack("a timestamp: 10^9", APPLIED, 10**9, moment(10**9)),
        attack("a timestamp: milliseconds", APPLIED, 1_700_000_000_000, RECEIVED),
        attack("a timestamp: the year 9999", APPLIED, 253_402_300_799, RECEIVED),
        attack("a timestamp: the year 10000", APPLIED, 253_402_300_800, RECEIVED),
        attack("a timestamp: 2^53", APPLIED, 2**53, RECEIVED),
    ],
)
def test_a_timestamp_refuses_no_event(
    value: Any, event_time: Any, expected: str, gateway: Gateway, now: int
) -> None:
    for build in (status, full):
        assert told(gateway.post(put(build(), "timestamp", value))) == expected
    for told_at in IngestEvent.objects.values_list("event_time", flat=True):
        if event_time is RECEIVED:
            assert moment(now) <= told_at <= moment(now + 60)
        else:
            assert told_at == event_time


@case("an event of the year 9999 does not make later ones stale", APPLIED)
def test_no_clock_is_set_ahead(expected: str, gateway: Gateway, now: int) -> None:
    gateway.send(status("OFFLINE", at=253_402_300_799))
    gateway.send(full(at=253_402_300_799, device={"status": "OFFLINE"}))
    later = int(time.time()) + 1
    assert told(gateway.post(status("ONLINE", at=later))) == expected
    assert told(gateway.post(full(at=later))) == expected
    assert column("device.status") == "ONLINE"


# Returns: money

NO_SLOTS: dict[str, Any] = {**NO_NUMBERS, "256": 256}
ODD_RETURN_TIME = "200 applied: returned_at_replaced"
EARLIER = "200 applied: earlier_rental"


def again(answer: str) -> str:
    """Return what a repeat of an applied event is told."""
    return answer.replace("applied", "duplicate")


@pytest.mark.parametrize(
    ("path", "value", "slot"),
    [
        *[
            attack(
                f"a return into slot: {what}",
                "200 applied: slot_unknown, unusable",
                "return_event.slot_number",
                value,
                None,
            )
            for what, value in NO_SLOTS.items()
        ],
        *[
            attack(f"a return into slot: {what}", SLOT_UNKNOWN, "return_event.slot_number", v, None)
            for what, v in {**NOTHING, "0": 0, "49": 49, "255": 255}.items()
        ],
        *[
            attack(f"the battery of a return: {what}", UNUSABLE, "return_event.battery_level", v, 3)
            for what, v in {**NO_NUMBERS, "101": 101, "254": 254, "255": 255}.items()
        ],
        *[
            attack(f"the battery of a return: {what}", APPLIED, "return_event.battery_level", v, 3)
            for what, v in {**NOTHING, "0": 0}.items()
        ],
        *[
            attack(f"the condition of a return: {what}", APPLIED, "return_event.condition", v, 3)
            for what, v in {
                "a list": [],
                "NUL and lone surrogates": UNSTORABLE,
                "100,000 letters": "x" * 100_000,
            }.items()
        ],
        attack("the hardware of a return: a text", APPLIED, "return_event.hardware_info", "x", 3),
        attack(
            "the hardware of a return: DAMAGED",
            APPLIED,
            "return_event.hardware_info",
            {"status": "DAMAGED"},
            3,
        ),
        *[
            attack(f"the heartbeat of a return: {what}", UNUSABLE, "device.last_heartbeat", v, 3)
            for what, v in {
                **WRONG_TYPES,
                "1970": "1970-01-01T00:00:00Z",
                "255 emoji": EMOJI,
            }.items()
        ],
        attack("the station's section of a return: a list", APPLIED, "station", [], 3),
    ],
)
def test_decoration_refuses_no_return(
    path: str,
    value: Any,
    slot: int | None,
    expected: str,
    gateway: Gateway,
    now: int,
    rental: Any,
    hook: FlakyHook,
) -> None:
    payload = put(returned(at=now - 100), path, value)
    assert told(gateway.post(payload)) == expected
    assert told(gateway.post(payload)) == again(expected)
    assert events() == ["applied"]
    (event,) = hook.events
    assert (event.was_rented, event.occurred_at) == (True, moment(now - 100))
    assert hosts.ended_at(rental) == moment(now - 100)
    assert column("power_banks.0.current_slot") == slot
    level = 42 if path == "return_event.battery_level" else 85
    assert (column("power_banks.0.battery_level"), column("power_banks.0.status")) == (
        level,
        "AVAILABLE",
    )


@pytest.mark.parametrize(
    ("returned_at", "timestamp", "ended"),
    [
        *[
            attack(f"the time of a return: {what}", ODD_RETURN_TIME, value, -100, -100)
            for what, value in {**NO_TIMES, **NOTHING}.items()
        ],
        attack("the time of a return: the year 2999", APPLIED, "2999-01-01T00:00:00Z", -100, 0),
        attack(
            "the time of a return: the last moment of all", APPLIED, "9999-12-31T23:59:59Z", -100, 0
        ),
        attack("the time of a return: before the rental", EARLIER, -401, -100, None),
        attack("the time of a return: 2001", EARLIER, "2001-09-09T01:46:40Z", -100, None),
        attack("the time of a return: when the rental began", APPLIED, -400, -100, -400),
        attack("the time of a return: good, its event's is 10^9", APPLIED, -100, 10**9, -100),
        attack("the time of a return: good, its event's is 2^53", APPLIED, -100, 2**53, -100),
        attack("the time of a return: good, its event's is odd", REPLACED, -100, "x", -100),
        attack(
            "the time of a return: odd, its event's is 10^9",
            "200 applied: earlier_rental, returned_at_replaced",
            "x",
            10**9,
            None,
        ),
        attack("the time of a return: odd, its event's is 2^53", ODD_RETURN_TIME, "x", 2**53, 0),
        attack(
            "the time of a return: odd, its event's too",
            "200 applied: returned_at_replaced, timestamp_replaced",
            None,
            None,
            0,
        ),
    ],
)
def test_a_return_is_billed_once_whatever_its_times_are(
    returned_at: Any,
    timestamp: Any,
    ended: int | None,
    expected: str,
    gateway: Gateway,
    now: int,
    rental: Any,
    hook: FlakyHook,
) -> None:
    """Numbers below 0 are seconds from now; a rental that goes on has ended at None."""
    is_ago = isinstance(returned_at, int) and returned_at < 0
    payload = returned(at=now - 100, returned_at=now + returned_at if is_ago else None)
    if not is_ago:
        put(payload, "return_event.returned_at", returned_at)
    put(payload, "timestamp", now - 100 if timestamp == -100 else timestamp)
    assert told(gateway.post(payload)) == expected
    assert told(gateway.post(payload)) == again(expected)
    assert (hook.calls, hook.events[0].was_rented) == (1, ended is not None)
    at = hosts.ended_at(rental)
    if ended is None:
        assert at is None
    elif ended:
        assert at == moment(now + ended)
    else:
        assert at is not None
        assert moment(now) <= at <= moment(now + 60)
    assert column("power_banks.0.status") == ("RENTED" if ended is None else "AVAILABLE")
