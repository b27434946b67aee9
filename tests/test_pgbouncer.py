"""Behind a pooler in transaction mode each transaction may get another session of the server.

Eight clients in two processes share two sessions; what they leave in the tables is what they leave
without a pooler. The pooler is a process of the test's own; ``docs/explanation/scale.md`` has its settings.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.models import IngestEvent, StationStatusChange
from tests import hosts, traffic
from tests.fleet_tables import rental_model
from tests.gateway import Gateway
from tests.judges import leave_out
from tests.nemesis.servers import MissingServer
from tests.pooler import PREPARES_SINCE, SERVER_CONNECTIONS, PgBouncer
from tests.walk import ROOT, block

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.one_host,
    pytest.mark.whole,
]

AGO = 3600
"""Seconds since the rentals began, and more than all events need."""

UNPREPARED: tuple[dict[str, object], dict[str, str]] = ({}, {})
PREPARED: tuple[dict[str, object], dict[str, str]] = (
    {"max_prepared_statements": 100},
    {"POOLED_PREPARE_THRESHOLD": "0"},
)


def cases() -> dict[str, tuple[dict[str, object], dict[str, str]]]:
    """Return what this version of the pooler can do: its options, and its clients' settings."""
    try:
        tracks = PgBouncer.version() >= PREPARES_SINCE
    except MissingServer:
        tracks = False
    return {"unprepared": UNPREPARED, **({"prepared": PREPARED} if tracks else {})}


CASES = cases()


@pytest.fixture(params=CASES.values(), ids=CASES)
def pooled(request: pytest.FixtureRequest) -> Iterator[tuple[PgBouncer, dict[str, str]]]:
    """Yield a running pooler and the environment of its clients."""
    options, environment = request.param
    try:
        pooler = PgBouncer(connection.settings_dict, options)
        pooler.identity()
    except MissingServer as error:
        leave_out(f"PgBouncer: {error}")
    with pooler:
        yield pooler, {"POOLED_PORT": str(pooler.port), **environment}


def test_the_tables_are_those_of_a_run_without_a_pooler(
    pooled: tuple[PgBouncer, dict[str, str]],
) -> None:
    pooler, environment = pooled
    began = int(time.time()) - 100

    states, left = drive(environment, began)

    (counted,) = [row for row in pooler.show("STATS") if row["database"] == database()]
    assert counted["total_xact_count"] > sum(states.values())
    assert len(pooler.show("SERVERS")) <= SERVER_CONNECTIONS
    call_command("flush", interactive=False, verbosity=0)
    assert drive({}, began) == (states, left)


def test_no_timeout_of_ours_is_left_in_a_session(
    pooled: tuple[PgBouncer, dict[str, str]],
) -> None:
    pooler, environment = pooled
    drive(environment, int(time.time()) - 100)

    with pooler.client() as one, pooler.client() as other:
        sessions = [settings_of(client) for client in (one, other)]  # both are in a transaction

    assert len({pid for pid, *_ in sessions}) == SERVER_CONNECTIONS
    own = [limits for _, *limits in sessions]
    assert own == [["0", "0"]] * SERVER_CONNECTIONS


def test_the_pooler_takes_the_options_of_the_page() -> None:
    page = block(ROOT / "docs" / "explanation" / "scale.md", "[pgbouncer]")
    tracks = PgBouncer.version() >= PREPARES_SINCE
    lines = (page if tracks else page.partition("; 1.21 or newer:")[0]).splitlines()
    wanted = dict(line.split(" = ") for line in lines if " = " in line)
    assert len(wanted) == 3 + tracks
    with PgBouncer(connection.settings_dict, wanted) as pooler:
        taken = {row["key"]: row["value"] for row in pooler.show("CONFIG")}
    assert taken | wanted == taken


def drive(environment: dict[str, str], began: int) -> tuple[Counter[str], dict[str, Any]]:
    """Rent the banks, let the clients send it all; return the states and what is in the tables."""
    for serial in traffic.rented():
        bank = get_power_bank_model().objects.create(serial_number=serial)
        hosts.start_rental(bank, datetime.fromtimestamp(began - AGO, tz=UTC))
    gateway = Gateway.with_admin()
    states = traffic.run({"POOLED_DATABASE": database(), **environment}, gateway.token, began)
    check(states)
    return states, tables()


def check(states: Counter[str]) -> None:
    """Each return is applied once, each other copy is a duplicate."""
    returns = traffic.CLIENTS * traffic.ROUNDS
    others = 2 * traffic.CLIENTS * traffic.ROUNDS
    copies = returns * (traffic.COPIES - 1)
    assert states == {"applied": others + returns, "duplicate": copies}
    assert not any(hosts.open_rentals(bank) for bank in get_power_bank_model().objects.all())


def tables() -> dict[str, Any]:
    """Return all that was told, by natural keys: who came first decides the ids."""
    return {
        "stations": read(
            get_station_model(),
            "serial_number status total_slots signal_strength last_full_at"
            " last_status_at last_report_at status_changed_at",
        ),
        "slots": read(
            get_station_slot_model(),
            "station__serial_number slot_number status battery_level slot_metadata",
        ),
        "banks": read(
            get_power_bank_model(),
            "serial_number status battery_level hardware_info rented_at"
            " current_station__serial_number current_slot__slot_number missing_since located_at",
        ),
        "rentals": read(
            rental_model(), "power_bank__serial_number status started_at ended_at amount"
        ),
        "inbox": read(IngestEvent, "event_type device_serial power_bank_serial state event_time"),
        "history": read(
            StationStatusChange, "device_serial from_status to_status changed_at trigger"
        ),
    }


def read(model: Any, columns: str) -> list[str]:
    return sorted(map(repr, model.objects.values_list(*columns.split())))


def database() -> str:
    return str(connection.settings_dict["NAME"])


def settings_of(client: Any) -> tuple[int, str, str]:
    """Begin a transaction; return its session and what limits that has."""
    client.execute("BEGIN")
    sql = "SELECT pg_backend_pid(), current_setting('lock_timeout'), current_setting('statement_timeout')"
    found: tuple[int, str, str] = client.execute(sql).fetchone()
    return found
