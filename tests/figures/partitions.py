"""What partitions cost each statement that the inbox is asked."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from django_iot_ingest.models import IngestEvent
from tests import partitions
from tests.figures.fleet import markdown, run

INBOX = IngestEvent._meta.db_table
ROUNDS = 300
ROWS = 100_000

WAITING = (
    f"SELECT 1 FROM {INBOX} WHERE state = 'deferred' AND event_type = 'returned'{{}}"
    " AND (device_serial = %s OR power_bank_serial = ANY(%s)) LIMIT 1"
)
INSERT = (
    f"INSERT INTO {INBOX} (event_type, device_serial, power_bank_serial, received_at, signed_at,"
    " body, sha256, state, attempts, last_error_code)"
    " VALUES ('full', %s, '', now(), 1, 'x', 'x', 'applied', 1, '') RETURNING id"
)
SHOWN: list[Any] = ["S1", [f"B{number}" for number in range(7)]]

STATEMENTS: dict[str, tuple[str, list[Any]]] = {
    "row of a snapshot: INSERT": (INSERT, ["S1"]),
    "each snapshot: do returns wait?": (WAITING.format(""), SHOWN),
    "the same, and `dedup_key IS NOT NULL`": (
        WAITING.format(" AND dedup_key IS NOT NULL"),
        SHOWN,
    ),
    "each return: by key": (f"SELECT * FROM {INBOX} WHERE dedup_key = %s", ["x"]),
    "each return: lock by id": (f"SELECT * FROM {INBOX} WHERE id = %s FOR UPDATE", [100]),
}


def table() -> str:
    run(
        f"INSERT INTO {INBOX} (event_type, device_serial, power_bank_serial, received_at, signed_at,"
        " body, sha256, dedup_key, state, attempts, last_error_code)"
        " SELECT 'returned', 'S' || n % 5000, 'B' || n, now(), 1, 'x', 'x', md5(n::text), 'applied',"
        f" 1, '' FROM generate_series(1, {ROWS}) n",
        f"VACUUM ANALYZE {INBOX}",
    )
    columns = [times()]
    partitions.make()
    for more in (0, 24):
        partitions.add_days(partitions.today() - timedelta(days=more), more)
        run(f"VACUUM ANALYZE {INBOX}")
        columns.append(times())
    head = ["ms, not prepared", "plain table", "7 days and the rest", "31 days and the rest"]
    return markdown(head, ([name, *(c[name] for c in columns)] for name in STATEMENTS))


def times() -> dict[str, str]:
    """Return the median milliseconds of each statement, in turn within one transaction."""
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(ROUNDS):
            for name, (sql, parameters) in STATEMENTS.items():
                began = time.perf_counter()
                cursor.execute(sql, parameters)
                cursor.fetchall()
                taken[name].append(time.perf_counter() - began)
    return {name: f"{statistics.median(own) * 1000:.2f}" for name, own in taken.items()}
