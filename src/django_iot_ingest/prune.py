"""Forget what was applied long ago. What was accepted and not applied is never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from django_iot_ingest import ledger
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.models import IngestEvent, RefusalCount, RefusedRequest, StationStatusChange

BATCH = 1000
"""Rows of one transaction: locks are short, and so is what a standby has to repeat."""

KEYED = Q(dedup_key__isnull=False)
"""Returns, and what else is applied exactly once: kept as long as a repeat has to be known."""

DONE = (IngestEvent.State.APPLIED, IngestEvent.State.STALE)
"""States of rows that are forgotten in time: each is looked for by itself, along the index."""

KEEP_REFUSALS_DAYS = 7
"""Days that refused requests, which ``iot_doctor`` reads, and counts of refusals are kept."""

Change = Callable[["QuerySet[Any]"], int]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind that are old enough, in the order of ``column``, and what is done to them."""

    rows: QuerySet[Any]
    change: Change
    column: str

    def in_batches(self) -> int:
        """Change the rows a batch at a time, each beginning where the last ended; return how many."""
        changed, left = 0, self.rows
        while batch := list(left.order_by(self.column, "pk").only(self.column)[:BATCH]):
            pks = [row.pk for row in batch]
            # The condition is asked again: a repeat may have taken a row up meanwhile.
            changed += in_transaction(partial(self.change, self.rows.filter(pk__in=pks)))
            left = self.rows.filter(self.after(batch[-1]))
        return changed

    def after(self, row: Any) -> Q:
        """Return what comes after a row; the first part alone lets an index be entered there."""
        value = getattr(row, self.column)
        later = Q(**{f"{self.column}__gt": value}) | Q(**{self.column: value}, pk__gt=row.pk)
        return Q(**{f"{self.column}__gte": value}) & later


def prune(*, dry_run: bool = False) -> dict[str, int]:
    """Delete old rows, a batch at a time; return how many of each kind.

    A return's body goes after ``KEEP_EVENTS_DAYS``. Its digest and result stay for
    ``KEEP_RETURNS_DAYS``, so that a late repeat is still a duplicate. Refused bodies have their own
    limit, by number.
    """
    kinds = {
        "events": _received(~KEYED, ingest_settings.KEEP_EVENTS_DAYS, _delete),
        "returns": _received(KEYED, ingest_settings.KEEP_RETURNS_DAYS, _delete),
        "bodies of returns": _received(
            KEYED & ~Q(body=b""), ingest_settings.KEEP_EVENTS_DAYS, _empty
        ),
        "status changes": _history(ingest_settings.KEEP_HISTORY_DAYS),
        "refusals": [
            _old(RefusedRequest, "received_at", KEEP_REFUSALS_DAYS),
            _old(RefusalCount, "minute", KEEP_REFUSALS_DAYS),
        ],
    }
    if dry_run:
        return {name: sum(kind.rows.count() for kind in own) for name, own in kinds.items()}
    return {name: sum(kind.in_batches() for kind in own) for name, own in kinds.items()}


def _received(condition: Q, days: int, change: Change) -> list[Kind]:
    old = ledger.rows().filter(condition, received_at__lt=_before(days))
    return [Kind(old.filter(state=state), change, "received_at") for state in DONE]


def _history(days: int) -> list[Kind]:
    """Return the old part of the history: its keys are about in the order of its times."""
    history = StationStatusChange.objects.using(alias())
    return [Kind(history.filter(changed_at__lt=_before(days)), _delete, "pk")]


def _old(model: type[Any], column: str, days: int) -> Kind:
    rows = model.objects.using(alias())
    return Kind(rows.filter(**{f"{column}__lt": _before(days)}), _delete, column)


def _delete(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]


def _empty(rows: QuerySet[Any]) -> int:
    return rows.update(body=b"")


def _before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
