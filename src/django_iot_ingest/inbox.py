"""The inbox: every accepted request is kept, applied once, and never lost.

A return takes two transactions. The first commits its receipt, unique by the SHA-256 of the body;
the second locks that row, applies the event, and writes the new state in the same commit: whatever
ends the process in between leaves a row that says what is still to be done. ``full`` and ``status``
take one transaction; if that fails, a row that says so is written in another.

In deferred mode there is the first alone, for every type: the drain does the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django_iot_ingest import bell, event_types, faults, journal, ledger, logs, telemetry
from django_iot_ingest.conf import get_sync_service, is_deferred
from django_iot_ingest.database import alias, has_time, in_transaction
from django_iot_ingest.event_types import EventType
from django_iot_ingest.events import FullReport, Receipt, Source, StationReport
from django_iot_ingest.exceptions import Refusal, TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.patience import hold_on
from django_iot_ingest.services import Outcome, StationSyncService, hooks
from django_iot_ingest.services.cabinet import WaitingReturns
from django_iot_ingest.times import aware

logger = logging.getLogger(__name__)

State = IngestEvent.State

FOLLOW_UP_SECONDS = 4.0
"""Time that one snapshot's answer may spend on returns that waited for it; the sweeper has more."""

DUPLICATE = "duplicate"

QUEUED = "queued"

OURS = {
    event_types.Full: StationSyncService.apply_full,
    event_types.Status: StationSyncService.apply_status,
}
"""What is applied at once, and by which method: unless a host has put its own in their place."""

Attempt = Callable[[frozenset[int]], "Answer"]
"""One attempt, told which waiting returns were tried just before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway is told of an accepted event: the row, its state, the stored result."""

    event_id: int
    state: str
    result: dict[str, Any]
    is_awaited: bool = True
    """Whether deferred returns may wait for what the event made known."""
    attempts: int = 1

    @property
    def warnings(self) -> int:
        """Return how many warnings the answer has."""
        return len(self.result.get("warnings") or ())

    def tell(self, step: telemetry.Step) -> None:
        """Say what became of the event."""
        step.tell(event_id=self.event_id, state=str(self.state), warnings=self.warnings)


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
    if is_deferred():
        return _queue(event_type, report, receipt, arrived)
    if event_type.exactly_once:
        receive = partial(in_transaction, lambda: ledger.receive(receipt, report), arrived=arrived)
        with telemetry.step("receive"):
            event_id = hold_on(receive, arrived)
        return apply(event_id, Source.GATEWAY, heard=report, arrived=arrived)
    started = time.monotonic()
    with telemetry.step("apply", event_type=event_type.name) as step:
        answer = _settle(event_type, report, receipt, arrived)
        answer = answer or _apply_at_once(event_type, report, receipt, started, arrived)
        answer.tell(step)
    follow_up(report, answer, started, arrived)
    return answer


def apply(
    event_id: int,
    source: Source = Source.REPLAY,
    heard: StationReport | None = None,
    *,
    arrived: float | None = None,
    is_claimed: bool = False,
    wait: bool = True,
) -> Answer:
    """Apply the event of an inbox row, unless that was done; ``wait`` for whoever is doing it.

    ``heard`` is the report of the request that asks for it; ``is_claimed`` says that this attempt
    was counted before. ``DoesNotExist`` if there is no such row, or if it is locked and nobody is
    to wait; ``TemporarilyUnavailable`` if the event failed; then the row says so.
    """
    started = time.monotonic()
    report: StationReport | None = None
    about: dict[str, Any] = {"event_id": event_id}

    def attempt(tried: frozenset[int]) -> Answer:
        nonlocal report
        row = ledger.lock(event_id, wait=wait)
        about.update(journal.of_row(row), attempts=row.attempts + (not is_claimed))
        answer = _known_answer(row)
        if answer is None:
            event_type, report = read_row(row, source)
            outcome = _apply_row(row, event_type, report, tried)
            ledger.settle(row, outcome, started, is_claimed=is_claimed)
            row.save(using=alias(), update_fields=ledger.SETTLED)
            if row.state == State.DEFERRED and event_type.newest_counts:
                ledger.supersede(row)
            answer = _answer(row, outcome)
        if heard is not None and heard.received_at != row.received_at:
            ledger.touch(heard)  # a repeat: the event itself was heard when it came first
        return answer

    def record(error: Exception) -> None:
        row = ledger.lock(event_id)
        if row.state in IngestEvent.UNAPPLIED:
            ledger.fail(row, error, started, is_claimed=is_claimed)

    with telemetry.step("apply", source=str(source)) as step:
        try:
            answer = _attempt(attempt, record, heard, about, arrived, is_held=heard is not None)
            answer.tell(step)
        finally:
            step.tell(event_type=event_types.label(about.get("event_type")))
    follow_up(report or heard, answer, started, arrived)
    return answer


