"""Calling the host: hooks inside the transaction, signals after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, transaction
from django.db.transaction import TransactionManagementError
from django.dispatch import Signal

from django_iot_ingest import signals, telemetry
from django_iot_ingest.events import (
    PowerBankMissing,
    PowerBankReturned,
    StationCreated,
    StationReport,
    StationStatusChanged,
)
from django_iot_ingest.models import AbstractStation, StationStatusChange

if TYPE_CHECKING:
    from django_iot_ingest.services.service import StationSyncService

Event = TypeVar("Event")

NAMES: dict[type, str] = {
    StationCreated: "on_station_created",
    StationStatusChanged: "on_station_status_changed",
    PowerBankReturned: "on_power_bank_returned",
    PowerBankMissing: "on_power_bank_missing",
}
"""The hook that gets an event, whatever a host has wrapped it in."""


def call(hook: Callable[[Event], None], event: Event, using: str) -> None:
    """Run a hook of the host inside the open transaction.

    A hook that swallowed a database error has left a transaction that can only be rolled back; a
    savepoint would do that in silence, so ``TransactionManagementError`` says it.
    """
    with telemetry.step("hook", hook=NAMES.get(type(event), "other")):
        hook(event)
        if connections[using].needs_rollback:
            raise TransactionManagementError("The hook swallowed a database error.")


def notify(service: StationSyncService, signal: Signal, using: str, **payload: Any) -> None:
    """Send a signal after commit; a receiver that fails breaks nothing."""
    send = partial(signal.send_robust, sender=type(service), **payload)
    transaction.on_commit(send, using=using, robust=True)


def hears_of_sync(service: StationSyncService) -> bool:
    """Return whether anybody is told that an event was applied."""
    return signals.station_synced.has_listeners(type(service))


def tell_of_sync(
    service: StationSyncService, station: AbstractStation | None, event: StationReport, using: str
) -> None:
    """Signal after commit that an event was applied."""
    notify(service, signals.station_synced, using, station=station, event=event)


def status_change(
    station: AbstractStation, status: str, at: datetime, trigger: str
) -> StationStatusChanged:
    """Return the event of a status change that is about to be made."""
    since = station.status_changed_at
    return StationStatusChanged(
        station=station,
        from_status=station.status,
        to_status=status,
        at=at,
        seconds_in_previous=None if since is None else max((at - since) // timedelta(seconds=1), 0),
        trigger=trigger,
    )


def record_status_change(
    service: StationSyncService, change: StationStatusChanged, using: str
) -> None:
    """Write the history row of a change that was made, run the hook, signal it after commit."""
    StationStatusChange.objects.using(using).create(
        device_serial=change.station.serial_number,
        from_status=change.from_status,
        to_status=change.to_status,
        changed_at=change.at,
        seconds_in_previous=change.seconds_in_previous,
        trigger=change.trigger,
    )
    call(service.on_station_status_changed, change, using)
    notify(service, signals.station_status_changed, using, event=change)
