"""Waiting snapshots of many stations at once: the newest of each, where PostgreSQL can compare it.

What does not fit - a bank that moved, an event of another kind, a station that somebody holds, a
host with methods of its own - is left as it was, for ``inbox.apply``.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from django_iot_ingest import event_types, inbox, ledger, logs
from django_iot_ingest.conf import get_sync_service
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.events import FullReport, Source
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.inbox import Answer
from django_iot_ingest.models import AbstractStation, IngestEvent
from django_iot_ingest.services import Outcome
from django_iot_ingest.services.tables import tables_of_many

logger = logging.getLogger(__name__)

State = IngestEvent.State


@dataclass(frozen=True, slots=True)
class Waiting:
    """A station's newest waiting snapshot, its report, and the older ones."""

    row: IngestEvent
    report: FullReport
    older: Sequence[IngestEvent]


def apply_snapshots(serials: Collection[str]) -> tuple[set[str], Counter[str]]:
    """Apply what can be applied together; return of which stations, and how the events ended.

    All in one transaction, which no code of the host's takes part in: where it fails, nothing was
    done. Signals follow the commit, as always.
    """
    if not is_possible():
        return set(), Counter()
    started = time.monotonic()
    try:
        applied, is_awaited = in_transaction(lambda: _apply(serials, started))
    except Exception as error:  # noqa: BLE001 - told by its trace; each is tried by itself
        logger.warning("StationSyncService: one by one, after all%s", logs.trace(error))
        return set(), Counter()
    for waiting in applied:
        answer = Answer(waiting.row.pk, waiting.row.state, {}, is_awaited)
        inbox.follow_up(waiting.report, answer, time.monotonic())
    states = [row.state for waiting in applied for row in (waiting.row, *waiting.older)]
    return {waiting.row.device_serial for waiting in applied}, Counter(map(str, states))


def is_possible() -> bool:
    """Return whether the database and the host's models, service and event type allow it."""
    full = event_types.find(event_types.Full.name)
    is_ours = full is not None and inbox.is_all_ours(full, get_sync_service())
    return is_ours and tables_of_many(alias()) is not None


def _apply(serials: Collection[str], started: float) -> tuple[list[Waiting], bool]:
    tables = tables_of_many(alias())
    if tables is None:
        return [], False
    waiting = {found.report.device_serial: found for found in _waiting(serials)}
    stations = tables.lock_stations(list(waiting))
    reports = [waiting[station.serial_number].report for station in stations]
    calm = [
        report
        for station, report in zip(stations, reports, strict=True)
        if is_calm(station, report)
    ]
    applied = [waiting[serial] for serial in tables.refresh(calm)]
    share = (time.monotonic() - started) / max(len(applied), 1)
    for found in applied:
        service = get_sync_service()
        service.tables, service.is_written_by_caller = tables, True
        outcome = service.apply_full(found.report)
        _settle(found, outcome, time.monotonic() - share)
        tables.settle([found.row, *found.older])
    tables.flush()
    return applied, bool(applied) and ledger.returns_wait()


def is_calm(station: AbstractStation, report: FullReport) -> bool:
    """Return whether a snapshot changes no status, so that no hook is due."""
    return not station.silent_since and report.device.status in (None, station.status)


def _settle(waiting: Waiting, outcome: Outcome, started: float) -> None:
    ledger.settle(waiting.row, outcome, started, is_claimed=False)
    for row in waiting.older:
        ledger.settle(row, Outcome(state=State.STALE), started, is_claimed=False)


def _waiting(serials: Collection[str]) -> list[Waiting]:
    """Return the stations of which nothing waits but snapshots that nobody has taken yet."""
    names = {"device_serial__in": serials, "state": State.RECEIVED}
    rows = ledger.rows().filter(**names).select_for_update(skip_locked=True)
    by_station = groupby(
        rows.order_by("device_serial", "event_time", "pk"), key=lambda row: row.device_serial
    )
    found = [_newest(list(rows)) for _, rows in by_station]
    return [waiting for waiting in found if waiting]


def _newest(rows: list[IngestEvent]) -> Waiting | None:
    """Return the newest of a station's snapshots; None unless it was the last to come."""
    *older, row = rows
    is_first_try = all(other.attempts == 0 for other in rows)
    is_last = all(other.received_at <= row.received_at for other in rows)
    if not (is_first_try and is_last and {other.event_type for other in rows} == {row.event_type}):
        return None
    try:
        _, report = inbox.read_row(row, Source.GATEWAY)
    except Refusal:
        return None
    return Waiting(row, report, older) if isinstance(report, FullReport) else None