def refuse(receipt: Receipt, payload: dict[str, Any] | None, refusal: Refusal) -> None:
    """Keep a signed body that is answered 400, so that an operator sees what was sent."""
    event_type = event_types.find(payload.get("type")) if payload else None
    name = event_type.name if event_type else ""
    in_transaction(lambda: ledger.refuse(receipt, name, refusal.error))


def _queue(
    event_type: EventType, report: StationReport, receipt: Receipt, arrived: float | None
) -> Answer:
    """Commit the receipt and ring for the drain; nothing here waits for a station or a broker."""
    started = time.monotonic()
    with telemetry.step("receive"):
        answer = _receive(event_type, report, receipt, arrived)
    if answer.state == QUEUED:
        bell.ring()
    _tell(report, answer, time.monotonic() - started)
    return answer


def _receive(
    event_type: EventType, report: StationReport, receipt: Receipt, arrived: float | None
) -> Answer:
    if not event_type.exactly_once:
        row = in_transaction(lambda: _insert(ledger.queued_row(receipt, report)), arrived=arrived)
        return Answer(row.pk, QUEUED, row.result or {}, attempts=0)
    receive = partial(in_transaction, lambda: ledger.queue(receipt, report), arrived=arrived)
    row, is_new = hold_on(receive, arrived)
    if not is_new and has_time(arrived):
        _note(partial(ledger.touch, report), arrived, journal.of_row(row))
    result = ledger.result_of_reading(report)
    return _known_answer(row) or Answer(row.pk, QUEUED, result, attempts=row.attempts)


def _insert(row: IngestEvent) -> IngestEvent:
    get_sync_service().tables.record(row)
    return row


def _known_answer(row: IngestEvent) -> Answer | None:
    """Return what a repeat of an event is told that was dealt with; None if it was not."""
    states = {State.APPLIED: DUPLICATE, State.STALE: str(State.STALE)}
    state = states.get(row.state)  # type: ignore[call-overload]
    return None if state is None else Answer(row.pk, state, row.result or {}, attempts=row.attempts)


def _answer(row: IngestEvent, outcome: Outcome) -> Answer:
    """Return what is told of a row that was settled."""
    return Answer(row.pk, row.state, row.result or {}, outcome.is_awaited, row.attempts)


def _settle(
    event_type: EventType, report: StationReport, receipt: Receipt, arrived: float | None
) -> Answer | None:
    """Let the database apply a snapshot that moves nothing; None if that was not to be."""
    if not isinstance(report, FullReport):
        return None
    try:
        service = get_sync_service()
        if not is_all_ours(event_type, service):
            return None
        kept = ledger.columns(receipt, report)
        is_shown = hooks.hears_of_sync(service)
        with telemetry.step("settle"):
            settled = service.tables.settle(report, kept, arrived, is_shown=is_shown)
    except Exception as error:  # noqa: BLE001 - whatever it is, the rules meet it again
        told = journal.fields(**_of_report(report), error_code=faults.code_of(error))
        line = "StationSyncService: by the rules, after all: %s"
        logger.info(line, told["error_code"], extra=told)
        return None
    if settled is None:
        return None
    event_id, outcome = settled
    if is_shown:
        hooks.tell_of_sync(service, outcome.station, report, alias())
    result = outcome.result(report.device_serial)
    return Answer(event_id, outcome.state, result, outcome.is_awaited)


def _apply_at_once(
    event_type: EventType,
    report: StationReport,
    receipt: Receipt,
    started: float,
    arrived: float | None,
) -> Answer:
    def attempt(tried: frozenset[int]) -> Answer:
        row = ledger.new_row(receipt, report)
        service = _service(tried)
        service.is_written_by_caller = is_all_ours(event_type, service)
        outcome = _run(service, event_type, report)
        ledger.settle(row, outcome, started, is_claimed=False)
        service.tables.record(row)
        if row.state == State.DEFERRED and event_type.newest_counts:
            ledger.supersede(row)
        return _answer(row, outcome)

    def record(error: Exception) -> None:
        ledger.fail(ledger.new_row(receipt, report), error, started, is_claimed=False)

    about = {**_of_report(report), "attempts": 1}
    return _attempt(attempt, record, report, about, arrived)


