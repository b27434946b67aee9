"""Applying a full snapshot to the tables."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import JSONField, Value
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest import signals
from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
    get_sync_service,
)
from django_iot_ingest.events import PowerBankMissing, PowerBankReturned, Source, StationCreated
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import StationSyncService
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway, listen
from tests.payloads import (
    BANK,
    STATION,
    bank_row,
    cabinet,
    empty_slot,
    full,
    held_slot,
    moment,
    returned,
    stamp,
    status,
)

State = IngestEvent.State

ELSEWHERE = "STATION-2"


class NamingService(StationSyncService):
    """A host that has something to say about what is created."""

    def get_station_defaults(self, serial_number: str) -> dict[str, Any]:
        return {"out_of_service": True, "serial_number": "not this one"}

    def get_power_bank_defaults(self, serial_number: str) -> dict[str, Any]:
        return {"out_of_service": True}


class BreakingService(StationSyncService):
    """A host whose hook meets a database error, and lets it pass."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        get_station_model().objects.create(serial_number=event.station.serial_number)

    def on_power_bank_missing(self, event: PowerBankMissing) -> None:
        get_station_model().objects.create(serial_number=event.station.serial_number)


class SwallowingService(BreakingService):
    """A host whose hook meets a database error, and hides it."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        try:
            super().on_power_bank_returned(event)
        except IntegrityError:
            return


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def returns(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch, "on_power_bank_missing")


def use(settings: Any, **changes: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changes}


def use_service(settings: Any, service: type) -> None:
    use(settings, SYNC_SERVICE=f"{__name__}.{service.__name__}")


def station(serial: str = STATION) -> Any:
    return get_station_model().objects.get(serial_number=serial)


def slot(number: int, serial: str = STATION) -> Any:
    return get_station_slot_model().objects.get(station=station(serial), slot_number=number)


def slots() -> dict[int, str]:
    """Return the status of each slot of the station, by number."""
    rows = get_station_slot_model().objects.filter(station__serial_number=STATION)
    return dict(rows.order_by("slot_number").values_list("slot_number", "status"))


def bank(serial: str = BANK) -> Any:
    return get_power_bank_model().objects.get(serial_number=serial)


def place(serial: str = BANK) -> tuple[str | None, int | None]:
    """Return the station and the slot number where the table has a bank."""
    row = bank(serial)
    return (
        row.current_station and row.current_station.serial_number,
        row.current_slot and row.current_slot.slot_number,
    )


def warned(data: dict[str, Any]) -> set[tuple[str, str]]:
    return {(warning["code"], warning["path"]) for warning in data["warnings"]}


def codes(data: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in data["warnings"]}


def rent(at: float, serial: str = BANK) -> Any:
    return hosts.start_rental(bank(serial), moment(at))


# Creating and updating


def test_the_first_snapshot_creates_the_station_its_slots_and_its_banks(
    gateway: Gateway, now: int
) -> None:
    data = gateway.send(full(at=now - 50))

    assert (data["state"], data["warnings"]) == ("applied", [])
    assert (data["slots_updated"], data["powerbanks_updated"]) == (2, 1)
    assert data["offline_returns_processed"] == 0
    assert data["station_serial"] == STATION
    assert data["station_id"] == str(station().pk)
    assert data["event_id"] == str(IngestEvent.objects.get().pk)
    row = station()
    assert (row.imei, row.status, row.total_slots) == (STATION, "ONLINE", 2)
    assert (row.signal_strength, row.wifi_ssid) == ("28", "चार्ज घर ☕")
    assert row.hardware_info == {"firmware_version": "2.1.5", "protocol_version": "0xA8"}
    assert row.last_heartbeat == moment(now - 50)
    assert slots() == {1: "AVAILABLE", 2: "OCCUPIED"}
    assert slot(2).battery_level == 85
    assert slot(2).slot_metadata["micro_switch"] == "1"
    assert (bank().status, bank().battery_level, place()) == ("AVAILABLE", 85, (STATION, 2))
    assert bank().hardware_info == {"temperature": 25, "voltage": 50, "soft_version": 25}
    assert slot(2).power_bank == bank()
    assert slot(1).power_bank is None


def test_a_later_snapshot_updates_what_changed(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 50))
    data = gateway.send(
        full(
            [empty_slot(1), held_slot(2, battery_level=90)],
            [bank_row(battery_level=90, status="DAMAGED", hardware_info={"temperature": 61})],
            at=now - 40,
            device={"signal_strength": "-65", "status": "MAINTENANCE", "wifi_ssid": ""},
        )
    )
    assert (data["slots_updated"], data["powerbanks_updated"]) == (1, 1)
    assert (station().signal_strength, station().wifi_ssid) == ("-65", "")
    assert station().status == "MAINTENANCE"
    assert (slot(1).battery_level, slot(2).battery_level) == (0, 90)
    assert (bank().status, bank().battery_level) == ("DAMAGED", 90)
    assert bank().hardware_info == {"temperature": 61}


def test_what_a_snapshot_does_not_tell_stays(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 50))
    nothing = dict.fromkeys(["imei", "signal_strength", "wifi_ssid", "last_heartbeat"])
    rows = [{"slot_number": 2, "status": "OCCUPIED"}]
    banks = [{"serial_number": BANK, "current_slot": 2}]
    gateway.send(full(rows, banks, at=now - 40, device={**nothing, "hardware_info": None}))
    assert (station().imei, station().signal_strength) == (STATION, "28")
    assert station().wifi_ssid == "चार्ज घर ☕"
    assert station().hardware_info["firmware_version"] == "2.1.5"
    assert station().last_heartbeat == moment(now - 50)
    assert slot(2).battery_level == 85
    assert slot(2).slot_metadata["micro_switch"] == "1"
    assert (bank().status, bank().battery_level) == ("AVAILABLE", 85)
    assert bank().hardware_info["temperature"] == 25


@pytest.mark.parametrize("level", [254, 101, -1, True, "85", 85.5], ids=repr)
def test_an_unusable_battery_level_leaves_the_old_value(
    level: Any, gateway: Gateway, now: int
) -> None:
    gateway.send(full(at=now - 50))
    rows = [empty_slot(1), held_slot(2, battery_level=level)]
    data = gateway.send(full(rows, [bank_row(battery_level=level)], at=now - 40))
    assert (slot(2).battery_level, bank().battery_level) == (85, 85)
    assert warned(data) == {
        ("unusable", "slots.1.battery_level"),
        ("unusable", "power_banks.0.battery_level"),
    }


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\u0000b", "ab"),
        ("a\ud800b\udfff", "ab"),
        ("s" * 12_288, "s" * 12_288),
        ("☕" * 255, "☕" * 255),
        ("😀" * 255, "😀" * 255),
        ("'\"`\\%s{};--", "'\"`\\%s{};--"),
        ("\ud83d\ude00", "😀"),
        ("\t\r\n\u007f\u2028", "\t\r\n\u007f\u2028"),
    ],
    ids=lambda text: ascii(text)[:12],
)
def test_every_text_that_a_station_can_send_is_stored(
    text: str, stored: str, gateway: Gateway, now: int
) -> None:
    info = {"name": text, text: [text]}
    payload = full(
        [empty_slot(1, slot_metadata=info)],
        [bank_row(slot=None, hardware_info=info)],
        at=now,
        device={"wifi_ssid": text, "hardware_info": info},
    )
    data = gateway.send(payload)
    assert data["state"] == "applied"
    assert station().wifi_ssid == stored
    assert station().hardware_info == {"name": stored, stored: [stored]}
    assert slot(1).slot_metadata == bank().hardware_info == {"name": stored, stored: [stored]}


@pytest.mark.parametrize("text", ["\uffff", "\ufdd0", "\U0001fffe"], ids=ascii)
def test_a_noncharacter_refuses_nothing(text: str, gateway: Gateway, now: int) -> None:
    device = {"wifi_ssid": f"a{text}b", "hardware_info": {text: text}}
    assert gateway.send(full(at=now, device=device))["state"] == "applied"
    assert station().wifi_ssid.replace(text, "") == "ab"


@pytest.mark.parametrize("length", [63, 64, 65, 255])
def test_a_text_longer_than_its_column_is_dropped(length: int, gateway: Gateway, now: int) -> None:
    text = "☕" * length
    data = gateway.send(full(at=now, device={"signal_strength": text, "imei": text}))
    kept = text if length <= 64 else ""
    assert (station().signal_strength, station().imei) == (kept, kept)
    assert len(data["warnings"]) == (0 if kept else 2)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (empty_slot(1, status="BROKEN"), "ERROR"),
        (empty_slot(1, slot_metadata={"error_code": "0x77"}), "ERROR"),
        (held_slot(1, slot_metadata={"error_code": 3}, status="AVAILABLE"), "ERROR"),
        (held_slot(1, status="AVAILABLE"), "OCCUPIED"),
    ],
    ids=["unknown status", "error code", "error code and a bank", "holds a bank"],
)
def test_a_slot_in_doubt_is_never_available(
    row: dict[str, Any], expected: str, gateway: Gateway, now: int
) -> None:
    gateway.send(full([row], [], at=now))
    assert slots() == {1: expected}
    if "power_bank_serial" in row:
        assert place() == (STATION, 1)


def test_slots_that_a_snapshot_leaves_out_stay_as_they_are(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A"}, at=now - 50))
    gateway.send(full([empty_slot(2, status="ERROR")], [bank_row("A", 1)], at=now - 40))
    assert slots() == {1: "OCCUPIED", 2: "ERROR", 3: "AVAILABLE", 4: "AVAILABLE"}


def test_a_bank_that_only_a_slot_row_names_is_created(gateway: Gateway, now: int) -> None:
    data = gateway.send(full([held_slot(2)], [], at=now))
    assert (bank().status, bank().battery_level) == ("AVAILABLE", None)
    assert place() == (STATION, 2)
    assert data["powerbanks_updated"] == 1


def test_a_bank_in_a_slot_that_nobody_knows_is_at_the_station(gateway: Gateway, now: int) -> None:
    data = gateway.send(full([empty_slot(1)], [bank_row(slot=7)], at=now))
    assert place() == (STATION, None)
    assert warned(data) == {("slot_unknown", "power_banks.0.current_slot")}


def test_a_slot_known_from_before_that_holds_a_bank_now_is_not_empty(
    gateway: Gateway, now: int
) -> None:
    gateway.send(cabinet({}, at=now - 50))
    gateway.send(full([empty_slot(2)], [bank_row(slot=1)], at=now - 40))
    assert place() == (STATION, 1)
    assert slots()[1] == "OCCUPIED"


def test_a_slot_that_a_newer_return_filled_is_not_empty(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({}, at=now - 50))
    gateway.send(cabinet({1: BANK}, serial=ELSEWHERE, at=now - 50))
    gateway.send(returned(slot=3, at=now - 30))
    gateway.send(cabinet({}, at=now - 40))
    assert place() == (STATION, 3)
    assert slots()[3] == "OCCUPIED"


def test_a_slot_whose_bank_is_not_absent_is_not_empty(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(full([empty_slot(1), empty_slot("x")], [], at=now - 40))
    assert place() == (STATION, 1)
    assert slots()[1] == "OCCUPIED"


def test_letter_case_tells_devices_apart(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "ab1", 2: "AB1"}, serial="st-a", at=now))
    gateway.send(cabinet({}, serial="ST-A", at=now))
    assert get_power_bank_model().objects.count() == get_station_model().objects.count() == 2
    assert (place("ab1"), place("AB1")) == (("st-a", 1), ("st-a", 2))


def test_the_host_names_what_is_created(gateway: Gateway, now: int, settings: Any) -> None:
    use_service(settings, NamingService)
    gateway.send(full(at=now))
    assert (station().out_of_service, bank().out_of_service) == (True, True)


def test_a_new_station_is_told_to_the_host_once(
    gateway: Gateway, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = FlakyHook(monkeypatch, "on_station_created")
    for at in (now - 50, now - 40):
        gateway.send(full(at=at))
    (event,) = created.events
    assert isinstance(event, StationCreated)
    assert event.station == station()
    assert event.raw["timestamp"] == now - 50


def test_an_unknown_station_may_not_be_created(gateway: Gateway, now: int, settings: Any) -> None:
    use(settings, AUTO_CREATE_STATIONS=False)
    data = gateway.send(full(at=now))
    assert (data["state"], data["station_id"], data["station_serial"]) == (
        "deferred",
        None,
        STATION,
    )
    assert codes(data) == {"station_unknown"}
    assert not get_station_model().objects.exists()
    assert not get_power_bank_model().objects.exists()


def test_an_unknown_bank_may_not_be_created(gateway: Gateway, now: int, settings: Any) -> None:
    use(settings, AUTO_CREATE_POWER_BANKS=False)
    data = gateway.send(cabinet({1: "A"}, at=now))
    assert data["state"] == "applied"
    assert warned(data) == {("power_bank_unknown", "power_banks.0")}
    assert slots()[1] == "OCCUPIED"
    assert not get_power_bank_model().objects.exists()


def test_the_device_never_says_rented(gateway: Gateway, now: int, returns: FlakyHook) -> None:
    rows = [bank_row("NEW", 1, status="RENTED"), bank_row(BANK, 2, status="AVAILABLE")]
    data = gateway.send(full([held_slot(1, "NEW"), held_slot(2)], rows, at=now - 50))
    assert (bank("NEW").status, bank("NEW").rented_at) == ("MAINTENANCE", None)
    assert warned(data) == {("unknown_status", "power_banks.0.status")}
    rows = [bank_row("NEW", 1), bank_row(BANK, 2, status="RENTED")]
    gateway.send(full([held_slot(1, "NEW"), held_slot(2)], rows, at=now - 40))
    assert (bank().status, bank().rented_at, place()) == ("MAINTENANCE", None, (STATION, 2))
    assert returns.calls == 0


def operator_owned(row: Any) -> dict[str, Any]:
    """Return the columns of a row that are the operator's: the flag and all the host added."""
    ours = {field.name for base in type(row).__mro__[1:] for field in own_fields(base)}
    names = {field.name for field in row._meta.fields} - ours - {row._meta.pk.name}
    return {name: getattr(row, name) for name in (names | {"out_of_service"})}


