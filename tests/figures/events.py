"""What one event writes: rows of the inbox and their indexes, bytes of log, transactions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import snapshots
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_iot_ingest.models import IngestEvent
from tests.figures.fleet import SLOTS, ask, markdown, run, send, wal
from tests.gateway import Gateway
from tests.payloads import encode, returned, status

STATIONS = 2000
EACH = 20
"""Of so many stations one sends: pages are not shared, as in a large fleet."""

CHOSEN = range(0, STATIONS, EACH)
LAST = 7
"""What no other snapshot is like."""

INTERVAL = 20 * 60
"""Seconds between two snapshots of a station."""

INBOX = IngestEvent._meta.db_table


@dataclass(frozen=True)
class Cost:
    """Bytes and numbers for one event."""

    body: float
    row: float
    indexes: float
    fresh: float
    """Log of an event that is the first since a checkpoint to change its pages."""

    packed: float
    """The same with ``wal_compression``."""

    again: float
    """Log of one that changes pages which were written whole already."""

    statements: int
    commits: int

    def cells(self) -> list[str]:
        sizes = (self.body, self.row, self.indexes, self.fresh, self.packed, self.again)
        return [f"{size:,.0f}" for size in sizes] + [str(self.statements), str(self.commits)]


def table() -> str:
    gateway = Gateway.with_admin()
    send(gateway, range(STATIONS), 0)
    now = int(time.time())
    kinds: dict[str, Callable[[int, int], bytes]] = {
        "snapshot, all rows changed": lambda n, turn: snapshots.body(n, SLOTS, turn),
        "snapshot, nothing changed": lambda n, turn: snapshots.body(n, SLOTS, LAST),
        "status": lambda n, turn: encode(status(serial=snapshots.serial(n, SLOTS))),
        "return": lambda n, turn: encode(
            returned(
                snapshots.bank(n, SLOTS, 1), 1, at=now + turn, serial=snapshots.serial(n, SLOTS)
            )
        ),
    }
    costs = {name: cost(gateway, kind) for name, kind in kinds.items()}
    head = ["bytes an event", "body", "inbox row", "its indexes", "log, first since checkpoint"]
    head += ["the same, `wal_compression`", "log, later", "statements", "commits"]
    events = markdown(head, ([name, *own.cells()] for name, own in costs.items()))
    return f"{events}\n\n{fleets(costs['snapshot, all rows changed'])}"


def fleets(snapshot: Cost) -> str:
    """Return what fleets write whose stations send a snapshot every 20 minutes."""
    head = ["stations", "snapshots a second", "inbox, GB a day", "log, MB a second: first"]
    head += ["the same, `wal_compression`", "later"]
    rows = []
    for stations in (10_000, 100_000, 1_000_000):
        rate = stations / INTERVAL
        inbox = rate * 86_400 * (snapshot.row + snapshot.indexes) / 1e9
        logs = (snapshot.fresh, snapshot.packed, snapshot.again)
        rows.append([f"{stations:,}", f"{rate:.0f}", f"{inbox:.1f}"])
        rows[-1] += [f"{rate * log / 1e6:.1f}" for log in logs]
    return markdown(head, rows)


def cost(gateway: Gateway, kind: Callable[[int, int], bytes]) -> Cost:
    """Send events of a kind from every station; then from some after a checkpoint, and again."""
    run(f"TRUNCATE {INBOX}")
    sizes = sizes_of_inbox()
    bodies = [kind(index, 1) for index in range(STATIONS)]
    logged(gateway, bodies)
    row, indexes = (
        (after - before) / STATIONS for before, after in zip(sizes, sizes_of_inbox(), strict=True)
    )
    run("CHECKPOINT")
    fresh, _, again = (logged(gateway, [kind(index, n) for index in CHOSEN]) for n in (2, 3, 4))
    run("SET wal_compression = on", "CHECKPOINT")
    packed = logged(gateway, [kind(index, 5) for index in CHOSEN])
    run("RESET wal_compression")
    with CaptureQueriesContext(connection) as queries:
        gateway.send(kind(0, 6))
    said = [query["sql"] for query in queries]
    body = sum(map(len, bodies)) / STATIONS
    commits = said.count("COMMIT") or len(said)  # outside of a transaction each statement is one
    return Cost(body, row, indexes, fresh, packed, again, len(said), commits)


def logged(gateway: Gateway, bodies: list[bytes]) -> float:
    """Return the bytes of log that each body took."""
    before = wal()
    for body in bodies:
        gateway.send(body)
    return (wal() - before) / len(bodies)


def sizes_of_inbox() -> tuple[int, int]:
    """Return the bytes of the rows, stored outside of the table or not, and of the indexes."""
    rows = ask("SELECT pg_table_size(%s::regclass)", INBOX)
    return rows, ask("SELECT pg_indexes_size(%s::regclass)", INBOX)
