"""PostgreSQL's set statements leave the same rows as the ORM, whatever is reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DataError, connection, models, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_iot_ingest import bell, drain, inbox
from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.event_types import read_receipt
from django_iot_ingest.events import Receipt
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.services import postgresql, service
from django_iot_ingest.services.postgresql import PostgresqlTables
from django_iot_ingest.services.tables import Tables
from tests import cells, payloads
from tests.hosts import start_rental
from tests.payloads import bank_row, full, held_slot, moment

pytestmark = pytest.mark.django_db(transaction=True)

NOW = 1_795_452_778


@pytest.fixture(autouse=True)
def drains_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave draining to the test."""
    monkeypatch.setattr(bell, "ring", lambda: None)


STATIONS = ("A", "B")
BANKS = ("1", "2", "3", "4")
OURS = ("id", "received_at", "applied_at", "duration", "retry_at")
"""Columns that differ from one run to the next; the order of rows says nothing."""

only_on_postgresql = pytest.mark.postgresql


@dataclass(frozen=True)
class Meddling:
    """A host that writes a row by itself."""

    model: str
    serial: str | int
    values: dict[str, Any]

    def do(self) -> None:
        station, slot, bank = hosts()
        models = {"station": station, "slot": slot, "power_bank": bank}
        name = "slot_number" if self.model == "slot" else "serial_number"
        models[self.model].objects.filter(**{name: self.serial}).update(**self.values)


def quiet_snapshot(
    at: int, levels: list[int], metadata: dict[str, Any] | None, status: str | None, said: str
) -> dict[str, Any]:
    """Return a snapshot of one station in which banks 1 and 2 are where they always are."""
    rows = [
        held_slot(1, "1", battery_level=levels[0], slot_metadata=metadata),
        held_slot(2, "2", battery_level=levels[1]),
        held_slot(3, None, battery_level=levels[2], status="AVAILABLE"),
    ]
    banks = [
        bank_row("1", 1, status=status, hardware_info=metadata, battery_level=levels[1]),
        bank_row("2", 2, battery_level=levels[2]),
    ]
    return full(rows, banks, at=at, serial="A", device={"status": said})


numbers = st.integers(1, 3)
levels = st.integers(0, 101)
slots = st.builds(
    held_slot,
    numbers,
    st.sampled_from([*BANKS, None, ""]),
    status=st.sampled_from(["AVAILABLE", "OCCUPIED", "ERROR", "odd"]),
    battery_level=levels,
    slot_metadata=st.fixed_dictionaries({"lock": levels}, optional={"error_code": st.just("7")}),
)
banks = st.builds(
    bank_row,
    st.sampled_from(BANKS),
    st.none() | numbers,
    status=st.sampled_from(["AVAILABLE", "DAMAGED", "odd"]),
    battery_level=levels,
    hardware_info=st.dictionaries(st.sampled_from("ab"), levels | st.text("é\x00\"'%", max_size=2)),
)
snapshots = st.builds(
    full,
    st.lists(slots, max_size=3),
    st.lists(banks, max_size=3),
    at=st.integers(NOW, NOW + 5),
    serial=st.sampled_from(STATIONS),
    device=st.fixed_dictionaries(
        {
            "status": st.sampled_from(["ONLINE", "OFFLINE"]),
            "signal_strength": st.text("%s'", max_size=2),
        }
    ),
)
returns = st.builds(
    payloads.returned,
    st.sampled_from(BANKS),
    st.none() | numbers,
    at=st.integers(NOW, NOW + 5),
    serial=st.sampled_from(STATIONS),
)
statuses = st.builds(
    payloads.status,
    st.sampled_from(["ONLINE", "OFFLINE"]),
    at=st.integers(NOW, NOW + 5),
    serial=st.sampled_from(STATIONS),
)
rentals = st.sampled_from(BANKS)
histories = st.lists(snapshots | snapshots | returns | statuses | rentals, min_size=1, max_size=8)