def own_fields(base: type) -> Any:
    meta = getattr(base, "_meta", None)
    return meta.fields if meta else ()


@pytest.mark.parametrize(
    "build",
    [
        lambda at: full([empty_slot(1), held_slot(2, status="ERROR")], [bank_row()], at=at),
        lambda at: returned(slot=1, at=at),
        lambda at: status("OFFLINE", at=at),
        lambda at: cabinet({}, at=at),
    ],
    ids=["full", "returned", "status", "missing"],
)
def test_no_event_touches_a_column_of_the_operator(build: Any, gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 300))
    values = {"name": "Corner", "address": "Road 1", "label": "left", "district": "north"}
    for row in (station(), slot(1), slot(2), bank()):
        row.out_of_service = True
        for name in operator_owned(row).keys() & values.keys():
            setattr(row, name, values[name])
        row.save()
    before = [operator_owned(row) for row in (station(), slot(1), slot(2), bank())]
    rent(now - 250)
    for at in (now - 100, now - 90):
        gateway.send(build(at))
    assert [operator_owned(row) for row in (station(), slot(1), slot(2), bank())] == before


def test_an_unchanged_snapshot_writes_no_slot_and_no_bank(gateway: Gateway, now: int) -> None:
    held = {1: "A", 3: "B"}
    gateway.send(cabinet(held, at=now - 50))
    before = row_versions()
    with CaptureQueriesContext(connection) as queries:
        data = gateway.send(cabinet(held, at=now - 40))
    tables = [get_station_slot_model()._meta.db_table, get_power_bank_model()._meta.db_table]
    written = [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]
    assert not [sql for sql in written if sql.split('"' if '"' in sql else "`")[1] in tables]
    assert row_versions() == before
    assert (data["slots_updated"], data["powerbanks_updated"]) == (0, 0)
    moved = {2: "A", 3: "B"}
    gateway.send(cabinet(moved, at=now - 30))
    assert row_versions() != before or connection.vendor != "postgresql"


