"""The abstract models, as whichever host has them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.models.fields import exact_collation

FIELDS = {
    get_station_model: {
        "serial_number",
        "imei",
        "status",
        "total_slots",
        "signal_strength",
        "wifi_ssid",
        "hardware_info",
        "last_heartbeat",
        "last_heard_at",
        "out_of_service",
    },
    get_station_slot_model: {
        "station",
        "slot_number",
        "status",
        "battery_level",
        "slot_metadata",
        "out_of_service",
    },
    get_power_bank_model: {
        "serial_number",
        "status",
        "battery_level",
        "hardware_info",
        "current_station",
        "current_slot",
        "rented_at",
        "missing_since",
        "out_of_service",
    },
}

CHOICES = {
    get_station_model: ["ONLINE", "OFFLINE", "MAINTENANCE"],
    get_station_slot_model: ["AVAILABLE", "OCCUPIED", "MAINTENANCE", "ERROR"],
    get_power_bank_model: ["AVAILABLE", "RENTED", "MAINTENANCE", "DAMAGED"],
}


ALIKE = ["ab1", "AB1", "Ab1", "áb1", "ab1 ", " ab1", "ab1\t", "ａｂ1"]
"""Texts that some collation takes for one."""


def placed_bank(**values: Any) -> Any:
    """Return a bank in the first slot of a station."""
    station = get_station_model().objects.create(serial_number="S")
    slot = get_station_slot_model().objects.create(station=station, slot_number=1)
    return get_power_bank_model().objects.create(
        serial_number="B", current_station=station, current_slot=slot, **values
    )


@pytest.mark.parametrize("get_model", FIELDS, ids=lambda get_model: get_model.__name__)
def test_a_host_may_query_the_promised_fields(get_model: Any) -> None:
    assert FIELDS[get_model] <= {field.name for field in get_model()._meta.get_fields()}


def test_the_inbox_has_the_promised_fields() -> None:
    promised = {"event_type", "device_serial", "event_time", "received_at", "state", "attempts"}
    assert promised | {"result"} <= {field.name for field in IngestEvent._meta.get_fields()}


@pytest.mark.parametrize("get_model", CHOICES, ids=lambda get_model: get_model.__name__)
def test_the_choices_are_the_promised_ones(get_model: Any) -> None:
    assert get_model().Status.values == CHOICES[get_model]


@pytest.mark.parametrize("model", [IngestEvent, StationStatusChange])
def test_the_tables_of_the_plugin_point_at_nothing(model: Any) -> None:
    assert not [field for field in model._meta.get_fields() if field.is_relation]


@pytest.mark.django_db
@pytest.mark.parametrize("get_model", [get_station_model, get_power_bank_model])
def test_serial_numbers_are_unique_letter_by_letter(get_model: Any) -> None:
    rows = get_model().objects
    for serial in ALIKE:
        rows.create(serial_number=serial)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.create(serial_number="ab1")
    for serial in ALIKE:
        assert rows.get(serial_number=serial).serial_number == serial


@pytest.mark.once
@pytest.mark.parametrize(
    ("is_mariadb", "version", "collation"),
    [
        (True, (10, 5), "utf8mb4_nopad_bin"),
        (False, (8, 0, 17), "utf8mb4_0900_bin"),
        (False, (8, 0, 16), "utf8mb4_bin"),
    ],
)
def test_the_collation_of_a_serial_number(
    is_mariadb: bool, version: tuple[int, ...], collation: str
) -> None:
    connection = SimpleNamespace(mysql_is_mariadb=is_mariadb, mysql_version=version)
    assert exact_collation(connection) == collation


@pytest.mark.django_db
def test_a_slot_number_is_unique_in_its_station() -> None:
    stations = [get_station_model().objects.create(serial_number=serial) for serial in "ST"]
    for station in stations:
        get_station_slot_model().objects.create(station=station, slot_number=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        get_station_slot_model().objects.create(station=stations[0], slot_number=1)


@pytest.mark.django_db
def test_the_bank_of_a_slot_is_the_one_whose_slot_it_is() -> None:
    bank = placed_bank()
    slot = bank.current_slot
    assert slot.power_bank == bank
    bank.current_slot = None
    bank.save()
    assert slot.power_bank is None


@pytest.mark.django_db
def test_deleting_a_station_keeps_its_banks() -> None:
    bank = placed_bank()
    bank.current_station.delete()
    bank.refresh_from_db()
    assert (bank.current_station, bank.current_slot) == (None, None)


@pytest.mark.django_db
def test_a_device_is_shown_by_its_serial_number() -> None:
    bank = placed_bank()
    assert str(bank) == "B"
    assert str(bank.current_slot) == f"{bank.current_station.pk}#1"


# Renting


@pytest.mark.django_db
def test_a_rented_bank_is_nowhere() -> None:
    at = timezone.now() - timedelta(minutes=5)
    bank = placed_bank(missing_since=at, battery_level=50, out_of_service=True)
    bank.mark_rented(at)
    for row in (bank, get_power_bank_model().objects.get()):
        assert (row.status, row.rented_at) == ("RENTED", at)
        assert (row.current_station, row.current_slot, row.missing_since) == (None, None, None)
        assert (row.battery_level, row.out_of_service) == (50, True)


@pytest.mark.django_db
def test_a_rental_begins_now_unless_told_otherwise() -> None:
    bank = placed_bank()
    before = timezone.now()
    bank.mark_rented()
    bank.refresh_from_db()
    assert before <= bank.rented_at <= timezone.now()


@pytest.mark.django_db
def test_the_time_of_a_rental_has_a_name() -> None:
    at = timezone.now() - timedelta(minutes=5)
    bank = placed_bank()
    bank.mark_rented(at=at)
    bank.refresh_from_db()
    assert bank.rented_at == at


@pytest.mark.django_db
def test_a_rented_bank_is_not_rented_again() -> None:
    bank = placed_bank()
    stale = get_power_bank_model().objects.get()
    bank.mark_rented()
    for row in (bank, stale):
        with pytest.raises(AlreadyRented):
            row.mark_rented()
    assert stale.status == "AVAILABLE", "the loser's own object is left alone"
    assert get_power_bank_model().objects.get().rented_at == bank.rented_at


@pytest.mark.django_db
def test_only_what_a_rental_changes_is_written() -> None:
    bank = placed_bank(battery_level=50)
    get_power_bank_model().objects.update(battery_level=60, out_of_service=True)
    bank.mark_rented()
    row = get_power_bank_model().objects.get()
    assert (row.battery_level, row.out_of_service, row.status) == (60, True, "RENTED")


@pytest.mark.django_db
def test_a_bank_that_is_gone_cannot_be_rented() -> None:
    bank = placed_bank()
    get_power_bank_model().objects.all().delete()
    with pytest.raises(get_power_bank_model().DoesNotExist):
        bank.mark_rented()


@pytest.mark.django_db
def test_a_rental_is_undone_with_the_transaction_around_it() -> None:
    bank = placed_bank()

    def rent_and_fail() -> None:
        with transaction.atomic():
            bank.mark_rented()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rent_and_fail()
    assert get_power_bank_model().objects.get().status == "AVAILABLE"


@pytest.mark.django_db(transaction=True)
def test_of_two_callers_at_one_instant_exactly_one_wins() -> None:
    pk = placed_bank().pk
    barrier = threading.Barrier(2)

    def rent() -> bool:
        try:
            bank = get_power_bank_model().objects.get(pk=pk)
            barrier.wait(timeout=10)
            bank.mark_rented()
        except AlreadyRented:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        results = [future.result() for future in [pool.submit(rent) for _ in range(2)]]
    assert sorted(results) == [False, True]
    assert get_power_bank_model().objects.get().status == "RENTED"
