"""Stations that fell silent: OFFLINE without a word of their own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from django_iot_ingest import faults, ledger, logs
from django_iot_ingest.conf import get_station_model, get_sync_service, ingest_settings
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.models import AbstractStation, IngestEvent, StationStatusChange
from django_iot_ingest.services import hooks, rows

logger = logging.getLogger(__name__)

BATCH = 500
"""Stations whose events are looked for at once."""

OFFLINE = AbstractStation.Status.OFFLINE


def mark_offline() -> int:
    """Mark each station that was not heard for ``OFFLINE_AFTER`` seconds; return how many.

    Each in a transaction of its own, so that one whose hook refuses keeps none of the others. An
    event that was received since then and waits was heard, though nobody has applied it yet.
    """
    since = timezone.now() - timedelta(seconds=ingest_settings.OFFLINE_AFTER)
    stations = get_station_model()._base_manager.using(alias())
    silent = stations.filter(_is_silent(since)).order_by("serial_number")
    found = list(silent.values_list("pk", "serial_number", "imei"))
    batches = (found[start : start + BATCH] for start in range(0, len(found), BATCH))
    return sum(_mark(pk, since) for batch in batches for pk in _unheard(batch, since))


def _unheard(stations: Sequence[tuple[object, str, str]], since: datetime) -> list[object]:
    """Return the keys of those stations of which no event waits that was received since then.

    In a statement of its own: columns whose collations differ cannot be compared on MariaDB.
    """
    names = {name for _, *own in stations for name in own if name}
    received = ledger.rows().filter(state=IngestEvent.State.RECEIVED, received_at__gt=since)
    waiting = received.filter(device_serial__in=names)
    heard = set(waiting.values_list("device_serial", flat=True))
    return [pk for pk, *own in stations if heard.isdisjoint(own)]


def _is_silent(since: datetime) -> Q:
    unheard = Q(last_heard_at__lte=since) | Q(last_heard_at__isnull=True)
    return unheard & ~Q(status=OFFLINE)


def _mark(pk: object, since: datetime) -> bool:
    try:
        return in_transaction(lambda: _mark_locked(pk, since))
    except Exception as error:  # noqa: BLE001 - told by its trace
        told = {"error_code": faults.code_of(error)}
        line = "StationSyncService: a silent station was not marked OFFLINE%s"
        logger.error(line, logs.trace(error), extra=told)
        return False


def _mark_locked(pk: object, since: datetime) -> bool:
    stations = get_station_model()._base_manager.using(alias()).select_for_update()
    station = stations.filter(_is_silent(since), pk=pk).first()
    if station is None:
        return False
    moment = timezone.now()
    trigger = StationStatusChange.Trigger.TIMEOUT
    change = hooks.status_change(station, OFFLINE, moment, trigger)
    values = {
        "status": OFFLINE,
        "status_changed_at": moment,
        "silent_since": station.last_heard_at or since,
    }
    rows.update(station, rows.assign(station, values))
    hooks.record_status_change(get_sync_service(), change, alias())
    return True