def row_versions() -> list[Any]:
    """Return where PostgreSQL keeps each slot and bank: every write moves a row."""
    if connection.vendor != "postgresql":
        return []
    ctid = RawSQL("ctid::text", [])
    models = get_station_slot_model(), get_power_bank_model()
    return [sorted(model.objects.annotate(at=ctid).values_list("at")) for model in models]


def test_devices_whose_numbers_differ_in_blanks_and_letters_are_others(
    gateway: Gateway, now: int
) -> None:
    for almost in ("ab ", "AB"):
        get_station_model().objects.create(serial_number=almost)
        get_power_bank_model().objects.create(serial_number=almost)
    data = gateway.send(cabinet({1: "ab"}, serial="ab", at=now - 50))
    assert (data["station_serial"], data["powerbanks_updated"]) == ("ab", 1)
    assert place("ab") == ("ab", 1)
    assert place("ab ") == place("AB") == (None, None)


# No report, and absence


@pytest.mark.parametrize(
    "nothing",
    [{"slots": []}, {"slots": None}, {"station": {"total_slots": 0}}],
    ids=["no slots", "null", "total_slots 0"],
)
def test_a_misread_frame_leaves_slots_and_banks_as_they_are(
    nothing: dict[str, Any], gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(full(at=now - 50))
    for at in (now - 40, now - 30):
        data = gateway.send({**full([empty_slot(2)], [], at=at), **nothing})
        assert (data["state"], data["slots_updated"]) == ("applied", 0)
    assert slots() == {1: "AVAILABLE", 2: "OCCUPIED"}
    assert (place(), station().total_slots) == ((STATION, 2), 2)
    assert losses.calls == 0


def test_a_bank_absent_once_leaves_its_slot_and_keeps_its_station(
    gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({}, at=now - 40))
    assert (place(), bank().missing_since, losses.calls) == ((STATION, None), None, 0)
    assert slot(1).power_bank is None


def test_a_bank_absent_twice_is_missing(
    gateway: Gateway,
    now: int,
    losses: FlakyHook,
    django_capture_on_commit_callbacks: Any,
) -> None:
    for at, held in ((now - 50, {1: BANK}), (now - 40, {})):
        gateway.send(cabinet(held, at=at))
    with (
        listen(signals.power_bank_missing) as heard,
        django_capture_on_commit_callbacks(execute=True),
    ):
        gateway.send(cabinet({}, at=now - 30))
        assert heard == []
    assert place() == (None, None)
    assert bank().missing_since is not None
    assert bank().status == "AVAILABLE"
    (event,) = losses.events
    assert isinstance(event, PowerBankMissing)
    assert (event.power_bank, event.station) == (bank(), station())
    assert event.missing_since == bank().missing_since
    assert [payload["event"] for payload in heard] == [event]


def test_a_missing_bank_is_told_once(gateway: Gateway, now: int, losses: FlakyHook) -> None:
    for ago, held in ((50, {1: BANK}), (40, {}), (30, {}), (20, {}), (10, {})):
        gateway.send(cabinet(held, at=now - ago))
    assert losses.calls == 1


def test_a_repeat_of_the_same_snapshot_is_no_second_proof(
    gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    for _ in range(3):
        gateway.send(cabinet({}, at=now - 40))
    assert (place(), losses.calls) == ((STATION, None), 0)


@pytest.mark.parametrize(
    ("rows", "banks"),
    [
        ([empty_slot(1), empty_slot("2")], []),
        ([empty_slot(1), empty_slot(256)], []),
        ([empty_slot(1)], [bank_row("", 1)]),
        ([empty_slot(1)], [bank_row(None, 1)]),
    ],
    ids=["slot text", "slot 256", "bank empty", "bank null"],
)
def test_no_bank_is_absent_from_a_snapshot_with_a_row_left_out(
    rows: Any, banks: Any, gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(full([empty_slot(1), held_slot(2)], at=now - 50))
    for ago in (40, 30):
        data = gateway.send(full(rows, banks, at=now - ago))
        assert codes(data) == {"row_ignored"}
    assert (place(), losses.calls) == ((STATION, 2), 0)


def test_only_snapshots_that_report_slots_prove_absence(
    gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({}, at=now - 40))
    gateway.send(full([], [], at=now - 30))
    gateway.send(full([empty_slot(1), empty_slot("x")], [], at=now - 25))
    assert (place(), losses.calls) == ((STATION, None), 0)
    gateway.send(cabinet({}, at=now - 20))
    assert (place(), losses.calls) == ((None, None), 1)


def test_an_absence_in_between_is_forgiven(gateway: Gateway, now: int, losses: FlakyHook) -> None:
    for ago, held in ((50, {1: BANK}), (40, {}), (30, {2: BANK}), (20, {})):
        gateway.send(cabinet(held, at=now - ago))
    assert (place(), losses.calls) == ((STATION, None), 0)


@pytest.mark.parametrize("serial", [STATION, ELSEWHERE])
def test_a_missing_bank_that_reappears_is_not_missing_any_more(
    serial: str, gateway: Gateway, now: int
) -> None:
    for ago, held in ((50, {1: BANK}), (40, {}), (30, {})):
        gateway.send(cabinet(held, at=now - ago))
    assert bank().missing_since is not None
    gateway.send(cabinet({2: BANK}, serial=serial, at=now - 20))
    assert (place(), bank().missing_since) == ((serial, 2), None)


def test_a_missing_bank_that_is_returned_is_not_missing_any_more(
    gateway: Gateway, now: int
) -> None:
    for ago, held in ((50, {1: BANK}), (40, {}), (30, {})):
        gateway.send(cabinet(held, at=now - ago))
    gateway.send(returned(slot=2, at=now - 20))
    assert (place(), bank().missing_since) == ((STATION, 2), None)


def test_a_rented_bank_is_never_absent(gateway: Gateway, now: int, losses: FlakyHook) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    rent(now - 45)
    for ago in (40, 30, 20):
        gateway.send(cabinet({}, at=now - ago))
    assert (bank().status, place(), losses.calls) == ("RENTED", (None, None), 0)


def test_a_bank_that_another_station_has_is_not_absent_here(
    gateway: Gateway, now: int, losses: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({2: BANK}, serial=ELSEWHERE, at=now - 45))
    for ago in (40, 30):
        gateway.send(cabinet({}, at=now - ago))
    assert (place(), losses.calls) == ((ELSEWHERE, 2), 0)


def test_a_refused_loss_is_undone_and_tried_again(
    gateway: Gateway,
    now: int,
    losses: FlakyHook,
    django_capture_on_commit_callbacks: Any,
) -> None:
    losses.failures = [RuntimeError("no")]
    gateway.send(cabinet({1: BANK, 2: "B"}, at=now - 50))
    gateway.send(cabinet({2: "B"}, at=now - 40))
    with listen(signals.event_failed) as heard, django_capture_on_commit_callbacks(execute=True):
        data = gateway.send(cabinet({3: "B"}, at=now - 30))
    assert (data["state"], codes(data)) == ("applied", {"hook_refused"})
    assert (place(), bank().missing_since) == ((STATION, None), None)
    assert place("B") == (STATION, 3)
    assert [payload["error_code"] for payload in heard] == ["RuntimeError"]
    gateway.send(cabinet({3: "B"}, at=now - 20))
    assert (place(), losses.calls) == ((None, None), 2)


# Contradictions between events


def test_of_two_stations_the_newer_has_the_bank(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({2: BANK}, serial=ELSEWHERE, at=now - 40))
    assert place() == (ELSEWHERE, 2)
    data = gateway.send(cabinet({3: BANK}, at=now - 45))
    assert (data["state"], codes(data)) == ("applied", {"older_location"})
    assert place() == (ELSEWHERE, 2)


def test_of_two_stations_at_one_time_the_later_arrival_has_the_bank(
    gateway: Gateway, now: int
) -> None:
    for serial in (STATION, ELSEWHERE, STATION, ELSEWHERE):
        gateway.send(cabinet({1: BANK}, serial=serial, at=now - 50))
        assert place() == (serial, 1)


def test_a_snapshot_that_changes_nothing_confirms_the_place(gateway: Gateway, now: int) -> None:
    for ago in (50, 40, 30):
        gateway.send(cabinet({1: BANK}, at=now - ago))
    gateway.send(cabinet({1: BANK}, serial=ELSEWHERE, at=now - 35))
    assert place() == (STATION, 1)


def test_a_snapshot_without_the_bank_does_not_confirm_its_place(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({}, at=now - 30))
    gateway.send(cabinet({1: BANK}, serial=ELSEWHERE, at=now - 40))
    assert place() == (ELSEWHERE, 1)


def test_a_snapshot_from_before_a_late_return_does_not_confirm_its_place(
    gateway: Gateway, now: int
) -> None:
    gateway.send(cabinet({1: BANK}, serial=ELSEWHERE, at=now - 100))
    gateway.send(cabinet({}, at=now - 20))
    gateway.send(returned(slot=3, at=now - 40))
    assert place() == (STATION, 3)
    gateway.send(cabinet({2: BANK}, serial=ELSEWHERE, at=now - 30))
    assert place() == (ELSEWHERE, 2)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_that_waited_for_a_newer_one_sees_what_that_confirmed(
    now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway.with_admin()
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(cabinet({}, serial=ELSEWHERE, at=now - 50))
    is_applying = threading.Event()

    def hold(service: Any, event: Any) -> None:
        is_applying.set()
        time.sleep(0.3)

    monkeypatch.setattr(type(get_sync_service()), "on_station_status_changed", hold)

    def confirm() -> None:
        newer = cabinet({1: BANK}, at=now - 30, device={"status": "MAINTENANCE"})
        try:
            Gateway(gateway.token).send(newer)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        confirmed = pool.submit(confirm)
        assert is_applying.wait(timeout=10)
        gateway.send(cabinet({2: BANK}, serial=ELSEWHERE, at=now - 40))
        confirmed.result()
    assert place() == (STATION, 1)


def test_of_two_banks_for_one_slot_the_newer_has_it(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A"}, at=now - 50))
    gateway.send(cabinet({1: "B"}, at=now - 40))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))


def test_an_older_snapshot_does_not_take_a_slot_from_a_newer_return(
    gateway: Gateway, now: int
) -> None:
    gateway.send(cabinet({2: "A"}, at=now - 50))
    gateway.send(returned("A", 1, at=now - 30))
    data = gateway.send(cabinet({1: "B"}, at=now - 40))
    assert (data["state"], codes(data)) == ("applied", {"slot_taken"})
    assert (place("A"), place("B")) == ((STATION, 1), (STATION, None))


def test_a_snapshot_as_old_as_a_return_takes_the_slot(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({2: "A"}, at=now - 50))
    gateway.send(returned("A", 1, at=now - 30))
    gateway.send(cabinet({1: "B"}, at=now - 30))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))


def test_at_most_one_bank_is_in_a_slot_when_a_row_was_left_out(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A"}, at=now - 50))
    gateway.send(full([held_slot(1, "B"), empty_slot("x")], [bank_row("B", 1)], at=now - 40))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))


