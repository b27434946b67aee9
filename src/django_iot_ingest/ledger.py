"""The rows of the inbox: what is written when, and nothing of how events are applied.

Every function here expects an open transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from django_iot_ingest import faults, journal, signals
from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_sync_service,
    is_deferred,
)
from django_iot_ingest.database import alias
from django_iot_ingest.events import FullReport, Receipt, ReturnReport, StationReport, StatusReport
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import Outcome, hooks
from django_iot_ingest.times import native

State = IngestEvent.State

REFUSED_KEPT = 1000
"""Refused bodies that are kept, the newest; refused returns are kept beyond that."""

IN_FLIGHT = timedelta(seconds=30)
"""Age under which a received event is left to the request that brought it."""

SETTLED = (
    "state",
    "attempts",
    "result",
    "duration",
    "retry_at",
    "last_error_code",
    "applied_at",
)
"""Columns that ``settle`` sets: an attempt writes neither the body nor what was read from it again."""

FIRST_BACK_OFF = timedelta(seconds=10)
MAX_BACK_OFF = timedelta(hours=1)


def rows() -> QuerySet[IngestEvent]:
    """Return the rows of the inbox, on its own database."""
    return IngestEvent.objects.using(alias())


def lock(event_id: int, *, wait: bool = True) -> IngestEvent:
    """Return a row, locked: after whoever holds it, or else ``DoesNotExist`` while it is held."""
    features = connections[alias()].features
    skip_locked = not wait and features.has_select_for_update_skip_locked
    return rows().select_for_update(skip_locked=skip_locked).get(pk=event_id)


def new_row(receipt: Receipt, report: StationReport, **values: Any) -> IngestEvent:
    """Return an unsaved row for a request and what was read from it."""
    return IngestEvent(**columns(receipt, report), **values)


def columns(receipt: Receipt, report: StationReport) -> dict[str, Any]:
    """Return what a row says of a request and of what was read from it."""
    return {**_request(receipt), **_contents(report)}


def receive(receipt: Receipt, report: StationReport) -> int:
    """Return the id of the one row of this body."""
    values = {**columns(receipt, report), "state": State.RECEIVED}
    row, _ = rows().get_or_create(dedup_key=receipt.sha256, defaults=values)
    if row.state == State.REFUSED:
        # What refused it then does not any more: it is an event like any other now.
        # Asked again: a replay may have applied it meanwhile.
        refused = rows().filter(pk=row.pk, state=State.REFUSED)
        refused.update(**values, last_error_code="")
    return row.pk


def queue(receipt: Receipt, report: StationReport) -> tuple[IngestEvent, bool]:
    """Return the one row of this body, and whether it is new; it waits for the drain unless it was
    dealt with.

    One that failed or was given up begins anew. A row that is ``received`` is left as it is, so
    that nobody waits here for whoever is applying it.
    """
    values = {**_queued(receipt, report), "dedup_key": receipt.sha256}
    row, is_new = rows().get_or_create(dedup_key=receipt.sha256, defaults=values)
    if not is_new and row.state not in (State.APPLIED, State.STALE, State.RECEIVED):
        anew = values if row.state == State.REFUSED else {"state": State.RECEIVED}
        idle = rows().filter(pk=row.pk).exclude(state__in=(State.APPLIED, State.STALE))
        idle.update(**{**anew, "attempts": 0, "retry_at": None, "last_error_code": ""})
        row.refresh_from_db(using=alias(), fields=["state", "result"])
    return row, is_new


def queued_row(receipt: Receipt, report: StationReport) -> IngestEvent:
    """Return an unsaved row that waits for the drain."""
    return IngestEvent(**_queued(receipt, report))


def result_of_reading(report: StationReport) -> dict[str, Any]:
    """Return what an answer tells of an event that is not applied yet."""
    return Outcome(warnings=list(report.warnings)).result(report.device_serial)


def admit(row: IngestEvent, report: StationReport, *, keep_key: bool) -> None:
    """Make a refused row, whose body can be read by now, one that was received."""
    for name, value in _contents(report).items():
        setattr(row, name, value)
    row.state = State.RECEIVED
    if not keep_key:
        row.dedup_key = None


def claim(row: IngestEvent) -> None:
    """Count an attempt before it is made, so that one which ends the process is counted too."""
    row.attempts += 1
    row.retry_at = next_try(row.attempts)
    row.save(using=alias())


def refuse(receipt: Receipt, event_type: str, error: str) -> None:
    """Keep a signed body that is answered 400: one row per body."""
    values = {**_request(receipt), "last_error_code": error}
    defaults = {**values, "event_type": event_type, "state": State.REFUSED, "attempts": 1}
    row, is_new = rows().get_or_create(dedup_key=receipt.sha256, defaults=defaults)
    if is_new:
        _forget_old_refused()
    else:
        repeated = rows().filter(pk=row.pk, state=State.REFUSED)
        repeated.update(**values, attempts=F("attempts") + 1)


def settle(row: IngestEvent, outcome: Outcome, started: float, *, is_claimed: bool) -> None:
    """Set on a row what became of its event; ``started`` is of the monotonic clock."""
    row.state = outcome.state
    row.attempts += not is_claimed
    row.result = outcome.result(row.device_serial)
    row.duration = _since(started)
    is_waiting = outcome.state == State.DEFERRED
    row.retry_at = next_try(row.attempts) if is_waiting else None
    row.last_error_code = outcome.last_warning() if is_waiting else ""
    row.applied_at = None if is_waiting else timezone.now()


def fail(row: IngestEvent, error: BaseException, started: float, *, is_claimed: bool) -> None:
    """Write that a row's event could not be applied, and signal it after commit."""
    row.attempts += not is_claimed
    row.state = State.DEAD if row.state == State.DEAD else State.FAILED
    row.retry_at = next_try(row.attempts)
    row.last_error_code = faults.code_of(error)
    row.duration = _since(started)
    row.save(using=alias())
    _announce_failure(row)


