"""A database of its own, with the example host's tables, for the length of one measurement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django
import psycopg

SETTINGS = "benchmarks.settings"


def prepare() -> None:
    """Load Django with the example host; the database is ``DATABASE_URL``'s server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/iot_ingest")
    django.setup()
    count_nothing()


def count_nothing() -> None:
    """Leave out who counts and traces, where that is installed: ``benchmarks.telemetry`` has what
    it costs."""
    from django_iot_ingest import telemetry

    for backend in telemetry._backends:
        telemetry.disconnect(backend)


class Chosen:
    """Route every row to the database that is measured just now."""

    using = "default"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return Chosen.using

    db_for_write = db_for_read

    def allow_relation(self, *rows: Any, **hints: Any) -> bool:
        return True


@contextmanager
def chosen(using: str) -> Iterator[None]:
    """Measure on a database until the end of the block."""
    Chosen.using = using
    try:
        yield
    finally:
        Chosen.using = "default"


@contextmanager
def database(*more: str) -> Iterator[None]:
    """Make an empty database of the host's tables, and ``more``; drop them in the end."""
    from django.db import connections

    made = {}
    try:
        for using in ("default", *more):
            creation = connections[using].creation
            made[using] = creation.create_test_db(verbosity=0, autoclobber=True)
        yield
    finally:
        close()
        for using, name in made.items():
            connections[using].close()
            connections[using].creation.destroy_test_db(name, verbosity=0)


FILL = """
INSERT INTO fleet_station (serial_number, imei, status, total_slots, signal_strength, wifi_ssid,
    hardware_info, out_of_service, name, address, opening_hours)
SELECT 'F' || n, 'F' || n, 'ONLINE', {size}, '', '', '{{}}', false, '', '', ''
FROM generate_series(1, {stations}) n;
INSERT INTO fleet_stationslot (station_id, slot_number, status, battery_level, slot_metadata,
    out_of_service, label)
SELECT s.id, n, 'OCCUPIED', 50, '{{}}', false, ''
FROM fleet_station s, generate_series(1, s.total_slots) n;
INSERT INTO fleet_powerbank (serial_number, status, battery_level, hardware_info,
    current_station_id, current_slot_id, out_of_service)
SELECT t.serial_number || '-' || s.slot_number, 'AVAILABLE', 50, '{{}}', s.station_id, s.id, false
FROM fleet_stationslot s JOIN fleet_station t ON t.id = s.station_id WHERE s.slot_number % 8 > 0;
INSERT INTO django_iot_ingest_ingestevent (event_type, device_serial, power_bank_serial, event_time,
    received_at, signed_at, body, sha256, state, attempts, last_error_code, applied_at)
SELECT 'full', 'F' || 1 + n % {stations}, '', now(), now(), 0, decode(repeat('00', 200), 'hex'), n,
    'applied', 1, '', now()
FROM generate_series(1, {events}) n;
INSERT INTO django_iot_ingest_ingestevent (event_type, device_serial, power_bank_serial, event_time,
    received_at, signed_at, body, sha256, dedup_key, state, attempts, last_error_code, retry_at)
SELECT 'returned', 'D' || n, 'D' || n, now(), now(), 0, '', n, 'D' || n, 'deferred', 1, '', now()
FROM generate_series(1, {events} / 2000) n;
"""

MIXED = "CASE WHEN n % 20 < 4 THEN 4 WHEN n % 20 < 16 THEN 8 WHEN n % 20 < 19 THEN 24 ELSE 48 END"
"""A fleet of several sizes, as ``size_in_fleet`` has it."""


def fill(stations: int, size: str = "8", events: int = 0, using: str = "default") -> None:
    """Put a fleet into the tables, seven banks for eight slots, so that plans are those of a fleet
    and not of an empty table; and so many applied events, with a waiting return for each 2,000."""
    own_connection(using).execute(FILL.format(stations=stations, size=size, events=events))
    own_connection(using).execute("VACUUM ANALYZE")


def set_up_for_updates() -> None:
    """Set the host's tables up as docs/explanation/scale.md advises for tables that change all the time."""
    for table in ("fleet_station", "fleet_stationslot", "fleet_powerbank"):
        own_connection().execute(
            f"ALTER TABLE {table} SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02)"
        )


def bearer() -> str:
    """Return the token of a new admin, which outlives any measurement."""
    from django.contrib.auth import get_user_model
    from rest_framework_simplejwt.tokens import AccessToken

    admin = get_user_model().objects.create_superuser("gateway", "gateway@example.com")
    token = AccessToken.for_user(admin)
    token.set_exp(lifetime=timedelta(hours=3))
    return str(token)


def size_in_fleet(number: int) -> int:
    """Return how many slots the station of that number has in a mixed fleet."""
    place = number % 20
    return 4 if place < 4 else 8 if place < 16 else 24 if place < 19 else 48


_connections: dict[str, psycopg.Connection[Any]] = {}


def own_connection(using: str = "default") -> psycopg.Connection[Any]:
    """Return psycopg's connection of this process, to a database that Django uses."""
    if using not in _connections:
        from django.db import connections

        options = connections[using].get_connection_params()
        names = ("host", "port", "user", "password", "dbname")
        parameters = {name: options[name] for name in names if options.get(name)}
        _connections[using] = psycopg.connect(**parameters, autocommit=True)
    return _connections[using]


def close() -> None:
    """Close them."""
    while _connections:
        _connections.popitem()[1].close()
