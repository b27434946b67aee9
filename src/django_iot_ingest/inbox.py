"""The inbox: every accepted request is kept, applied once, and never lost.

A return takes two transactions. The first commits its receipt, unique by the SHA-256 of the body;
the second locks that row, applies the event, and writes the new state in the same commit: whatever
ends the process in between leaves a row that says what is still to be done. ``full`` and ``status``
take one transaction; if that fails, a row that says so is written in another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django_iot_ingest import event_types, faults, ledger
from django_iot_ingest.conf import get_sync_service
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.event_types import EventType
from django_iot_ingest.events import FullReport, Receipt, Source, StationReport
from django_iot_ingest.exceptions import Refusal, TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.patience import hold_on
from django_iot_ingest.services import Outcome
from django_iot_ingest.services.cabinet import WaitingReturns
from django_iot_ingest.times import aware

logger = logging.getLogger(__name__)

State = IngestEvent.State

FOLLOW_UP_SECONDS = 4.0
"""Time that one snapshot's answer may spend on returns that waited for it; the sweeper has more."""

DUPLICATE = "duplicate"

Attempt = Callable[[frozenset[int]], "Answer"]
"""One attempt, told which waiting returns were tried just before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway is told of an accepted event: the row, its state, the stored result."""

    event_id: int
    state: str
    result: dict[str, Any]


def ingest(
    event_type: EventType,
    report: StationReport,
    receipt: Receipt,
    arrived: float | None = None,
) -> Answer:
    """Keep and apply one verified event; ``TemporarilyUnavailable`` if it has to be sent again.

    ``arrived`` is the request's arrival on the monotonic clock: the answer is in time, and an event
    that is applied exactly once is held on to while the database is away.
    """
    if event_type.exactly_once:
        receive = partial(in_transaction, lambda: ledger.receive(receipt, report), arrived=arrived)
        event_id = hold_on(receive, arrived)
        return apply(event_id, Source.GATEWAY, heard=report, arrived=arrived)
    started = time.monotonic()
    answer = _apply_at_once(event_type, report, receipt, started, arrived)
    if isinstance(report, FullReport) and answer.state == State.APPLIED:
        _apply_deferred_returns(report, started, arrived)
    return answer


def apply(
    event_id: int,
    source: Source = Source.REPLAY,
    heard: StationReport | None = None,
    *,
    arrived: float | None = None,
    wait: bool = True,
) -> Answer:
    """Apply the event of an inbox row, unless that was done; wait for whoever is doing it.

    ``heard`` is the report of the request that asks for it. ``DoesNotExist`` if there is no such
    row, or if it is locked and ``wait`` is False; ``TemporarilyUnavailable`` if the event failed;
    then the row says so.
    """
    started = time.monotonic()

    def attempt(tried: frozenset[int]) -> Answer:
        row = ledger.lock(event_id, wait=wait)
        state = row.state
        if state in (State.APPLIED, State.STALE):
            state = DUPLICATE
        else:
            ledger.settle(row, _apply_row(row, source, tried), started)
            row.save(using=alias())
            state = row.state
        if heard is not None and heard.received_at != row.received_at:
            ledger.touch(heard)  # a repeat: the event itself was heard when it came first
        return Answer(row.pk, state, row.result or {})

    def record(error: Exception) -> None:
        row = ledger.lock(event_id)
        if row.state in IngestEvent.UNAPPLIED:
            ledger.fail(row, error, started)

    return _attempt(attempt, record, heard, arrived, is_held=heard is not None)


def refuse(receipt: Receipt, payload: dict[str, Any] | None, refusal: Refusal) -> None:
    """Keep a signed body that is answered 400, so that an operator sees what was sent."""
    event_type = event_types.find(payload.get("type")) if payload else None
    name = event_type.name if event_type else ""
    in_transaction(lambda: ledger.refuse(receipt, name, refusal.error))


def _apply_at_once(
    event_type: EventType,
    report: StationReport,
    receipt: Receipt,
    started: float,
    arrived: float | None,
) -> Answer:
    def attempt(tried: frozenset[int]) -> Answer:
        row = ledger.new_row(receipt, report)
        ledger.settle(row, _run(event_type, report, tried), started)
        row.save(force_insert=True, using=alias())
        if row.state == State.DEFERRED:
            ledger.supersede(row)
        return Answer(row.pk, row.state, row.result or {})

    def record(error: Exception) -> None:
        ledger.fail(ledger.new_row(receipt, report), error, started)

    return _attempt(attempt, record, report, arrived)


def _attempt(
    attempt: Attempt,
    record: Callable[[Exception], None],
    heard: StationReport | None,
    arrived: float | None,
    *,
    is_held: bool = False,
) -> Answer:
    """Run an attempt in a transaction, after the waiting returns that it asks for.

    ``record`` writes a failure down; a station that spoke was ``heard`` all the same.
    """
    tried: frozenset[int] = frozenset()
    while True:
        work = partial(in_transaction, partial(attempt, tried), arrived=arrived)
        try:
            return hold_on(work, arrived if is_held else None)
        except WaitingReturns as waiting:
            for event_id in waiting.event_ids:
                _try(event_id, arrived)
            tried |= frozenset(waiting.event_ids)
        except IngestEvent.DoesNotExist:
            raise
        except Exception as error:
            code = faults.code_of(error)
            logger.error("StationSyncService: an event was not applied: %s", code, exc_info=error)
            _note(partial(record, error), arrived)
            if heard is not None:
                _note(partial(ledger.touch, heard), arrived)
            raise TemporarilyUnavailable from error


def _apply_row(row: IngestEvent, source: Source, tried: frozenset[int]) -> Outcome:
    receipt = Receipt(bytes(row.body), row.signed_at, aware(row.received_at), source)
    event_type, report = event_types.read_receipt(receipt)
    if row.state == State.REFUSED:
        ledger.admit(row, report, keep_key=event_type.exactly_once)
    if not event_type.exactly_once and ledger.is_superseded(row):
        return Outcome(state=State.STALE)
    return _run(event_type, report, tried)


def _run(event_type: EventType, report: StationReport, tried: frozenset[int]) -> Outcome:
    service = get_sync_service()
    service.returns_tried = tried
    outcome = event_type.apply(service, report)
    logger.info(
        "StationSyncService: %s event of %s is %s",
        report.event_type,
        report.device_serial,
        outcome.state,
    )
    return outcome


def _note(work: Callable[[], None], arrived: float | None) -> None:
    """Write something down in a transaction of its own, if that can be done."""
    try:
        in_transaction(work, arrived=arrived)
    except Exception:
        logger.exception("StationSyncService: nor was that recorded")


def _apply_deferred_returns(report: FullReport, started: float, arrived: float | None) -> None:
    """Apply the returns that this snapshot made known, each by itself; none touches its answer."""
    try:
        event_ids = ledger.deferred_returns(report)
    except Exception:
        logger.exception("StationSyncService: the deferred returns wait on")
        return
    for event_id in event_ids:
        if time.monotonic() < started + FOLLOW_UP_SECONDS:
            _try(event_id, arrived)


def _try(event_id: int, arrived: float | None) -> None:
    """Apply an event that waited; it is not held on to, and what becomes of it is its own."""
    try:
        apply(event_id, arrived=arrived)
    except (TemporarilyUnavailable, IngestEvent.DoesNotExist):
        logger.warning("StationSyncService: event %s waits on", event_id)