def bury(row: IngestEvent) -> None:
    """Give an event up: the sweeper tries it no more; a repeat or an operator still can."""
    row.state = State.DEAD
    row.retry_at = None
    row.save(using=alias(), update_fields=["state", "retry_at"])
    after_commit(journal.tell_dead, row)
    _announce_failure(row)


def due(limit: int) -> list[int]:
    """Return the ids of waiting events that nobody is about to apply, the oldest event first.

    In deferred mode whatever is ``received`` is the drain's.
    """
    moment = timezone.now()
    others = Q(state=State.RECEIVED)
    if not is_deferred():
        others &= Q(received_at__gt=moment - IN_FLIGHT)
    waiting = rows().filter(is_due(moment), state__in=IngestEvent.WAITING).exclude(others)
    return list(waiting.order_by("event_time", "pk").values_list("pk", flat=True)[:limit])


def is_due(moment: datetime) -> Q:
    """Return the condition that a row's back-off is over."""
    return Q(retry_at__lte=moment) | Q(retry_at__isnull=True)


def next_try(attempts: int) -> datetime:
    """Return when the sweeper may try again: 10 s after the first attempt, then twice as long."""
    delay: timedelta = min(FIRST_BACK_OFF * 2 ** min(attempts - 1, 20), MAX_BACK_OFF)
    return timezone.now() + delay


def after_commit(tell: Callable[..., None], *what: Any) -> None:
    """Tell something once it is true: a transaction may be begun again, or undone."""
    transaction.on_commit(partial(tell, *what), using=alias(), robust=True)


def _announce_failure(row: IngestEvent) -> None:
    hooks.notify(
        get_sync_service(),
        signals.event_failed,
        alias(),
        event_id=row.pk,
        event_type=row.event_type,
        device_serial=row.device_serial,
        error_code=row.last_error_code,
    )


