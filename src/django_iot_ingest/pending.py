"""Deferred mode: which events wait for the drain, and which of them a worker has taken.

A worker takes an event by counting the attempt, with its next try, before it makes it. Until then
the event, its station, and later returns of its bank are left to that worker; of one that died they
are free again after that time. Exactly once does not rest on this, but on the lock of the inbox row.

Functions that take or change rows expect an open transaction.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime

from django.db import connections
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from django_iot_ingest import journal, ledger
from django_iot_ingest.database import alias
from django_iot_ingest.exceptions import Interrupted
from django_iot_ingest.models import IngestEvent

State = IngestEvent.State

RETURN = Q(event_type="returned")

LIVES = 3
"""Attempts that may end with their process; then an event has ``failed``: the sweeper tries it, by
itself and ever more seldom."""


def due_returns(limit: int) -> list[int]:
    """Return the ids of returns that can be taken, the oldest event first."""
    moment = timezone.now()
    returns = _received().filter(RETURN)
    taken = returns.filter(retry_at__gt=moment).values("power_bank_serial")
    due = returns.filter(ledger.is_due(moment)).exclude(power_bank_serial__in=taken)
    return list(due.order_by("event_time", "pk").values_list("pk", flat=True)[:limit])


def due_stations(limit: int) -> list[str]:
    """Return the serials of stations with other events to be taken, the longest waiting first."""
    moment = timezone.now()
    others = _received().exclude(RETURN)
    taken = others.filter(retry_at__gt=moment).values("device_serial")
    due = others.filter(ledger.is_due(moment)).exclude(device_serial__in=taken)
    stations = due.values("device_serial").annotate(first=Min("pk")).order_by("first")
    return list(stations.values_list("device_serial", flat=True)[:limit])


def take_return(event_id: int) -> bool:
    """Take a return, unless somebody has, or an earlier return of its bank waits."""
    row = _lock(_received().filter(pk=event_id)).first()
    if row is None or _is_taken(row) or _earlier(row).exists():
        return False
    return bool(_count([row]))


def take_station(serial: str) -> list[IngestEvent]:
    """Take all that waits for a station but returns, in order; nothing if somebody has any of it."""
    waiting = _received().exclude(RETURN).filter(device_serial=serial)
    seen = set(waiting.values_list("pk", flat=True))
    locked = list(_lock(waiting).order_by("event_time", "pk"))
    if any(map(_is_taken, locked)) or not seen <= {row.pk for row in locked}:
        return []
    return _count(locked)


def set_aside(rows: Collection[IngestEvent]) -> None:
    """Mark older snapshots of one station stale; it was heard when they came."""
    (serial,) = {row.device_serial for row in rows}
    outdate([row.pk for row in rows])
    ledger.hear(Q(serial_number=serial), max(row.received_at for row in rows))


def outdate(event_ids: Collection[int]) -> None:
    """Mark received snapshots stale: a newer one of their station was applied."""
    older = _received().filter(pk__in=event_ids)
    older.update(state=State.STALE, retry_at=None, applied_at=timezone.now())


def _received() -> QuerySet[IngestEvent]:
    return ledger.rows().filter(state=State.RECEIVED)


def _lock(rows: QuerySet[IngestEvent]) -> QuerySet[IngestEvent]:
    """Return those rows that nobody holds, locked, without what only applying them needs."""
    skip_locked = connections[alias()].features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip_locked).defer("body", "result")


def _is_taken(row: IngestEvent) -> bool:
    return row.retry_at is not None and row.retry_at > timezone.now()


def _earlier(row: IngestEvent) -> QuerySet[IngestEvent]:
    """Return the received returns of the same bank that come before this one."""
    before = Q(event_time__lt=row.event_time) | Q(event_time=row.event_time, pk__lt=row.pk)
    return _received().filter(RETURN, before, power_bank_serial=row.power_bank_serial)


def _count(rows: Collection[IngestEvent]) -> list[IngestEvent]:
    """Count an attempt at each row before it is made; return those that have lives left."""
    spent = [row for row in rows if row.attempts >= LIVES]
    for row in spent:
        error = Interrupted()
        about = {**journal.of_row(row), "attempts": row.attempts}
        ledger.after_commit(journal.tell_failed, about, error)
        ledger.fail(row, error, time.monotonic(), is_claimed=True)
    alive = [row for row in rows if row.attempts < LIVES]
    if alive:
        retry_at = _next_try(alive)
        counted = ledger.rows().filter(pk__in=[row.pk for row in alive])
        counted.update(attempts=F("attempts") + 1, retry_at=retry_at)
    return alive


def _next_try(rows: Collection[IngestEvent]) -> datetime:
    return ledger.next_try(max(row.attempts for row in rows) + 1)