def searching(examples: int) -> hypothesis_settings:
    """Return the settings of a search whose fixtures last for all of its examples.

    It is long in one cell, since its time is that of a whole module elsewhere.
    """
    if not cells.is_long() or os.environ.get("TEST_INBOX") == "partitions":
        examples //= 4
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return hypothesis_settings(max_examples=examples, suppress_health_check=checks)


def empty() -> None:
    """Forget every row, and begin to count keys anew."""
    tables = [model._meta.db_table for model in (*hosts(), IngestEvent, StationStatusChange)]
    tables = [connection.ops.quote_name(table) for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")


def hosts() -> tuple[Any, ...]:
    return get_station_model(), get_station_slot_model(), get_power_bank_model()


def apply(history: list[Any], then: Callable[[], object] = lambda: None) -> list[tuple[str, Any]]:
    """Send a history through the inbox, do more after each event; return what was answered."""
    answers = []
    for position, said in enumerate(history):
        at = NOW + 10 + position
        if isinstance(said, Meddling):
            said.do()
        elif isinstance(said, str):
            bank = get_power_bank_model().objects.filter(serial_number=said).first()
            if bank and bank.status != bank.Status.RENTED:
                with transaction.atomic():
                    start_rental(bank, moment(at))
        else:
            receipt = Receipt(payloads.encode(said), at, moment(at))
            answer = inbox.ingest(*read_receipt(receipt), receipt)
            answers.append((answer.state, answer.result))
            then()
    return answers


def contents() -> list[Any]:
    """Return every row of every table concerned; random keys by what they stand for."""
    station, slot, bank = hosts()
    names = {row.pk: row.serial_number for row in station.objects.all()}
    names |= {row.pk: (names[row.station_id], row.slot_number) for row in slot.objects.all()}
    names |= {row.pk: row.serial_number for row in bank.objects.all()}
    known = {str(pk): name for pk, name in names.items() if isinstance(pk, UUID)}
    kept = []
    for model in (station, slot, bank, StationStatusChange, IngestEvent):
        rows = [named(row, known) for row in model.objects.values()]
        kept.append(sorted(rows, key=repr))
    return kept


def named(value: Any, known: dict[str, Any]) -> Any:
    """Return a value, or a whole row, with what random keys stand for in their place."""
    if isinstance(value, dict):
        return {name: named(item, known) for name, item in value.items() if name not in OURS}
    return known.get(str(value), value) if isinstance(value, UUID | str) else value


def run(history: list[Any], tables: type[Tables]) -> tuple[Any, Any]:
    empty()
    with mock.patch.object(service, "tables", tables):
        answers = apply(history)
        return [state for state, _ in answers], contents()


@pytest.mark.whole
@only_on_postgresql
@searching(60)
@given(histories)
def test_both_leave_the_same_rows_and_answers(history: list[Any]) -> None:
    assert run(history, PostgresqlTables) == run(history, Tables)


levels_or_flags = levels | st.booleans() | st.none()
quiet = st.builds(
    quiet_snapshot,
    st.integers(NOW, NOW + 4),
    st.lists(levels, min_size=3, max_size=3),
    st.none() | st.dictionaries(st.sampled_from(["lock", "last_updated"]), levels_or_flags),
    st.sampled_from(["AVAILABLE", "AVAILABLE", "DAMAGED", None]),
    st.sampled_from(["ONLINE", "ONLINE", "OFFLINE"]),
)
MEDDLINGS = [
    Meddling("power_bank", "1", {"status": "RENTED"}),
    Meddling("power_bank", "1", {"current_slot": None}),
    Meddling("power_bank", "2", {"located_at": moment(NOW + 2)}),
    Meddling("power_bank", "2", {"absent_since": moment(NOW)}),
    Meddling("power_bank", "2", {"missing_since": moment(NOW), "current_station": None}),
    Meddling("power_bank", "2", {"missing_since": moment(NOW)}),
    Meddling("power_bank", "2", {"hardware_info": [], "battery_level": None}),
    Meddling("slot", 1, {"slot_metadata": ["lock"]}),
    Meddling("slot", 2, {"slot_metadata": 1}),
    Meddling("slot", 3, {"out_of_service": True, "battery_level": None}),
    Meddling("station", "A", {"silent_since": moment(NOW), "status": "OFFLINE"}),
    Meddling("station", "A", {"last_status_at": moment(NOW + 3)}),
    Meddling("station", "A", {"last_full_at": moment(NOW + 2)}),
]
meddling = st.sampled_from(MEDDLINGS)
quiet_histories = st.lists(quiet | quiet | quiet | snapshots | rentals | meddling, max_size=8)


@pytest.mark.whole
@only_on_postgresql
@searching(100)
@given(quiet_histories)
def test_both_leave_the_same_rows_where_nothing_moves(history: list[Any]) -> None:
    history = [quiet_snapshot(NOW, [1, 2, 3], {}, None, "ONLINE"), *history]
    assert run(history, PostgresqlTables) == run(history, Tables)


@pytest.mark.whole
@only_on_postgresql
@searching(100)
@given(quiet_histories)
def test_what_is_drained_leaves_the_same_rows(history: list[Any]) -> None:
    history = [quiet_snapshot(NOW, [1, 2, 3], {}, None, "ONLINE"), *history]
    _, applied = run(history, Tables)
    with override_settings(IOT_INGEST={**settings.IOT_INGEST, "PROCESSING": "deferred"}):
        empty()
        apply(history, then=drain.drain)
    assert contents() == applied


@only_on_postgresql
def test_snapshots_of_many_stations_are_drained_by_one_statement() -> None:
    serials = [f"S{number}" for number in range(5)]

    def said(serial: str, at: int) -> Any:
        bank = bank_row(f"B{serial}", 1, battery_level=at % 100)
        return full([held_slot(1, f"B{serial}")], [bank], at=at, serial=serial)

    apply([said(serial, NOW) for serial in serials])
    with override_settings(IOT_INGEST={**settings.IOT_INGEST, "PROCESSING": "deferred"}):
        apply([said(serial, NOW + at) for at in (1, 2) for serial in serials])
        apply([full([], at=NOW + 3, serial="S0"), payloads.status("OFFLINE", serial="S1")])
        with mock.patch.object(inbox, "apply", wraps=inbox.apply) as one_by_one:
            assert drain.drain() == {"applied": 7, "stale": 5}
    ids = [call.args[0] for call in one_by_one.call_args_list]
    alone = IngestEvent.objects.filter(pk__in=ids).values_list("device_serial", flat=True)
    assert sorted(alone) == ["S0", "S0", "S1", "S1"]
    banks = get_power_bank_model().objects.values_list("battery_level", flat=True)
    assert set(banks) == {(NOW + 2) % 100}


@pytest.mark.whole
@only_on_postgresql
@pytest.mark.parametrize("meddled", MEDDLINGS, ids=str)
@pytest.mark.parametrize("told", [{"lock": 1}, {"lock": True}, None], ids=["1", "true", "null"])
def test_both_leave_the_same_rows_after_a_host_has_meddled(meddled: Meddling, told: Any) -> None:
    history = [
        quiet_snapshot(NOW, [1, 2, 3], {"lock": 1}, None, "ONLINE"),
        meddled,
        quiet_snapshot(NOW + 1, [1, 2, 3], told, None, "ONLINE"),
        quiet_snapshot(NOW + 1, [1, 1, 101], told, "DAMAGED", "ONLINE"),
    ]
    assert run(history, PostgresqlTables) == run(history, Tables)


@only_on_postgresql
def test_set_statements_are_what_a_host_gets() -> None:
    assert isinstance(service.StationSyncService().tables, PostgresqlTables)


@only_on_postgresql
def test_a_host_that_listens_hears_each_station_saved() -> None:
    from django.db.models.signals import post_save

    heard: list[Any] = []

    def listen(instance: Any, update_fields: Any, **_: Any) -> None:
        heard.append(update_fields)

    apply([full(at=NOW)])
    post_save.connect(listen, sender=get_station_model())
    try:
        apply([full(at=NOW + 1, device={"imei": "changed"})])
    finally:
        post_save.disconnect(listen, sender=get_station_model())
    assert [bool(fields and "imei" in fields) for fields in heard] == [True]


@only_on_postgresql
@pytest.mark.parametrize(("threshold", "are_prepared"), [(None, False), (0, True)])
def test_statements_are_prepared_only_if_the_project_says_so(
    threshold: int | None, are_prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", threshold)
    connection.close()
    for at in (NOW, NOW + 1):
        apply([full([held_slot(1)], [bank_row("1", 1, battery_level=at % 100)], at=at)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        (count,) = cursor.fetchone()
    connection.close()
    assert (count > 0) is are_prepared


class GoingOn(service.StationSyncService):
    """A host that goes on where ours ends."""

    def apply_full(self, report: Any) -> Any:
        outcome = super().apply_full(report)
        banks = get_power_bank_model().objects.all()
        seen.append(banks.get().battery_level)
        banks.update(battery_level=1)
        return outcome


seen: list[int] = []


def test_what_a_host_writes_after_ours_stays(settings: Any) -> None:
    apply([full([held_slot(1, "1")], [bank_row("1", 1, battery_level=50)], at=NOW)])
    seen.clear()
    changed = {"SYNC_SERVICE": f"{__name__}.{GoingOn.__name__}"}
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changed}
    apply([full([held_slot(1, "1")], [bank_row("1", 1, battery_level=51)], at=NOW + 1)])
    assert seen == [51]
    assert get_power_bank_model().objects.get().battery_level == 1


@only_on_postgresql
def test_a_value_that_does_not_fit_is_an_error_and_not_cut() -> None:
    apply([full(at=NOW)])
    tables = PostgresqlTables("default")
    with pytest.raises(DataError), transaction.atomic():
        station = tables.lock_station(payloads.STATION)
        assert station is not None
        station.signal_strength = "x" * 65
        tables.update(station, {"signal_strength"})
        tables.flush()
    assert get_station_model().objects.get().signal_strength == "28"


class Shouting(models.CharField):
    """A field that a host prepares in its own way."""

    def get_db_prep_value(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return str(value).upper()


@only_on_postgresql
def test_models_of_another_make_are_served_by_the_orm(monkeypatch: pytest.MonkeyPatch) -> None:
    def served_by(what: str, value: Any) -> type:
        postgresql.is_plain.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(get_power_bank_model()._meta, what, value)
            return type(service.StationSyncService().tables)

    class Filtering(models.Manager):
        """Hides rows."""

    meta = get_power_bank_model()._meta
    assert served_by("parents", {}) is PostgresqlTables
    assert served_by("parents", {"another": "table"}) is Tables
    assert served_by("base_manager", Filtering()) is Tables
    own = Shouting(name="status", db_column="status")
    others = {**meta._forward_fields_map, "status": own}
    assert served_by("_forward_fields_map", others) is Tables
    postgresql.is_plain.cache_clear()


@only_on_postgresql
def test_somebody_else_s_wrapper_of_statements_is_served_by_the_orm() -> None:
    def wrapper(execute: Any, *args: Any) -> Any:
        return execute(*args)

    with connection.execute_wrapper(wrapper):
        assert type(service.StationSyncService().tables) is Tables


@pytest.mark.parametrize("value", [b"bytes", object(), 1j])
def test_what_postgresql_might_misread_is_not_sent(value: Any) -> None:
    with pytest.raises(TypeError):
        postgresql.text_of(value)
