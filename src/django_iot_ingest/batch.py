"""Apply what waits for some stations: together where that is possible, and else one by one.

Then each is taken by itself, and each of its events is applied in a transaction of its own.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial

from django_iot_ingest import bulk, faults, inbox, journal, logs, pending
from django_iot_ingest.database import in_transaction
from django_iot_ingest.events import FullReport, Source
from django_iot_ingest.exceptions import Refusal, TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

State = IngestEvent.State


def apply_stations(serials: Collection[str]) -> Counter[str]:
    """Apply what waits for these stations but returns; return how many ended in which state.

    A station that somebody has taken is left to them.
    """
    done, states = bulk.apply_snapshots(serials)
    for serial in serials:
        if serial in done:
            continue
        try:
            states += _apply_station(serial)
        except Exception as error:  # noqa: BLE001 - told by its trace
            if logs.throttle.take("a station waits on") is not None:
                told = journal.fields(device_serial=serial, error_code=faults.code_of(error))
                line = "StationSyncService: a station's events wait on%s"
                logger.error(line, logs.trace(error), extra=told)
    return states


def apply_one(event_id: int) -> str:
    """Apply an event that was taken, after whoever holds it; return its state."""
    try:
        return str(inbox.apply(event_id, Source.GATEWAY, is_claimed=True).state)
    except TemporarilyUnavailable:
        return str(State.FAILED)


def _apply_station(serial: str) -> Counter[str]:
    """Apply every event in order, but of snapshots the newest alone: the older become stale.

    They do so last: an attempt that dies leaves them waiting.
    """
    rows = in_transaction(partial(pending.take_station, serial))
    older = _outdated(rows)
    states = Counter(apply_one(row.pk) for row in rows if row not in older)
    if older:
        in_transaction(partial(pending.set_aside, older))
        for row in older:
            journal.tell_stale(row)
        states[str(State.STALE)] += len(older)
    return states


def _outdated(rows: Sequence[IngestEvent]) -> Sequence[IngestEvent]:
    """Return the snapshots that are older than the newest which reports slots.

    One that reports none is a misread frame, and makes no other superfluous.
    """
    snapshots = [row for row in rows if row.event_type == "full"]
    position = len(snapshots) - 1
    while position > 0 and not _reports_slots(snapshots[position]):
        position -= 1
    return snapshots[: max(position, 0)]


def _reports_slots(row: IngestEvent) -> bool:
    try:
        _, report = inbox.read_row(row, Source.GATEWAY)
    except Refusal:
        return False
    return not isinstance(report, FullReport) or report.reports_slots