def is_superseded(row: IngestEvent) -> bool:
    """Return whether a later event of the same kind, at least as new, was applied meanwhile."""
    newer = _same_kind(row).filter(
        state=State.APPLIED, event_time__gte=row.event_time, received_at__gt=row.received_at
    )
    return newer.exists()


def supersede(row: IngestEvent) -> None:
    """Of the waiting events of one kind only the newest matters: mark the others stale."""
    older = _same_kind(row).filter(state=State.DEFERRED, event_time__lte=row.event_time)
    others = list(older.exclude(pk=row.pk).defer("body", "result"))
    if not others:
        return
    superseded = rows().filter(pk__in=[other.pk for other in others], state=State.DEFERRED)
    superseded.update(state=State.STALE, retry_at=None, last_error_code="")
    for other in others:
        after_commit(journal.tell_stale, other)


def deferred_returns(report: FullReport) -> list[int]:
    """Return the ids of the returns that waited for what this snapshot made known."""
    named = [bank.serial_number for bank in report.power_banks]
    waiting = rows().filter(
        Q(power_bank_serial__in=named) | Q(device_serial=report.device_serial),
        state=State.DEFERRED,
        event_type="returned",
    )
    returns = list(waiting.order_by("event_time", "pk").values_list("pk", "power_bank_serial"))
    # In a statement of its own: columns whose collations differ cannot be compared on MariaDB.
    banks = get_power_bank_model()._base_manager.using(alias())
    told_of = banks.filter(serial_number__in={serial for _, serial in returns})
    known = set(told_of.values_list("serial_number", flat=True)) if returns else set()
    return [pk for pk, serial in returns if serial in known]


def returns_wait() -> bool:
    """Return whether any return waits for a station or bank to become known."""
    return rows().filter(state=State.DEFERRED, event_type="returned").exists()


def touch(report: StationReport) -> None:
    """Note that a station was heard, where the event itself changes nothing."""
    stations = get_station_model()._base_manager.using(alias())
    spoken = Q(serial_number=report.device_serial)
    if isinstance(report, StatusReport) and not stations.filter(spoken).exists():
        same_imei = stations.filter(imei=report.device_serial).values_list("pk", flat=True)[:2]
        spoken = Q(pk__in=list(same_imei)) if len(same_imei) == 1 else Q(pk__in=[])
    hear(spoken, report.received_at)


def hear(spoken: Q, heard_at: datetime) -> None:
    """Note on the stations that have ``spoken`` when they were heard, unless it was later."""
    stations = get_station_model()._base_manager.using(alias())
    unheard = Q(last_heard_at__isnull=True) | Q(last_heard_at__lt=heard_at)
    stations.filter(spoken & unheard).update(last_heard_at=heard_at)


def _request(receipt: Receipt) -> dict[str, Any]:
    return {
        "received_at": native(receipt.received_at),
        "signed_at": receipt.signed_at,
        "body": receipt.body,
        "sha256": receipt.sha256,
    }


def _queued(receipt: Receipt, report: StationReport) -> dict[str, Any]:
    """Return the columns of a row that waits for the drain; its result is what reading it gave."""
    kept = columns(receipt, report)
    return {**kept, "state": State.RECEIVED, "result": result_of_reading(report)}


def _contents(report: StationReport) -> dict[str, Any]:
    bank_serial = report.power_bank_serial if isinstance(report, ReturnReport) else ""
    return {
        "event_type": report.event_type,
        "device_serial": report.device_serial,
        "power_bank_serial": bank_serial,
        "event_time": report.event_time,
    }


def _same_kind(row: IngestEvent) -> QuerySet[IngestEvent]:
    return rows().filter(device_serial=row.device_serial, event_type=row.event_type)


def _forget_old_refused() -> None:
    refused = rows().filter(state=State.REFUSED).exclude(event_type="returned")
    newest = refused.order_by("-received_at", "-pk")
    oldest_kept = newest.values_list("received_at", flat=True)[REFUSED_KEPT - 1 : REFUSED_KEPT]
    for received_at in oldest_kept:
        refused.filter(received_at__lt=received_at).delete()


def _since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)
