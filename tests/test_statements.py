"""How many SQL statements a snapshot takes: as many for 48 slots as for 4."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_iot_ingest.conf import get_power_bank_model, get_station_slot_model
from tests.gateway import Gateway
from tests.payloads import bank_row, cabinet, full, held_slot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def asks_for_each_bearer(settings: Any) -> None:
    """Count the look-up of the user in every request."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PRINCIPAL_CACHE_SECONDS": 0}


SIZES = (4, 8, 24, 48)
MAX_STATEMENTS = 18


def serial(size: int) -> str:
    return f"STATION-{size}"


def first(size: int, at: int) -> dict[str, Any]:
    """Return a snapshot of a station whose slots are all full."""
    held = {number: f"{size}-{number}" for number in range(1, size + 1)}
    return cabinet(held, size=size, serial=serial(size), at=at)


def changed(size: int, at: int) -> dict[str, Any]:
    """Return a snapshot in which every column of every row has changed, and every bank moved."""
    numbers = range(1, size + 1)
    names = {number: f"{size}-{number % size + 1}" for number in numbers}
    slots = [
        held_slot(n, names[n], status="MAINTENANCE", battery_level=n, slot_metadata={"lock": n})
        for n in numbers
    ]
    banks = [
        bank_row(names[n], n, status="DAMAGED", battery_level=n, hardware_info={"voltage": n})
        for n in numbers
    ]
    device = {"imei": "1", "signal_strength": "1", "wifi_ssid": "1", "status": "MAINTENANCE"}
    payload = full(slots, banks, serial=serial(size), at=at, device=device)
    payload["device"]["hardware_info"] = {"firmware_version": "3"}
    return payload


def statements(gateway: Gateway, payload: dict[str, Any]) -> list[str]:
    """Return all statements of one request, BEGIN and COMMIT included."""
    with CaptureQueriesContext(connection) as queries:
        data = gateway.send(payload)
    assert data["state"] == "applied"
    assert data["slots_updated"] == data["powerbanks_updated"] == len(payload["slots"])
    return [query["sql"] for query in queries]


def shown(taken: dict[int, list[str]]) -> str:
    """Return what a failed test needs to say: the statements of the largest station, shortened."""
    return "\n".join(sql[:100] for sql in taken[max(taken)])


def test_a_snapshot_of_new_rows_takes_as_many_statements_for_any_size() -> None:
    gateway, now = Gateway.with_admin(), int(time.time())
    taken = {size: statements(gateway, first(size, now - 50)) for size in SIZES}
    counts = {len(sqls) for sqls in taken.values()}
    assert len(counts) == 1, counts
    assert max(counts) <= MAX_STATEMENTS, shown(taken)


def test_a_snapshot_of_changed_rows_takes_as_many_statements_for_any_size() -> None:
    gateway, now = Gateway.with_admin(), int(time.time())
    for size in SIZES:
        gateway.send(first(size, now - 50))
    taken = {size: statements(gateway, changed(size, now - 40)) for size in SIZES}
    counts = {len(sqls) for sqls in taken.values()}
    assert len(counts) == 1, counts
    assert max(counts) <= MAX_STATEMENTS, shown(taken)
    assert any("BEGIN" in sql for sql in taken[4])
    assert "COMMIT" in taken[4]
    assert any("auth_user" in sql for sql in taken[4])
    for size in SIZES:
        bank = get_power_bank_model().objects.get(serial_number=f"{size}-1")
        assert bank.current_slot.slot_number == size
    assert get_station_slot_model().objects.filter(status="MAINTENANCE").count() == sum(SIZES)


def test_a_snapshot_that_changes_nothing_takes_fewer() -> None:
    gateway, now = Gateway.with_admin(), int(time.time())
    gateway.send(first(48, now - 50))
    with CaptureQueriesContext(connection) as queries:
        gateway.send(first(48, now - 40))
    assert len(queries) < MAX_STATEMENTS
    written = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    tables = [model()._meta.db_table for model in (get_station_slot_model, get_power_bank_model)]
    assert not [sql for sql in written for table in tables if table in sql.split(" SET ")[0]]
