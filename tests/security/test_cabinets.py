"""Snapshots that contradict themselves

And rented banks that they show, and returns of banks that are anything but rented.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
    ingest_settings,
)
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import (
    BANK,
    STATION,
    bank_row,
    cabinet,
    empty_slot,
    encode,
    full,
    held_slot,
    moment,
    returned,
    stamp,
)
from tests.security.cases import attack, case, told

pytestmark = pytest.mark.one_host

APPLIED = "200 applied"
DUPLICATE = "200 duplicate"
UNUSABLE = "200 applied: unusable"
IGNORED = "200 applied: row_ignored"
REPEATED = "200 applied: repeated"
CONTRADICTORY = "200 applied: contradictory"
SLOT_TAKEN = "200 applied: slot_taken"
INVALID = "400 INVALID_PAYLOAD"

ELSEWHERE = "STATION-2"
HERE = BANK
"""The bank that is in slot 2 of ``STATION``, which has four, before each snapshot."""
THERE = "22222222"
"""The bank that is in slot 1 of ``ELSEWHERE`` then."""

AGO: Any = object()
"""80 seconds before now."""

Rows = list[Any]


@pytest.fixture
def known(gateway: Gateway, now: int) -> None:
    """Two stations, each with a bank, were seen 100 s ago."""
    gateway.send(cabinet({2: HERE}, at=now - 100))
    gateway.send(cabinet({1: THERE}, at=now - 100, serial=ELSEWHERE))


@pytest.fixture
def rental(known: None, now: int) -> Any:
    """Return the rental of ``HERE``, begun 90 s ago."""
    return hosts.start_rental(bank(HERE), moment(now - 90))


def bank(serial: str) -> Any:
    return get_power_bank_model().objects.get(serial_number=serial)


def slots() -> dict[int, str]:
    """Return the status of each slot of ``STATION`` by its number."""
    rows = get_station_slot_model().objects.filter(station__serial_number=STATION)
    return dict(rows.values_list("slot_number", "status"))


def places() -> dict[str, int | str | None]:
    """Return where each bank is: its slot at ``STATION``, or the name of another station."""
    names = ("serial_number", "current_station__serial_number", "current_slot__slot_number")
    rows = get_power_bank_model().objects.values_list(*names)
    return {serial: slot if at == STATION else at for serial, at, slot in rows}


def rows_of(*get_models: Callable[[], Any]) -> list[Any]:
    """Return all that some tables hold."""
    return [list(get_model().objects.order_by("pk").values()) for get_model in get_models]


def cabinets() -> list[Any]:
    """Return all that the tables of slots and banks hold."""
    return rows_of(get_station_slot_model, get_power_bank_model)


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


# The lists


@pytest.mark.parametrize(
    "value",
    [
        attack("a list of rows: an object", INVALID, {"1": empty_slot(1)}),
        attack("a list of rows: an empty object", INVALID, {}),
        attack("a list of rows: a text", INVALID, "[]"),
        attack("a list of rows: an empty text", INVALID, ""),
        attack("a list of rows: zero", INVALID, 0),
        attack("a list of rows: false", INVALID, False),
        attack("a list of rows: 257 good rows", INVALID, [empty_slot(1)] * 257),
        attack("a list of rows: 257 times null", INVALID, [None] * 257),
        attack("a list of rows: 80,000 empty objects", INVALID, [{}] * 80_000),
        attack("a list of rows: 130,000 zeros", INVALID, [0] * 130_000),
        attack("a list of rows: 80,000 empty lists", INVALID, [[]] * 80_000),
    ],
)
def test_rows_are_counted_before_they_are_read(
    value: Any, expected: str, gateway: Gateway, known: None, now: int
) -> None:
    before = cabinets()
    for name in ("slots", "power_banks"):
        body = encode(full(at=now - 50) | {name: value}).replace(b", ", b",")
        assert len(body) <= ingest_settings.MAX_BODY_BYTES
        response = gateway.post(body)
        assert told(response) == expected
        assert set(response.json()["errors"]) == {name}
    assert cabinets() == before
    assert IngestEvent.objects.filter(state="refused").count() == 2


@case("two lists of 257 rows and no station", INVALID)
def test_all_that_is_wrong_is_told_at_once(expected: str, gateway: Gateway) -> None:
    response = gateway.post(full([None] * 257, [None] * 257, serial=""))
    assert told(response) == expected
    assert set(response.json()["errors"]) == {"slots", "power_banks", "device.serial_number"}


@pytest.mark.parametrize(
    "changes",
    [
        attack("no slots: null", APPLIED, {"slots": None}),
        attack("no slots: an empty list", APPLIED, {"slots": []}),
        attack(
            "no slots, though a bank says where it is",
            APPLIED,
            {"slots": [], "power_banks": [bank_row("A", 1)]},
        ),
        attack(
            "no slots, and 256 banks",
            APPLIED,
            {"slots": [], "power_banks": [bank_row(f"B{n}", n) for n in range(256)]},
        ),
        attack(
            "no slots, and banks that are none",
            APPLIED,
            {"slots": None, "power_banks": [None, 1, "x"]},
        ),
        attack("a station of 0 slots that shows some", APPLIED, {"station": {"total_slots": 0}}),
        attack(
            "a station of minus zero slots",
            UNUSABLE,
            {"station": {"total_slots": -0.0}, "slots": []},
        ),
    ],
)
def test_what_reports_no_slots_changes_none(
    changes: dict[str, Any], expected: str, gateway: Gateway, known: None, now: int
) -> None:
    before = cabinets()
    assert told(gateway.post(full(at=now - 50) | changes)) == expected
    assert told(gateway.post(full(at=now - 40) | changes)) == expected
    assert cabinets() == before
    station = get_station_model().objects.get(serial_number=STATION)
    assert (station.total_slots, station.last_full_at) == (4, moment(now - 40))


@case("no list of slots at all", APPLIED)
def test_slots_may_be_absent(expected: str, gateway: Gateway, known: None, now: int) -> None:
    before = cabinets()
    assert told(gateway.post(without(full([], []), "slots"))) == expected
    assert cabinets() == before


# Rows that are left out


@pytest.mark.parametrize(
    ("rows", "banks"),
    [
        attack("a slot row: null", IGNORED, [None], []),
        attack("a slot row: a number", IGNORED, [1], []),
        attack("a slot row: a list", IGNORED, [[empty_slot(2)]], []),
        attack("a slot row: a text", IGNORED, ["2"], []),
        attack("a slot row: empty", IGNORED, [{}], []),
        attack(
            "a slot row without a number", IGNORED, [without(held_slot(2, "A"), "slot_number")], []
        ),
        *[
            attack(f"a slot's number: {what}", IGNORED, [held_slot(number, "A")], [])
            for what, number in {
                "null": None,
                "minus one": -1,
                "256": 256,
                "2^53": 2**53,
                "1.0": 1.0,
                "minus zero": -0.0,
                "true": True,
                "a text": "1",
                "a list": [1],
                "10^308": 1e308,
                "an object": {},
            }.items()
        ],
        attack("a bank row: null", IGNORED, [], [None]),
        attack("a bank row: a number", IGNORED, [], [1]),
        attack("a bank row: a list", IGNORED, [], [[bank_row("A")]]),
        attack("a bank row: a text", IGNORED, [], ["A"]),
        attack("a bank row: empty", IGNORED, [], [{}]),
        attack(
            "a bank row without a serial number",
            IGNORED,
            [],
            [without(bank_row(), "serial_number")],
        ),
        *[
            attack(f"a bank's serial number: {what}", IGNORED, [], [bank_row(serial, 1)])
            for what, serial in {
                "null": None,
                "an empty text": "",
                "a blank after it": f"{HERE} ",
                "a NUL after it": f"{HERE}\x00",
                "a lone surrogate": "\ud800",
                "full-width digits": "１２３",
                "65 letters": "x" * 65,
                "100,000 letters": "x" * 100_000,
                "a number": 12345678,
                "true": True,
                "a list": [HERE],
            }.items()
        ],
        attack("every row left out", "200 applied: more, row_ignored", [None] * 255, [None] * 256),
        *[
            attack(f"the bank that a slot names: {what}", UNUSABLE, [held_slot(3, serial)], [])
            for what, serial in {
                "a blank after it": f"{HERE} ",
                "a NUL after it": f"{HERE}\x00",
                "an emoji": "☕",
                "a number": 12345678,
                "a list": [HERE],
                "true": True,
                "an object": {},
                "65 letters": "x" * 65,
            }.items()
        ],
    ],
)
def test_a_row_that_cannot_be_read_is_no_proof_of_absence(
    rows: Rows, banks: Rows, expected: str, gateway: Gateway, known: None, now: int
) -> None:
    """Twice, since the second absence makes a bank missing."""
    for at in (now - 50, now - 40):
        assert told(gateway.post(full([empty_slot(1), *rows], banks, at=at))) == expected
    assert places() == {HERE: 2, THERE: ELSEWHERE}
    assert slots()[1] == "AVAILABLE"


# Rows that contradict each other


def many(count: int, row: Callable[[int], Any]) -> Rows:
    """Return as many rows, each of its number."""
    return [row(n) for n in range(count)]


@pytest.mark.parametrize(
    ("rows", "banks", "banks_at", "slots_are"),
    [
        attack(
            "a slot twice, with two banks",
            REPEATED,
            [held_slot(1, "A"), held_slot(1, "B")],
            [],
            {"B": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a slot twice, first full, then empty",
            REPEATED,
            [held_slot(1, "A"), empty_slot(1)],
            [],
            {},
            {1: "AVAILABLE"},
        ),
        attack(
            "a slot twice, first empty, then full",
            REPEATED,
            [empty_slot(1), held_slot(1, "A")],
            [],
            {"A": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a slot 256 times, each with another bank",
            "200 applied: more, repeated",
            many(256, lambda n: held_slot(1, f"B{n}")),
            [],
            {"B255": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a bank twice, in two slots",
            "200 applied: contradictory, repeated",
            [empty_slot(1), empty_slot(2)],
            [bank_row("A", 1), bank_row("A", 2)],
            {"A": 2},
            {1: "AVAILABLE", 2: "OCCUPIED"},
        ),
        attack(
            "a bank 256 times",
            "200 applied: more, repeated",
            [empty_slot(1)],
            [bank_row("A", 3)] * 255 + [bank_row("A", 1)],
            {"A": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "two banks for one slot",
            SLOT_TAKEN,
            [held_slot(1, "A")],
            [bank_row("A", 1), bank_row("B", 1)],
            {"A": None, "B": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "two banks for one slot, the other way round",
            SLOT_TAKEN,
            [held_slot(1, "A")],
            [bank_row("B", 1), bank_row("A", 1)],
            {"A": 1, "B": None},
            {1: "OCCUPIED"},
        ),
        attack(
            "a slot that names another bank than the one that is in it",
            SLOT_TAKEN,
            [held_slot(1, "A")],
            [bank_row("B", 1)],
            {"A": None, "B": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "256 banks in one slot",
            "200 applied: contradictory, more, slot_taken",
            [empty_slot(1)],
            many(256, lambda n: bank_row(f"B{n}", 1)),
            {**{f"B{n}": None for n in range(255)}, "B255": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a bank in another slot than the one that names it",
            CONTRADICTORY,
            [empty_slot(1), held_slot(3, "A")],
            [bank_row("A", 1)],
            {"A": 1},
            {1: "OCCUPIED", 3: "OCCUPIED"},
        ),
        attack(
            "two banks, each in the slot that names the other",
            CONTRADICTORY,
            [held_slot(1, "A"), held_slot(3, "B")],
            [bank_row("A", 3), bank_row("B", 1)],
            {"A": 3, "B": 1},
            {1: "OCCUPIED", 3: "OCCUPIED"},
        ),
        attack(
            "a bank that only a slot names",
            APPLIED,
            [held_slot(1, "A")],
            [],
            {"A": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a bank that two slots name",
            REPEATED,
            [held_slot(1, "A"), held_slot(3, "A")],
            [],
            {"A": 3},
            {1: "OCCUPIED", 3: "OCCUPIED"},
        ),
        attack(
            "a bank that 256 slots name",
            "200 applied: more, repeated",
            many(256, lambda n: held_slot(n, "A")),
            [],
            {"A": 255},
            {0: "OCCUPIED", 255: "OCCUPIED"},
        ),
        attack(
            "a bank that one slot names, its row another that is not told of",
            "200 applied: contradictory, slot_unknown",
            [held_slot(1, "A")],
            [bank_row("A", 99)],
            {"A": None},
            {1: "OCCUPIED"},
        ),
        attack(
            "a bank in a slot that is known, and not told of",
            APPLIED,
            [empty_slot(1)],
            [bank_row("A", 3)],
            {"A": 3},
            {1: "AVAILABLE", 3: "OCCUPIED"},
        ),
        attack(
            "a bank in a slot that nobody knows",
            "200 applied: slot_unknown",
            [empty_slot(1)],
            [bank_row("A", 255)],
            {"A": None},
            {1: "AVAILABLE"},
        ),
        attack(
            "a bank without a slot",
            APPLIED,
            [empty_slot(1)],
            [bank_row("A", None)],
            {"A": None},
            {1: "AVAILABLE"},
        ),
        attack(
            "slot 0",
            APPLIED,
            [held_slot(0, "A")],
            [bank_row("A", 0)],
            {"A": 0},
            {0: "OCCUPIED"},
        ),
        attack(
            "slot 255",
            APPLIED,
            [held_slot(255, "A")],
            [bank_row("A", 255)],
            {"A": 255},
            {255: "OCCUPIED"},
        ),
        attack(
            "256 slots and 256 banks, all good",
            APPLIED,
            many(256, lambda n: held_slot(n, f"B{n}")),
            many(256, lambda n: bank_row(f"B{n}", n)),
            {f"B{n}": n for n in range(256)},
            {n: "OCCUPIED" for n in range(256)},
        ),
        attack(
            "one number in four types",
            IGNORED,
            [held_slot(1, "D"), held_slot("1", "A"), held_slot(1.0, "B"), held_slot(True, "C")],
            [],
            {"D": 1, HERE: 2},
            {1: "OCCUPIED"},
        ),
        attack(
            "an empty slot that holds a bank",
            CONTRADICTORY,
            [held_slot(1, "A", status="AVAILABLE")],
            [],
            {"A": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a full slot that holds none",
            APPLIED,
            [empty_slot(1, status="OCCUPIED")],
            [],
            {},
            {1: "OCCUPIED"},
        ),
        attack(
            "banks that differ in letter case",
            APPLIED,
            [held_slot(1, "ab"), held_slot(3, "AB"), held_slot(4, "Ab")],
            [],
            {"ab": 1, "AB": 3, "Ab": 4},
            {1: "OCCUPIED", 3: "OCCUPIED", 4: "OCCUPIED"},
        ),
        attack(
            "a bank with the number of its station",
            APPLIED,
            [held_slot(1, STATION)],
            [bank_row(STATION, 1)],
            {STATION: 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "the bank of another station",
            APPLIED,
            [held_slot(1, THERE)],
            [bank_row(THERE, 1)],
            {THERE: 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a bank that says it is RENTED",
            "200 applied: unknown_status",
            [held_slot(1, "A")],
            [bank_row("A", 1, status="RENTED")],
            {"A": 1},
            {1: "OCCUPIED"},
        ),
        attack(
            "a slot that says it is RENTED",
            "200 applied: unknown_status",
            [empty_slot(1, status="RENTED")],
            [],
            {},
            {1: "ERROR"},
        ),
    ],
)
def test_rows_that_contradict_each_other_are_settled(
    rows: Rows,
    banks: Rows,
    banks_at: dict[str, Any],
    slots_are: dict[int, str],
    expected: str,
    gateway: Gateway,
    known: None,
    now: int,
) -> None:
    """``HERE`` is not told of: it leaves its slot, and keeps its station."""
    assert told(gateway.post(full(rows, banks, at=now - 50))) == expected
    assert places() == {HERE: None, THERE: ELSEWHERE, **banks_at}
    assert slots_are.items() <= slots().items()
    in_slots = [slot for slot in banks_at.values() if slot is not None]
    assert len(in_slots) == len(set(in_slots))


@pytest.mark.parametrize(
    ("metadata", "becomes"),
    [
        attack("an error code: 0", APPLIED, {"error_code": 0}, "ERROR"),
        attack("an error code: an empty text", APPLIED, {"error_code": ""}, "ERROR"),
        attack("an error code: false", APPLIED, {"error_code": False}, "ERROR"),
        attack("an error code: a text", APPLIED, {"error_code": "0x01"}, "ERROR"),
        attack("an error code: an empty object", APPLIED, {"error_code": {}}, "ERROR"),
        attack("an error code: an empty list", APPLIED, {"error_code": []}, "ERROR"),
        attack(
            "an error code: nothing but NUL",
            "200 applied: cleaned",
            {"error_code": "\x00"},
            "ERROR",
        ),
        attack("an error code: 100,000 letters", APPLIED, {"error_code": "x" * 100_000}, "ERROR"),
        attack("an error code: null", APPLIED, {"error_code": None}, "AVAILABLE"),
        attack(
            "an error code whose name has a NUL",
            "200 applied: cleaned",
            {"error_code\x00": 1},
            "ERROR",
        ),
        attack(
            "an error code that another would hide",
            "200 applied: cleaned",
            {"error_code": 7, "error_code\x00": None},
            "ERROR",
        ),
        attack("an error code in capitals", APPLIED, {"ERROR_CODE": 1}, "AVAILABLE"),
        attack("an error code deeper inside", APPLIED, {"a": {"error_code": 1}}, "AVAILABLE"),
    ],
)
def test_an_error_code_is_an_error(
    metadata: dict[str, Any],
    becomes: str,
    expected: str,
    gateway: Gateway,
    known: None,
    now: int,
) -> None:
    rows = [empty_slot(1, slot_metadata=metadata), held_slot(2)]
    assert told(gateway.post(full(rows, [bank_row()], at=now - 50))) == expected
    assert slots()[1] == becomes
    assert places()[HERE] == 2


@case("a faulty slot that names a bank", APPLIED)
def test_a_faulty_slot_still_holds_its_bank(
    expected: str, gateway: Gateway, known: None, now: int
) -> None:
    rows = [held_slot(2, status="AVAILABLE", slot_metadata={"error_code": "0x77"})]
    assert told(gateway.post(full(rows, [], at=now - 50))) == expected
    assert (slots()[2], places()[HERE]) == ("ERROR", 2)


@pytest.mark.parametrize(
    "serial",
    [
        attack("a second serial number: another station's", APPLIED, ELSEWHERE),
        attack("a second serial number: null", APPLIED, None),
        attack("a second serial number: a list", APPLIED, [STATION]),
        attack("a second serial number: NUL and a lone surrogate", APPLIED, "\x00\ud800"),
    ],
)
def test_a_station_is_the_device_that_speaks(
    serial: Any, expected: str, gateway: Gateway, known: None, now: int
) -> None:
    section = {"serial_number": serial, "total_slots": 4}
    assert told(gateway.post(cabinet({1: HERE}, at=now - 50, station=section))) == expected
    assert places() == {HERE: 1, THERE: ELSEWHERE}
    assert get_station_model().objects.count() == 2


@pytest.mark.parametrize(
    ("there_at", "bank_at"),
    [
        attack(
            "a bank that a newer snapshot shows elsewhere",
            "200 applied: older_location",
            -30,
            ELSEWHERE,
        ),
        attack("a bank that a snapshot of the same second shows elsewhere", APPLIED, -50, 1),
        attack("a bank that an older snapshot shows elsewhere", APPLIED, -70, 1),
    ],
)
def test_of_two_stations_the_newer_has_the_bank(
    there_at: int, bank_at: Any, expected: str, gateway: Gateway, known: None, now: int
) -> None:
    gateway.send(cabinet({1: THERE}, at=now + there_at, serial=ELSEWHERE))
    assert told(gateway.post(cabinet({1: THERE, 2: HERE}, at=now - 50))) == expected
    assert places() == {HERE: 2, THERE: bank_at}


@case("columns of the operator, of the host and of our bookkeeping, by their names", APPLIED)
def test_no_column_is_written_that_no_device_owns(
    expected: str, gateway: Gateway, known: None, now: int
) -> None:
    models = [get_station_model(), get_station_slot_model(), get_power_bank_model()]
    for model in models:
        model.objects.update(out_of_service=True)
    others = [model.objects.order_by("-pk").first().pk for model in models]
    before = [list(model.objects.order_by("pk").values()) for model in models]
    hostile = {
        **{field.attname: None for model in models for field in model._meta.concrete_fields},
        "pk": str(others[0]),
        "id": str(others[0]),
        "name": "x",
        "out_of_service": False,
        "station": ELSEWHERE,
        "current_station": ELSEWHERE,
        "rented_at": stamp(now),
        "missing_since": stamp(now),
        "silent_since": stamp(now),
        "last_full_at": stamp(now + 10**6),
    }
    payload = cabinet({2: HERE}, at=now - 50)
    sections = (payload["device"], payload["station"], *payload["slots"], *payload["power_banks"])
    for row in (payload, *sections):
        row.update({name: value for name, value in hostile.items() if name not in row})
    assert told(gateway.post(payload)) == expected
    after = [list(model.objects.order_by("pk").values()) for model in models]
    clocks = {"last_full_at", "last_heard_at", "last_report_at", "last_heartbeat"}
    for old, new in zip(before, after, strict=True):
        for row in (*old, *new):
            for name in clocks & row.keys():
                row.pop(name)
    assert after == before
    station = models[0].objects.get(serial_number=STATION)
    assert station.last_full_at == station.last_report_at == moment(now - 50)


# Banks that are rented


@pytest.mark.parametrize(
    ("changes", "slot", "becomes"),
    [
        attack("a rented bank in its slot", APPLIED, {}, 2, "AVAILABLE"),
        attack(
            "a rented bank in two slots",
            REPEATED,
            {"slots": [held_slot(1), held_slot(2)], "power_banks": []},
            2,
            "AVAILABLE",
        ),
        attack(
            "a rented bank in two rows",
            REPEATED,
            {"power_banks": [bank_row(), bank_row()]},
            2,
            "AVAILABLE",
        ),
        attack(
            "a rented bank in 256 rows",
            "200 applied: more, repeated",
            {"power_banks": [bank_row()] * 256},
            2,
            "AVAILABLE",
        ),
        attack(
            "a rented bank with another in its slot",
            SLOT_TAKEN,
            {"power_banks": [bank_row(), bank_row("A", 2)]},
            None,
            "AVAILABLE",
        ),
        attack(
            "a rented bank in a slot that nobody knows",
            "200 applied: contradictory, slot_unknown",
            {"power_banks": [bank_row(slot=99)]},
            None,
            "AVAILABLE",
        ),
        attack(
            "a rented bank in a slot that is none",
            UNUSABLE,
            {"slots": [empty_slot(1)], "power_banks": [bank_row(slot="x")]},
            None,
            "AVAILABLE",
        ),
        attack(
            "a rented bank that says it is RENTED",
            "200 applied: unknown_status",
            {"power_banks": [bank_row(status="RENTED")]},
            2,
            "MAINTENANCE",
        ),
        attack(
            "a rented bank in a faulty slot",
            APPLIED,
            {"slots": [held_slot(2, slot_metadata={"error_code": 1})]},
            2,
            "AVAILABLE",
        ),
        attack(
            "a rented bank, seen in the year 9999",
            APPLIED,
            {"timestamp": 253_402_300_799},
            2,
            "AVAILABLE",
        ),
        attack(
            "a rented bank, seen at no time",
            "200 applied: timestamp_replaced",
            {"timestamp": "x"},
            2,
            "AVAILABLE",
        ),
    ],
)
def test_a_rented_bank_that_is_seen_is_returned_once(
    changes: dict[str, Any],
    slot: int | None,
    becomes: str,
    expected: str,
    gateway: Gateway,
    now: int,
    rental: Any,
    hook: FlakyHook,
) -> None:
    payload = full(at=now - 20) | changes
    response = gateway.post(payload)
    assert told(response) == expected
    assert response.json()["data"]["offline_returns_processed"] == 1
    gateway.post(payload)
    (event,) = hook.events
    assert (event.was_rented, event.source) == (True, "snapshot")
    assert hosts.ended_at(rental) == event.occurred_at
    assert event.occurred_at <= moment(now) + timedelta(seconds=60)
    assert (bank(HERE).status, places()[HERE]) == (becomes, slot)


@pytest.mark.parametrize(
    "changes",
    [
        attack(
            "a rented bank, seen within the time of an eject",
            "200 applied: just_rented",
            {"timestamp": -60},
        ),
        attack(
            "a rented bank, seen before it was rented",
            "200 applied: just_rented",
            {"timestamp": -95},
        ),
        attack("a rented bank, seen in 2001", "200 stale", {"timestamp": 10**9}),
        attack("a rented bank in a station of 0 slots", APPLIED, {"station": {"total_slots": 0}}),
        attack("a rented bank and no slots", APPLIED, {"slots": []}),
        attack(
            "a rented bank with a blank after its number",
            "200 applied: row_ignored, unusable",
            {"slots": [held_slot(2, f"{HERE} ")], "power_banks": [bank_row(f"{HERE} ")]},
        ),
        attack(
            "a rented bank with a NUL after its number",
            "200 applied: row_ignored, unusable",
            {"slots": [held_slot(2, f"{HERE}\x00")], "power_banks": [bank_row(f"{HERE}\x00")]},
        ),
        attack(
            "a rented bank that a repeated slot no longer names",
            REPEATED,
            {"slots": [held_slot(2), empty_slot(2)], "power_banks": []},
        ),
        attack(
            "too many rows that show a rented bank", INVALID, {"power_banks": [bank_row()] * 257}
        ),
    ],
)
def test_a_rented_bank_that_is_not_really_seen_stays_rented(
    changes: dict[str, Any], expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = full(at=now - 20) | changes
    if payload["timestamp"] < 0:
        payload["timestamp"] += now
    assert told(gateway.post(payload)) == expected
    assert (hook.calls, hosts.ended_at(rental)) == (0, None)
    assert (bank(HERE).status, places()[HERE]) == ("RENTED", None)


# Returns


@case("a return, twelve times", DUPLICATE)
def test_a_return_is_applied_once(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = returned(at=now - 50)
    gateway.send(payload)
    assert {told(gateway.post(payload)) for _ in range(11)} == {expected}
    assert (hook.calls, hosts.ended_at(rental)) == (1, moment(now - 50))
    assert IngestEvent.objects.filter(event_type="returned").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        attack("a return again, with a blank more", APPLIED, lambda body: body + b" "),
        attack("a return again, with a field more", APPLIED, lambda body: body[:-1] + b', "x": 1}'),
        attack(
            "a return again, a letter escaped",
            APPLIED,
            lambda body: body.replace(b'"type"', rb'"\u0074ype"'),
        ),
        attack(
            "a return again, that does not say when",
            "200 applied: returned_at_replaced",
            lambda body: body.replace(b"returned_at", b"returned_it"),
        ),
        attack(
            "a return again, that says a later time",
            APPLIED,
            lambda body: (
                body.replace(b"returned_at", b"x").replace(b"last_heartbeat", b"y")[:-2]
                + b', "returned_at": "2999-01-01T00:00:00Z"}}'
            ),
        ),
    ],
)
def test_a_return_in_other_bytes_bills_nobody_again(
    change: Callable[[bytes], bytes],
    expected: str,
    gateway: Gateway,
    now: int,
    rental: Any,
    hook: FlakyHook,
) -> None:
    body = encode(returned(at=now - 50, returned_at=now - 60))
    gateway.send(body)
    assert told(gateway.post(change(body))) == expected
    assert [event.was_rented for event in hook.events] == [True, False]
    assert hosts.ended_at(rental) == moment(now - 60)
    assert hosts.open_rentals(bank(HERE)) == []


@case("the same bytes after somebody else has rented the bank", DUPLICATE)
def test_a_repeat_does_not_end_the_next_rental(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = returned(at=now - 50)
    gateway.send(payload)
    following = hosts.start_rental(bank(HERE), moment(now - 40))
    assert told(gateway.post(payload)) == expected
    assert (hook.calls, hosts.ended_at(following)) == (1, None)
    assert bank(HERE).status == "RENTED"


@case("other bytes after somebody else has rented the bank", "200 applied: earlier_rental")
def test_a_return_of_before_does_not_end_the_next_rental(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    gateway.send(returned(at=now - 50))
    following = hosts.start_rental(bank(HERE), moment(now - 40))
    assert told(gateway.post(encode(returned(at=now - 50)) + b" ")) == expected
    assert [event.was_rented for event in hook.events] == [True, False]
    assert hosts.ended_at(following) is None
    assert bank(HERE).status == "RENTED"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        attack(
            "a return of a bank that is missing",
            APPLIED,
            {"missing_since": AGO, "current_station": None, "current_slot": None},
            {"missing_since": None},
        ),
        attack(
            "a return of a bank that is absent",
            APPLIED,
            {"absent_since": AGO, "current_slot": None},
            {"absent_since": None},
        ),
        attack(
            "a return of a bank out of service",
            APPLIED,
            {"out_of_service": True},
            {"out_of_service": True},
        ),
        attack("a return of a damaged bank", APPLIED, {"status": "DAMAGED"}, {"status": "DAMAGED"}),
        attack(
            "a return of a bank in maintenance",
            APPLIED,
            {"status": "MAINTENANCE"},
            {"status": "MAINTENANCE"},
        ),
        attack("a return of a bank that nobody rented", APPLIED, {}, {"status": "AVAILABLE"}),
        attack(
            "a return of a bank that says when it was rented, and is not",
            APPLIED,
            {"rented_at": AGO},
            {"status": "AVAILABLE"},
        ),
    ],
)
def test_a_return_of_a_bank_that_was_not_rented_is_applied_once(
    before: dict[str, Any],
    after: dict[str, Any],
    expected: str,
    gateway: Gateway,
    now: int,
    known: None,
    hook: FlakyHook,
) -> None:
    before = {name: moment(now - 80) if value is AGO else value for name, value in before.items()}
    get_power_bank_model().objects.filter(serial_number=HERE).update(**before)
    payload = returned(at=now - 50)
    assert told(gateway.post(payload)) == expected
    assert told(gateway.post(payload)) == DUPLICATE
    assert [event.was_rented for event in hook.events] == [False]
    row = bank(HERE)
    assert places()[HERE] == 3
    assert {name: getattr(row, name) for name in after} == after


@pytest.mark.parametrize(
    ("serial", "at"),
    [
        attack("a return to another station", APPLIED, ELSEWHERE, ELSEWHERE),
        attack(
            "a return to a station that nobody knows", "200 applied: slot_unknown", "NEW", "NEW"
        ),
    ],
)
def test_a_return_is_where_it_says(
    serial: str, at: str, expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    assert told(gateway.post(returned(at=now - 50, serial=serial))) == expected
    assert (hook.calls, hosts.ended_at(rental)) == (1, moment(now - 50))
    assert places()[HERE] == at


@case("a return into a slot that holds another bank", APPLIED)
def test_a_return_sends_another_bank_out(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    gateway.send(cabinet({3: "A"}, at=now - 70))
    assert told(gateway.post(returned(at=now - 50))) == expected
    assert places() == {HERE: 3, "A": None, THERE: ELSEWHERE}
    assert hosts.ended_at(rental) == moment(now - 50)


@case("a return that everything out of service is told of", APPLIED)
def test_out_of_service_refuses_no_return(
    expected: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    models = [get_station_model(), get_station_slot_model(), get_power_bank_model()]
    for model in models:
        model.objects.update(out_of_service=True)
    assert told(gateway.post(returned(at=now - 50))) == expected
    assert (hook.calls, hosts.ended_at(rental)) == (1, moment(now - 50))
    for model in models:
        assert not model.objects.filter(out_of_service=False).exists()


@case("a return of a bank that nobody knows, twelve times", "200 deferred: power_bank_unknown")
def test_a_return_of_an_unknown_bank_waits_once(
    expected: str, gateway: Gateway, now: int, known: None, hook: FlakyHook
) -> None:
    payload = returned("UNKNOWN", at=now - 50)
    assert {told(gateway.post(payload)) for _ in range(12)} == {expected}
    waiting = IngestEvent.objects.filter(event_type="returned", state="deferred")
    assert (waiting.count(), hook.calls) == (1, 0)
    gateway.send(cabinet({1: "UNKNOWN", 2: HERE}, at=now - 40))
    assert (waiting.count(), hook.calls) == (0, 1)


@case("a return whose number is a known one's in other letters", "200 deferred: power_bank_unknown")
def test_a_return_of_a_bank_that_is_almost_known_waits(
    expected: str, gateway: Gateway, now: int, known: None, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: "ab", 2: HERE}, at=now - 60))
    assert told(gateway.post(returned("AB", at=now - 50))) == expected
    assert (hook.calls, places()["ab"]) == (0, 1)
