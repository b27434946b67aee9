"""Finish what was received and not applied: after a crash, a failure, or an unknown device."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from django_iot_ingest import inbox, ledger
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.database import in_transaction
from django_iot_ingest.exceptions import TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

State = IngestEvent.State

LOCKED = "locked"


def sweep(limit: int = 1000) -> Counter[str]:
    """Try every event that is due, the oldest first; return how many ended in which state.

    Safe beside live traffic and beside itself: a row that somebody holds is left to them and counts
    as ``locked``.
    """
    return try_each(ledger.due(limit))


def try_each(event_ids: Iterable[int]) -> Counter[str]:
    """Try these events in turn; return how many ended in which state."""
    states = Counter(_try(event_id) for event_id in event_ids)
    if states:
        logger.info("StationSyncService swept: %s", dict(states))
    return states


def _try(event_id: int) -> str:
    try:
        return inbox.apply(event_id, wait=False).state
    except IngestEvent.DoesNotExist:
        return LOCKED
    except TemporarilyUnavailable:
        return in_transaction(lambda: _bury_if_hopeless(event_id))


def _bury_if_hopeless(event_id: int) -> str:
    row = ledger.lock(event_id)
    if row.state == State.FAILED and row.attempts >= ingest_settings.SWEEP_MAX_ATTEMPTS:
        ledger.bury(row)
    return row.state