def crowded(first: str, second: str, **kwargs: Any) -> dict[str, Any]:
    """Return a contradictory snapshot: two banks, in the order of their rows, in slot 1."""
    return full([held_slot(1, first)], [bank_row(first, 1), bank_row(second, 1)], **kwargs)


def test_of_two_banks_shown_in_one_slot_the_later_row_has_it(gateway: Gateway, now: int) -> None:
    data = gateway.send(crowded("A", "B", at=now - 50))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))
    assert data["warnings"] == [{"code": "slot_taken", "path": "power_banks.0.current_slot"}]


def test_a_bank_that_was_rented_just_now_takes_no_slot(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 50))
    rent(now - 45, "B")
    data = gateway.send(crowded("A", "B", at=now - 40))
    assert (place("A"), place("B")) == ((STATION, 1), (None, None))
    assert codes(data) == {"just_rented"}


def test_a_bank_that_is_elsewhere_by_now_takes_no_slot(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A"}, at=now - 50))
    gateway.send(cabinet({1: "B"}, serial=ELSEWHERE, at=now - 30))
    data = gateway.send(crowded("A", "B", at=now - 40))
    assert (place("A"), place("B")) == ((STATION, 1), (ELSEWHERE, 1))
    assert codes(data) == {"older_location"}


def test_a_bank_whose_return_is_refused_takes_no_slot(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: "A", 2: "B", 3: "C"}, at=now - 500))
    for serial in "BC":
        rent(now - 400, serial)
    rows = [bank_row(serial, 1) for serial in "ABC"]
    returns.failures = [ValueError("no"), ValueError("no")]
    data = gateway.send(full([held_slot(1, "A")], rows, at=now - 100))
    assert [place(serial) for serial in "ABC"] == [(STATION, 1), (None, None), (None, None)]
    assert (codes(data), data["offline_returns_processed"]) == ({"hook_refused"}, 0)
    data = gateway.send(full([held_slot(1, "A")], rows, at=now - 90))
    assert [place(serial) for serial in "ABC"] == [(STATION, None), (STATION, None), (STATION, 1)]
    assert (codes(data), data["offline_returns_processed"]) == ({"slot_taken"}, 2)


