"""Forget what was applied long ago. What was accepted and not applied is never touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from django_iot_ingest import ledger
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.models import IngestEvent, StationStatusChange

BATCH = 1000
"""Rows of one transaction: locks are short, and so is what a standby has to repeat."""

KEYED = Q(dedup_key__isnull=False)
"""Returns, and what else is applied exactly once: kept as long as a repeat has to be known."""

Change = Callable[["QuerySet[Any]"], int]


def prune(*, dry_run: bool = False) -> dict[str, int]:
    """Delete old rows, a batch at a time; return how many of each kind.

    A return's body goes after ``KEEP_EVENTS_DAYS``. Its digest and result stay for
    ``KEEP_RETURNS_DAYS``, so that a late repeat is still a duplicate. Refused bodies have their own
    limit, by number.
    """
    state = IngestEvent.State
    old = _before(ingest_settings.KEEP_EVENTS_DAYS)
    done = ledger.rows().filter(state__in=(state.APPLIED, state.STALE))
    keyed, others = done.filter(KEYED), done.exclude(KEYED)
    very_old = _before(ingest_settings.KEEP_RETURNS_DAYS)
    history = StationStatusChange.objects.using(alias())
    ended = _before(ingest_settings.KEEP_HISTORY_DAYS)
    work: dict[str, tuple[QuerySet[Any], Change]] = {
        "events": (others.filter(received_at__lt=old), _delete),
        "returns": (keyed.filter(received_at__lt=very_old), _delete),
        "bodies of returns": (keyed.filter(received_at__lt=old).exclude(body=b""), _empty),
        "status changes": (history.filter(changed_at__lt=ended), _delete),
    }
    if dry_run:
        return {name: rows.count() for name, (rows, _) in work.items()}
    return {name: _in_batches(rows, change) for name, (rows, change) in work.items()}


def _in_batches(rows: QuerySet[Any], change: Change) -> int:
    total = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        # The condition is asked again: a repeat may have taken a row up meanwhile.
        changed = in_transaction(lambda: change(rows.filter(pk__in=pks)))
        total += changed
        if not changed:
            break
    return total


def _delete(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]


def _empty(rows: QuerySet[Any]) -> int:
    return rows.update(body=b"")


def _before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
