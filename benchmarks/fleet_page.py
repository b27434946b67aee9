"""The fleet page on PostgreSQL: SQL statements, bytes and time at 10, 1,000 and 10,000 stations.

``python -m benchmarks.fleet_page``; ``--write`` puts the table into docs/reference/fleet.md. Eight slots and
seven banks a station, 60,000 events of the last hour, and ``--older`` more before it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from benchmarks import stage

STATIONS = (10, 1_000, 10_000)

EVENTS = 60_000

RECENT = """
UPDATE fleet_station SET last_heard_at = now() - (id % 30) * interval '1 minute';
UPDATE fleet_stationslot SET status = 'ERROR' WHERE id % 500 = 0;
UPDATE django_iot_ingest_ingestevent SET
    received_at = now() - random() * interval '59 minutes', duration = random() * interval '40 ms',
    result = jsonb_build_object('warnings', CASE WHEN id % 1000 = 0
        THEN '[{{"code": "contradictory", "path": "slots.3.status"}}]'::jsonb ELSE '[]' END,
        'station_id', device_serial, 'station_serial', device_serial, 'slots_updated', 2,
        'powerbanks_updated', 1, 'offline_returns_processed', 0);
UPDATE django_iot_ingest_ingestevent SET applied_at = received_at + duration
    WHERE state = 'applied';
INSERT INTO django_iot_ingest_ingestevent (event_type, device_serial, power_bank_serial, event_time,
    received_at, signed_at, body, sha256, state, attempts, last_error_code, applied_at, duration)
SELECT 'full', 'F' || 1 + n % 1000, '', now(), now() - interval '1 hour' - n * interval '60 ms', 0,
    decode(repeat('00', 200), 'hex'), 'o' || n, 'applied', 1, '',
    now() - interval '1 hour' - n * interval '60 ms' + interval '9 ms', interval '9 ms'
FROM generate_series(1, {older}) n;
INSERT INTO django_iot_ingest_refusalcount (minute, reason, count)
SELECT date_trunc('minute', now()) - (n % 60) * interval '1 minute', 'INVALID_SIGNATURE', n
FROM generate_series(1, 240) n;
"""


def fill(stations: int, older: int) -> None:
    """Put a fleet into the tables, and an hour of it."""
    connection = stage.own_connection()
    stage.fill(stations, events=EVENTS)
    connection.execute(RECENT.format(older=older))
    connection.execute("VACUUM FULL ANALYZE django_iot_ingest_ingestevent")
    connection.execute("VACUUM ANALYZE")


def empty() -> None:
    """Take everything out again."""
    stage.own_connection().execute(
        "TRUNCATE fleet_station, fleet_stationslot, fleet_powerbank, fleet_rental,"
        " django_iot_ingest_ingestevent, django_iot_ingest_refusalcount"
    )


def measure(client: Any, rounds: int) -> list[str]:
    """Return statements, kilobytes, and milliseconds: with new numbers, with kept ones, a refresh."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from django_iot_ingest.fleet import numbers
    from django_iot_ingest.fleet.page import REFRESH

    def look(**headers: str) -> tuple[float, Any]:
        began = time.perf_counter()
        response = client.get("/admin/django_iot_ingest/fleet/", headers=headers)
        assert response.status_code == 200
        return 1000 * (time.perf_counter() - began), response

    new, kept, refreshed = [], [], []
    for _ in range(rounds):
        numbers.kept.clear()
        new.append(look()[0])
        kept.append(look()[0])
        refreshed.append(look(**{REFRESH: "1"})[0])
    numbers.kept.clear()
    with CaptureQueriesContext(connection) as statements:
        _, response = look()
    times = (f"{statistics.median(each):.0f}" for each in (new, kept, refreshed))
    return [str(len(statements)), f"{len(response.content) / 1000:.0f}", *times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--older", type=int, default=2_000_000, help="events before the hour")
    parser.add_argument(
        "--write", action="store_true", help="replace the table of docs/reference/fleet.md"
    )
    options = parser.parse_args()
    stage.prepare()

    # All of these need the settings.
    from django.contrib.auth import get_user_model
    from django.test import Client, override_settings

    from benchmarks import report
    from tests.settings import MIDDLEWARE

    rows = []
    with stage.database(), override_settings(ROOT_URLCONF="tests.urls", MIDDLEWARE=MIDDLEWARE):
        client = Client(headers={"host": "127.0.0.1"})
        client.force_login(get_user_model().objects.create_superuser("looker"))
        for stations in STATIONS:
            fill(stations, options.older)
            rows.append([f"{stations:,}", *measure(client, options.rounds)])
            empty()
        about = report.about()
    head = ["stations", "statements", "kB", "ms, new numbers", "ms, kept", "ms, a refresh, kept"]
    text = (
        f"{about} Medians of {options.rounds}; {EVENTS:,} events of the last hour, "
        f"{options.older:,} before it; in one process, without a web server.\n\n"
        f"{report.table(head, iter(rows))}"
    )
    print(text)
    if options.write:
        page = report.DOCS / "reference" / "fleet.md"
        report.write_section("fleet_page", text, page)


if __name__ == "__main__":
    main()