@pytest.mark.parametrize("refused", [0, 1])
def test_a_refusal_among_two_returns_to_one_slot_leaves_it_to_the_other(
    refused: int, gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    for serial in "AB":
        rent(now - 400, serial)
    returns.failures = [None, None]
    returns.failures[refused] = ValueError("no")
    data = gateway.send(crowded("A", "B", at=now - 100))
    assert (place("AB"[refused]), place("BA"[refused])) == ((None, None), (STATION, 1))
    assert codes(data) == {"hook_refused"}


def test_a_return_unheard_leaves_the_slot_to_a_later_row(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    rent(now - 400, "A")
    data = gateway.send(crowded("A", "B", at=now - 100))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))
    assert (codes(data), returns.calls) == ({"slot_taken"}, 1)


def test_a_bank_left_out_keeps_its_slot_unless_another_really_takes_it(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    rent(now - 400, "B")
    incomplete = [held_slot(1, "B"), {"slot_number": "?"}]
    returns.failures = [ValueError("no")]
    gateway.send(full(incomplete, [bank_row("B", 1)], at=now - 100))
    assert (place("A"), place("B")) == ((STATION, 1), (None, None))
    gateway.send(full(incomplete, [bank_row("B", 1)], at=now - 90))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))


def test_banks_may_change_places(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A", 2: "B", 3: "C"}, at=now - 50))
    gateway.send(cabinet({1: "B", 2: "C", 3: "A"}, at=now - 40))
    assert [place(serial)[1] for serial in "ABC"] == [3, 1, 2]


# Order


def test_an_older_snapshot_is_stale_and_changes_nothing(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 40))
    rows = [held_slot(1), empty_slot(2)]
    older = full(rows, [bank_row(slot=1)], at=now - 41, device={"imei": "9", "status": "OFFLINE"})
    data = gateway.send(older)
    assert (data["state"], data["slots_updated"], data["powerbanks_updated"]) == ("stale", 0, 0)
    assert (station().imei, station().status, place()) == (STATION, "ONLINE", (STATION, 2))
    assert slots() == {1: "AVAILABLE", 2: "OCCUPIED"}
    assert IngestEvent.objects.filter(state=State.STALE).count() == 1