def _attempt(
    attempt: Attempt,
    record: Callable[[Exception], None],
    heard: StationReport | None,
    about: dict[str, Any],
    arrived: float | None,
    *,
    is_held: bool = False,
) -> Answer:
    """Run an attempt in a transaction, after the waiting returns that it asks for.

    ``record`` writes a failure down, and ``about`` has what the log says of it; a station that spoke
    was ``heard`` all the same.
    """
    started = time.monotonic()
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
            journal.tell_failed({**about, "duration": time.monotonic() - started}, error)
            _note(partial(record, error), arrived, about)
            if heard is not None and has_time(arrived):
                _note(partial(ledger.touch, heard), arrived, about)
            raise TemporarilyUnavailable from error


def _apply_row(
    row: IngestEvent, event_type: EventType, report: StationReport, tried: frozenset[int]
) -> Outcome:
    if event_type.newest_counts and ledger.is_superseded(row):
        return Outcome(state=State.STALE)
    return _run(_service(tried), event_type, report)


def read_row(row: IngestEvent, source: Source) -> tuple[EventType, StationReport]:
    """Return the type and the report of a kept body; a ``Refusal`` if it cannot be read."""
    receipt = receipt_of(bytes(row.body), row.signed_at, row.received_at, source)
    return event_types.read_receipt(receipt)


def receipt_of(body: bytes, signed_at: int, received_at: datetime, source: Source) -> Receipt:
    """Return what a kept body was received as; its time is as the project stores times."""
    return Receipt(body, signed_at, aware(received_at, near=signed_at), source)


def is_all_ours(event_type: EventType, service: StationSyncService) -> bool:
    """Return whether no code of the host's goes on where ours has ended."""
    ours = OURS.get(type(event_type))  # type: ignore[call-overload]
    return ours is not None and getattr(type(service), ours.__name__) is ours


def _service(tried: frozenset[int]) -> StationSyncService:
    service = get_sync_service()
    service.returns_tried = tried
    return service


def _run(service: StationSyncService, event_type: EventType, report: StationReport) -> Outcome:
    outcome = event_type.apply(service, report)
    if outcome.station is None:
        ledger.touch(report)
    return outcome


def _note(work: Callable[[], None], arrived: float | None, about: dict[str, Any]) -> None:
    """Write something down in a transaction of its own, if that can be done."""
    try:
        in_transaction(work, arrived=arrived)
    except Exception as error:  # noqa: BLE001 - told by its trace
        told = journal.fields(**about | {"error_code": faults.code_of(error)})
        line = "StationSyncService: nor was that recorded%s"
        logger.error(line, logs.trace(error), extra=told)


def follow_up(
    report: StationReport | None,
    answer: Answer,
    started: float,
    arrived: float | None = None,
    *,
    seconds: float | None = None,
) -> None:
    """Log what was committed, in how many ``seconds``, and apply the returns that a snapshot made
    known. Without a report the event was dealt with by somebody else, who has told it."""
    if report is None:
        return
    _tell(report, answer, time.monotonic() - started if seconds is None else seconds)
    if isinstance(report, FullReport) and answer.state == State.APPLIED and answer.is_awaited:
        _apply_deferred_returns(report, started, arrived)


def _apply_deferred_returns(report: FullReport, started: float, arrived: float | None) -> None:
    """Apply each return by itself; what becomes of it does not touch the snapshot's answer."""
    with telemetry.step("follow_up"):
        try:
            event_ids = ledger.deferred_returns(report)
        except Exception as error:  # noqa: BLE001 - told by its trace
            told = journal.fields(**_of_report(report), error_code=faults.code_of(error))
            line = "StationSyncService: the deferred returns wait on%s"
            logger.error(line, logs.trace(error), extra=told)
            return
        for event_id in event_ids:
            if time.monotonic() < started + FOLLOW_UP_SECONDS:
                _try(event_id, arrived)


def _try(event_id: int, arrived: float | None) -> None:
    """Apply an event that waited; it is not held on to, and what becomes of it is its own."""
    try:
        apply(event_id, arrived=arrived)
    except (TemporarilyUnavailable, IngestEvent.DoesNotExist):
        told = journal.fields(event_id=event_id)
        logger.warning("StationSyncService: event %s waits on", event_id, extra=told)


def _tell(report: StationReport, answer: Answer, seconds: float) -> None:
    journal.tell(
        report.event_type,
        report.device_serial,
        event_id=answer.event_id,
        state=answer.state,
        attempts=answer.attempts,
        duration=seconds,
        warnings=answer.warnings,
    )


def _of_report(report: StationReport) -> dict[str, Any]:
    return {"event_type": report.event_type, "device_serial": report.device_serial}
