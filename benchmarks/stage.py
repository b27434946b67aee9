"""A database of its own, with the example host's tables, for the length of one measurement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import psycopg

SETTINGS = "benchmarks.settings"


def prepare() -> None:
    """Load Django with the example host; the database is ``DATABASE_URL``'s server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/iot_ingest")
    django.setup()


@contextmanager
def database() -> Iterator[None]:
    """Make an empty database of the host's tables, and drop it in the end."""
    from django.db import connection

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        close()
        connection.close()
        connection.creation.destroy_test_db(name, verbosity=0)


FILL = """
INSERT INTO fleet_station (serial_number, imei, status, total_slots, signal_strength, wifi_ssid,
    hardware_info, out_of_service, name, address, opening_hours)
SELECT 'F' || n, 'F' || n, 'ONLINE', 8, '', '', '{}', false, '', '', ''
FROM generate_series(1, %(stations)s) n;
INSERT INTO fleet_stationslot (station_id, slot_number, status, battery_level, slot_metadata,
    out_of_service, label)
SELECT s.id, n, 'OCCUPIED', 50, '{}', false, '' FROM fleet_station s, generate_series(1, 8) n;
INSERT INTO fleet_powerbank (serial_number, status, battery_level, hardware_info,
    current_station_id, current_slot_id, out_of_service)
SELECT 'F' || s.id, 'AVAILABLE', 50, '{}', s.station_id, s.id, false
FROM fleet_stationslot s WHERE s.slot_number < 8;
ANALYZE;
"""


def fill(stations: int) -> None:
    """Put a fleet into the tables, eight slots and seven banks a station, so that plans are those
    of a fleet and not of an empty table."""
    own_connection().execute(FILL.replace("%(stations)s", str(stations)))


_connections: list[psycopg.Connection[Any]] = []


def own_connection() -> psycopg.Connection[Any]:
    """Return psycopg's connection of this process, to the database that Django uses."""
    if not _connections:
        from django.db import connection

        options = connection.get_connection_params()
        names = ("host", "port", "user", "password", "dbname")
        parameters = {name: options[name] for name in names if options.get(name)}
        _connections.append(psycopg.connect(**parameters, autocommit=True))
    return _connections[0]


def close() -> None:
    """Close it."""
    while _connections:
        _connections.pop().close()