def test_snapshots_of_one_second_apply_in_order_of_arrival(gateway: Gateway, now: int) -> None:
    for signal in ("1", "2", "3"):
        data = gateway.send(full(at=now - 40, device={"signal_strength": signal}))
        assert (data["state"], station().signal_strength) == ("applied", signal)


def test_a_snapshot_older_than_the_status_is_applied_without_its_status(
    gateway: Gateway, now: int
) -> None:
    gateway.send(status("OFFLINE", at=now - 40))
    data = gateway.send(full(at=now - 41))
    assert (data["state"], station().status) == ("applied", "OFFLINE")
    assert (station().signal_strength, place()) == ("28", (STATION, 2))


@pytest.mark.parametrize("ago", [40, 39])
def test_a_snapshot_as_new_as_the_status_says_the_status(
    ago: int, gateway: Gateway, now: int
) -> None:
    gateway.send(status("OFFLINE", at=now - 40))
    gateway.send(full(at=now - ago))
    assert station().status == "ONLINE"


def test_a_newer_return_does_not_make_a_snapshot_stale(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 50))
    gateway.send(returned(slot=1, at=now - 30))
    data = gateway.send(full(at=now - 40, device={"signal_strength": "7"}))
    assert (data["state"], station().signal_strength) == ("applied", "7")
    assert place() == (STATION, 1)


def test_times_of_a_gateway_whose_clock_is_off_are_shifted(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 200 - 50), timestamp=now - 200)
    heartbeat = station().last_heartbeat
    assert abs(heartbeat - moment(now - 50)) <= timedelta(seconds=2)
    event_time = IngestEvent.objects.get().event_time
    assert abs(event_time - moment(now - 50)) <= timedelta(seconds=2)


def test_an_unusable_timestamp_is_that_of_the_attempt(gateway: Gateway, now: int) -> None:
    data = gateway.send({**full(at=now), "timestamp": "soon"}, timestamp=now - 3)
    assert warned(data) == {("timestamp_replaced", "timestamp")}
    assert IngestEvent.objects.get().event_time == moment(now - 3)


# Rented banks in a snapshot


def test_a_rented_bank_in_a_snapshot_was_returned_unheard(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 400)
    data = gateway.send(cabinet({2: BANK}, serial=ELSEWHERE, at=now - 100))
    assert (data["state"], data["offline_returns_processed"]) == ("applied", 1)
    assert data["powerbanks_updated"] == 1
    (event,) = returns.events
    assert isinstance(event, PowerBankReturned)
    assert (event.source, event.was_rented) == (Source.SNAPSHOT, True)
    assert event.occurred_at == moment(now - 100)
    assert (event.power_bank, event.station, event.slot) == (
        bank(),
        station(ELSEWHERE),
        slot(2, ELSEWHERE),
    )
    assert event.raw["type"] == "full"
    assert (bank().status, bank().rented_at, place()) == ("AVAILABLE", None, (ELSEWHERE, 2))
    assert hosts.ended_at(rental) == moment(now - 100)


