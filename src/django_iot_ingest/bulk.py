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
from datetime import datetime
from itertools import groupby, starmap
from typing import NamedTuple

from django_iot_ingest import (
    event_types,
    faults,
    inbox,
    journal,
    ledger,
    logs,
    pending,
    telemetry,
)
from django_iot_ingest.conf import get_sync_service
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.events import FullReport, Source
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.inbox import Answer
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import Outcome, hooks

logger = logging.getLogger(__name__)

State = IngestEvent.State


class Kept(NamedTuple):
    """What a row of the inbox says of an event, without its body."""

    pk: int
    device_serial: str
    event_type: str
    received_at: datetime
    signed_at: int
    attempts: int


class Settled(NamedTuple):
    """A snapshot that was applied, its row's id, what that did, and the ids of older ones."""

    report: FullReport
    event_id: int
    outcome: Outcome
    older: Sequence[int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The report of a station's newest waiting snapshot, its row's id, and those of older ones."""

    report: FullReport
    event_id: int
    older: Sequence[int]


def apply_snapshots(serials: Collection[str]) -> tuple[set[str], Counter[str]]:
    """Apply what can be applied together; return of which stations, and how the events ended.

    All in one transaction, which no code of the host's takes part in: where it fails, nothing was
    done. Signals follow the commit, as always.
    """
    started = time.monotonic()
    full, service = event_types.find(event_types.Full.name), get_sync_service()
    if not full or not inbox.is_all_ours(full, service) or not service.tables.settles_many:
        return set(), Counter()
    try:
        with telemetry.step("apply_many", event_type=full.name) as step:
            settled, is_awaited = in_transaction(lambda: _apply(serials))
            step.tell(state=str(State.APPLIED), events=len(settled))
    except Exception as error:  # noqa: BLE001 - told by its trace; each is tried by itself
        told = journal.fields(event_type=full.name, error_code=faults.code_of(error))
        line = "StationSyncService: one by one, after all%s"
        logger.warning(line, logs.trace(error), extra=told)
        return set(), Counter()
    _tell(settled, is_awaited, time.monotonic() - started)
    older = sum(len(one.older) for one in settled)
    done = {one.report.device_serial for one in settled}
    return done, Counter({str(State.APPLIED): len(done), str(State.STALE): older})


def _tell(settled: Sequence[Settled], is_awaited: bool, seconds: float) -> None:
    """Say of each event what became of it, with its share of the time, and apply what waited."""
    for report, event_id, outcome, older in settled:
        answer = Answer(event_id, outcome.state, outcome.result(report.device_serial), is_awaited)
        inbox.follow_up(report, answer, time.monotonic(), seconds=seconds / len(settled))
        for other in older:
            journal.tell(
                report.event_type,
                report.device_serial,
                event_id=other,
                state=State.STALE,
                attempts=0,
            )


def _apply(serials: Collection[str]) -> tuple[list[Settled], bool]:
    """Return the snapshots that were applied, with the older ones that makes stale, and whether
    deferred returns may wait for them."""
    service = get_sync_service()
    waiting = _waiting(serials)
    is_shown = hooks.hears_of_sync(service)
    told = [(found.report, found.event_id) for found in waiting]
    settled = service.tables.settle_many(told, is_shown=is_shown)
    for report, _, outcome in settled if is_shown else ():
        hooks.tell_of_sync(service, outcome.station, report, alias())
    older_of = {one.event_id: one.older for one in waiting}
    done = [Settled(*one, older_of[one[1]]) for one in settled]
    older = [event_id for one in done for event_id in one.older]
    if older:
        pending.outdate(older)
    return done, bool(done) and ledger.returns_wait()


def _waiting(serials: Collection[str]) -> list[Waiting]:
    """Return the stations of which nothing waits but snapshots that nobody has taken yet."""
    names = {"device_serial__in": serials, "state": State.RECEIVED}
    rows = ledger.rows().filter(**names).select_for_update(skip_locked=True)
    ordered = rows.order_by("device_serial", "event_time", "pk").values_list(*Kept._fields)
    by_station = groupby(starmap(Kept, ordered), key=lambda row: row.device_serial)
    found = [list(rows) for _, rows in by_station]
    newest = {rows[-1].pk: rows for rows in found if _is_last_newest(rows)}
    # Their bodies alone are read: a station may have many older ones waiting.
    bodies = ledger.rows().filter(pk__in=newest).values_list("pk", "body")
    waiting = [_read(newest[pk], bytes(body)) for pk, body in bodies]
    return [one for one in waiting if one]


def _is_last_newest(rows: list[Kept]) -> bool:
    """Return whether all are snapshots that nobody has tried, of which the newest came last."""
    return all(
        row.attempts == 0
        and row.received_at <= rows[-1].received_at
        and row.event_type == event_types.Full.name
        for row in rows
    )


def _read(rows: list[Kept], body: bytes) -> Waiting | None:
    *older, row = rows
    receipt = inbox.receipt_of(body, row.signed_at, row.received_at, Source.GATEWAY)
    try:
        _, report = event_types.read_receipt(receipt)
    except Refusal:
        return None
    if not isinstance(report, FullReport):
        return None
    return Waiting(report, row.pk, [other.pk for other in older])
