"""How long it takes to forget a day: row by row, or as a table."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from django_iot_ingest import prune
from django_iot_ingest.models import IngestEvent
from tests import partitions
from tests.figures.fleet import markdown, run, wal

INBOX = IngestEvent._meta.db_table
ROWS = 200_000
BODY = 2500
AGE = 31


def table() -> str:
    fill()
    deleted, deleted_log = taken(prune.prune)
    vacuumed, vacuumed_log = taken(lambda: run(f"VACUUM {INBOX}"))
    partitions.make()
    day = partitions.today() - timedelta(days=AGE)
    partitions.add_days(day, 1)
    fill()
    dropped, dropped_log = taken(lambda: partitions.drop_before(day + timedelta(days=1)))
    rows = [
        ["`iot_prune`, in batches of 1,000", f"{deleted:.2f}", f"{deleted_log:,}"],
        ["`VACUUM` after it", f"{vacuumed:.2f}", f"{vacuumed_log:,}"],
        ["`iot_inbox_drop_before`", f"{dropped:.2f}", f"{dropped_log:,}"],
    ]
    return markdown([f"{ROWS:,} rows", "s", "bytes of log"], rows)


def fill() -> None:
    """Put the applied snapshots of one old day into the inbox."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0) - timedelta(days=AGE)
    run(
        f"INSERT INTO {INBOX} (event_type, device_serial, power_bank_serial, received_at, signed_at,"
        " body, sha256, state, attempts, last_error_code)"
        f" SELECT 'full', 'S' || n % 5000, '', '{midnight:%Y-%m-%d %H:%M}+00'::timestamptz"
        f" + n * interval '0.4 s', 1, convert_to(repeat('x', {BODY}), 'UTF8'), 'x', 'applied', 1, ''"
        f" FROM generate_series(1, {ROWS}) n",
        f"VACUUM ANALYZE {INBOX}",
        "CHECKPOINT",
    )


def taken(work: object) -> tuple[float, int]:
    """Return the seconds that some work takes, and the bytes of log."""
    before, began = wal(), time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began, wal() - before