def test_a_rented_bank_that_only_a_slot_names_was_returned_unheard(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rent(now - 400)
    gateway.send(full([held_slot(2)], [], at=now - 100))
    assert [event.source for event in returns.events] == [Source.SNAPSHOT]
    assert (bank().status, place()) == ("AVAILABLE", (STATION, 2))


def test_a_rented_bank_in_a_misread_frame_stays_rented(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rent(now - 400)
    gateway.send(full([], at=now - 100))
    assert (bank().status, place(), returns.calls) == ("RENTED", (None, None), 0)


def test_a_bank_rented_again_before_the_snapshot_is_returned_once_per_rental(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    for rented, seen in ((400, 300), (200, 100)):
        rent(now - rented)
        for _ in range(2):
            gateway.send(cabinet({1: BANK}, at=now - seen))
    assert [event.occurred_at for event in returns.events] == [moment(now - 300), moment(now - 100)]


@pytest.mark.parametrize(
    ("seconds", "is_returned"), [(-10, False), (4, False), (29, False), (30, False), (31, True)]
)
def test_a_bank_within_the_eject_grace_stays_rented_and_nowhere(
    seconds: int, is_returned: bool, gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 200)
    data = gateway.send(cabinet({1: BANK}, at=now - 200 + seconds))
    assert data["offline_returns_processed"] == returns.calls == int(is_returned)
    if is_returned:
        assert (bank().status, place()) == ("AVAILABLE", (STATION, 1))
    else:
        assert (bank().status, place()) == ("RENTED", (None, None))
        assert bank().rented_at == moment(now - 200)
        assert hosts.ended_at(rental) is None
        assert codes(data) == {"just_rented"}


def test_the_eject_grace_is_a_setting(
    gateway: Gateway, now: int, returns: FlakyHook, settings: Any
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rent(now - 200)
    use(settings, EJECT_GRACE=60)
    gateway.send(cabinet({1: BANK}, at=now - 200 + 31))
    assert returns.calls == 0
    use(settings, EJECT_GRACE=5)
    gateway.send(cabinet({1: BANK}, at=now - 200 + 31))
    assert returns.calls == 1


@pytest.mark.parametrize("state", [State.RECEIVED, State.FAILED, State.DEFERRED])
def test_a_waiting_return_comes_before_the_snapshot(
    state: str, gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 400)
    returns.failures = [RuntimeError("not now")]
    assert gateway.post(returned(slot=2, at=now - 200)).status_code == 503
    IngestEvent.objects.filter(event_type="returned").update(state=state)
    data = gateway.send(cabinet({3: BANK}, at=now - 100))
    assert data["offline_returns_processed"] == 0
    first, second = returns.events
    assert (second.source, second.was_rented) == (Source.REPLAY, True)
    assert first.occurred_at == second.occurred_at == hosts.ended_at(rental)
    assert hosts.ended_at(rental) == moment(now - 200)
    assert IngestEvent.objects.get(event_type="returned").state == State.APPLIED
    assert (bank().status, place()) == ("AVAILABLE", (STATION, 3))


def test_a_waiting_return_comes_first_within_the_eject_grace_too(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 200)
    returns.failures = [RuntimeError("not now")]
    gateway.post(returned(slot=2, at=now - 190))
    gateway.send(cabinet({2: BANK}, at=now - 185))
    assert hosts.ended_at(rental) == moment(now - 190)
    assert (bank().status, place()) == ("AVAILABLE", (STATION, 2))


def test_a_waiting_return_of_an_earlier_rental_leaves_this_one_to_the_snapshot(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    returns.failures = [RuntimeError("not now")]
    gateway.post(returned(slot=2, at=now - 450))
    rental = rent(now - 400)
    data = gateway.send(cabinet({3: BANK}, at=now - 100))
    assert data["offline_returns_processed"] == 1
    assert [(event.source, event.was_rented) for event in returns.events[1:]] == [
        (Source.REPLAY, False),
        (Source.SNAPSHOT, True),
    ]
    assert hosts.ended_at(rental) == moment(now - 100)


def test_a_waiting_return_that_fails_again_leaves_the_bank_to_the_snapshot(
    gateway: Gateway, now: int, returns: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 400)
    returns.failures = [RuntimeError("not now"), RuntimeError("nor now")]
    gateway.post(returned(slot=2, at=now - 200))
    data = gateway.send(cabinet({3: BANK}, at=now - 100))
    assert (data["state"], data["offline_returns_processed"]) == ("applied", 1)
    assert hosts.ended_at(rental) == moment(now - 100)
    assert IngestEvent.objects.get(event_type="returned").state == State.FAILED


# Hooks that refuse, and databases that fail


def test_a_refusal_undoes_that_bank_alone(
    gateway: Gateway,
    now: int,
    returns: FlakyHook,
    django_capture_on_commit_callbacks: Any,
) -> None:
    gateway.send(cabinet({1: "A", 2: "B", 3: "C"}, at=now - 500))
    for serial in "ABC":
        rent(now - 400, serial)
    returns.failures = [ValueError("no")]
    with listen(signals.event_failed) as heard, django_capture_on_commit_callbacks(execute=True):
        data = gateway.send(cabinet({1: "A", 2: "B", 4: "C"}, at=now - 100))
    (refused,) = {event.power_bank.serial_number for event in returns.events[:1]}
    assert (data["state"], data["offline_returns_processed"]) == ("applied", 2)
    assert codes(data) == {"hook_refused"}
    assert (bank(refused).status, place(refused)) == ("RENTED", (None, None))
    assert bank(refused).rented_at == moment(now - 400)
    for serial in set("ABC") - {refused}:
        assert bank(serial).status == "AVAILABLE"
    assert slots()[4] == "OCCUPIED"
    assert [(h["event_type"], h["device_serial"], h["error_code"]) for h in heard] == [
        ("full", STATION, "ValueError")
    ]
    data = gateway.send(cabinet({1: "A", 2: "B", 4: "C"}, at=now - 50))
    assert data["offline_returns_processed"] == 1
    assert (bank(refused).status, returns.events[-1].occurred_at) == (
        "AVAILABLE",
        moment(now - 50),
    )


def test_a_refusal_undoes_what_the_hook_wrote(
    gateway: Gateway, now: int, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def write_and_refuse(service: Any, event: PowerBankReturned) -> None:
        get_station_model().objects.create(serial_number="WRITTEN")
        raise ValueError

    monkeypatch.setattr(BreakingService, "on_power_bank_returned", write_and_refuse)
    use_service(settings, BreakingService)
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rent(now - 400)
    assert codes(gateway.send(cabinet({1: BANK}, at=now - 100))) == {"hook_refused"}
    assert not get_station_model().objects.filter(serial_number="WRITTEN").exists()


@pytest.mark.parametrize("service", [BreakingService, SwallowingService])
def test_a_database_fault_in_a_hook_undoes_the_whole_event(
    service: type,
    gateway: Gateway,
    now: int,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    gateway.send(cabinet({1: BANK, 2: "B"}, at=now - 500))
    rent(now - 400)
    use_service(settings, service)
    payload = cabinet({1: BANK, 3: "B"}, at=now - 100, device={"signal_strength": "9"})
    with listen(signals.event_failed) as heard, django_capture_on_commit_callbacks(execute=True):
        response = gateway.post(payload)
    assert response.status_code == 503
    assert response.json()["error"] == "TEMPORARILY_UNAVAILABLE"
    assert (bank().status, place(), place("B")) == ("RENTED", (None, None), (STATION, 2))
    assert slots() == {1: "OCCUPIED", 2: "OCCUPIED", 3: "AVAILABLE", 4: "AVAILABLE"}
    assert station().signal_strength == "28"
    row = IngestEvent.objects.get(state=State.FAILED)
    assert (row.event_type, row.device_serial, row.attempts) == ("full", STATION, 1)
    assert row.last_error_code
    assert [payload["event_id"] for payload in heard] == [row.pk]


def test_a_database_fault_in_a_loss_undoes_the_whole_event(
    gateway: Gateway, now: int, settings: Any
) -> None:
    for ago, held in ((50, {1: BANK}), (40, {})):
        gateway.send(cabinet(held, at=now - ago))
    use_service(settings, BreakingService)
    assert gateway.post(cabinet({2: "NEW"}, at=now - 30)).status_code == 503
    assert place() == (STATION, None)
    assert not get_power_bank_model().objects.filter(serial_number="NEW").exists()


@pytest.mark.parametrize("hook", ["on_station_created", "on_station_status_changed"])
def test_a_refusal_over_the_station_undoes_the_whole_event(
    hook: str, gateway: Gateway, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = FlakyHook(monkeypatch, hook)
    flaky.failures = [RuntimeError("no")]
    assert gateway.post(full(at=now - 50)).status_code == 503
    assert not get_station_model().objects.exists()
    assert IngestEvent.objects.get().state == State.FAILED
    assert gateway.send(full(at=now - 50))["state"] == "applied"
    assert flaky.calls == 2


def test_a_receiver_that_fails_breaks_nothing(
    gateway: Gateway, now: int, django_capture_on_commit_callbacks: Any
) -> None:
    def fail(**payload: Any) -> None:
        raise RuntimeError

    signals.station_synced.connect(fail)
    try:
        with (
            listen(signals.station_synced) as heard,
            django_capture_on_commit_callbacks(execute=True),
        ):
            assert gateway.send(full(at=now))["state"] == "applied"
    finally:
        signals.station_synced.disconnect(fail)
    assert [payload["station"] for payload in heard] == [station()]


# When a station was heard


@pytest.mark.parametrize("kind", ["applied", "stale", "failed"])
def test_every_snapshot_says_that_the_station_lives(
    kind: str, gateway: Gateway, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.send(full(at=now - 50))
    long_ago = timezone.now() - timedelta(hours=2)
    get_station_model().objects.update(last_heard_at=long_ago, status="MAINTENANCE")
    flaky = FlakyHook(monkeypatch, "on_station_status_changed")
    flaky.failures = [RuntimeError("no")] if kind == "failed" else []
    before = timezone.now()
    response = gateway.post(full(at=now - (60 if kind == "stale" else 40)))
    assert response.status_code == (503 if kind == "failed" else 200)
    assert before <= station().last_heard_at <= timezone.now()


def test_metadata_that_was_only_uploaded_again_writes_no_slot(gateway: Gateway, now: int) -> None:
    def told(lock: int, seconds: int) -> dict[str, Any]:
        metadata = {"lock_count": lock, "last_updated": stamp(now + seconds)}
        return full([empty_slot(1, slot_metadata=metadata)], [], at=now - 50)

    assert gateway.send(told(1, 1))["slots_updated"] == 1
    assert gateway.send(told(1, 2))["slots_updated"] == 0
    assert gateway.send(told(2, 3))["slots_updated"] == 1
    fresher = told(2, 3)
    fresher["slots"][0] |= {"battery_level": 9}
    fresher["slots"][0]["slot_metadata"]["last_updated"] = stamp(now + 4)
    assert gateway.send(fresher)["slots_updated"] == 1
    slot = get_station_slot_model().objects.get()
    assert slot.slot_metadata == {"lock_count": 2, "last_updated": stamp(now + 4)}


@pytest.mark.parametrize("odd", [[], [1], "text", None, 5])
def test_metadata_that_somebody_replaced_is_what_the_device_says_again(
    gateway: Gateway, now: int, odd: Any
) -> None:
    snapshot = full([empty_slot(1)], [], at=now - 50)
    gateway.send(snapshot)
    told = get_station_slot_model().objects.get().slot_metadata
    get_station_slot_model().objects.update(slot_metadata=Value(odd, JSONField()))
    gateway.send(snapshot)
    assert get_station_slot_model().objects.get().slot_metadata == told
