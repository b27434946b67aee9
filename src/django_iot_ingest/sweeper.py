"""Finish what was received and not applied: after a crash, a failure, or an unknown device."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable

from django_iot_ingest import drain, faults, inbox, journal, ledger, logs
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.database import in_transaction
from django_iot_ingest.events import Source
from django_iot_ingest.exceptions import Refusal, TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

State = IngestEvent.State

LOCKED = "locked"


def sweep(limit: int = 1000) -> Counter[str]:
    """Try every event that is due, the oldest first; return how many ended in which state.

    In deferred mode first what waits for the drain, in case nobody rang for it.

    Safe beside live traffic and beside itself: a row that somebody holds is left to them and counts
    as ``locked``.
    """
    return drain.drain(limit) + try_each(ledger.due(limit))


def try_each(event_ids: Iterable[int]) -> Counter[str]:
    """Try these events in turn; return how many ended in which state."""
    started = time.monotonic()
    states = Counter(str(_try(event_id)) for event_id in event_ids)
    if states:
        told = journal.fields(states=dict(states), duration=time.monotonic() - started)
        logger.info("StationSyncService swept: %s", dict(states), extra=told)
    return states


def _try(event_id: int) -> str:
    try:
        state = in_transaction(lambda: _claim(event_id))
        return state or _apply(event_id)
    except IngestEvent.DoesNotExist:
        return LOCKED
    except Exception as error:  # noqa: BLE001 - told by its trace
        told = journal.fields(event_id=event_id, error_code=faults.code_of(error))
        line = "StationSyncService: event %s could not be tried%s"
        logger.error(line, event_id, logs.trace(error), extra=told)
        return State.FAILED


def _claim(event_id: int) -> str | None:
    """Take a row up for an attempt; return its state where there is nothing to attempt."""
    row = ledger.lock(event_id, wait=False)
    if row.state == State.REFUSED and not _is_readable(row):
        return row.state
    if row.state not in IngestEvent.UNAPPLIED:
        return inbox.DUPLICATE
    ledger.claim(row)
    return None


def _is_readable(row: IngestEvent) -> bool:
    """Admit a refused row whose body can be read by now, so that it is never lost from here on."""
    try:
        event_type, report = inbox.read_row(row, Source.REPLAY)
    except Refusal:
        return False
    ledger.admit(row, report, keep_key=event_type.exactly_once)
    return True


def _apply(event_id: int) -> str:
    try:
        return inbox.apply(event_id, is_claimed=True, wait=False).state
    except TemporarilyUnavailable:
        return in_transaction(lambda: _bury_if_hopeless(event_id))


def _bury_if_hopeless(event_id: int) -> str:
    row = ledger.lock(event_id)
    is_tried = row.state in (State.FAILED, State.RECEIVED)
    if is_tried and row.attempts >= ingest_settings.SWEEP_MAX_ATTEMPTS:
        ledger.bury(row)
    return row.state
