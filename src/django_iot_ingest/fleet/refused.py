"""Refusals of the last hour by reason and minute: those of all processes, as far as they are stored,
and those of this process that nobody has stored yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Sum

from django_iot_ingest import refusals
from django_iot_ingest.fleet.hour import MINUTES, Hour
from django_iot_ingest.fleet.standing import NAMED
from django_iot_ingest.models import RefusalCount, RefusedRequest
from django_iot_ingest.refusals import SIGNATURE_ERRORS
from django_iot_ingest.times import aware


class Request(NamedTuple):
    """A refused request that was kept, as the page names it."""

    pk: int
    reason: str
    received_at: datetime
    client_address: str


def by_minute(hour: Hour) -> dict[str, list[int]]:
    """Return how often each reason was given in each minute.

    The rows are read first: what is stored meanwhile is missed for a moment, and not counted twice.
    """
    found: dict[str, list[int]] = {}
    for moment, reason, count in [*_stored(hour), *_unstored()]:
        position = hour.position_of(moment)
        if position is not None:
            found.setdefault(reason, [0] * MINUTES)[position] += count
    return found


def newest_of_signature(hour: Hour) -> list[Request]:
    """Return the newest kept requests of the hour whose signature was refused."""
    requests = RefusedRequest.objects.filter(
        hour.within("received_at"), reason__in=SIGNATURE_ERRORS
    )
    rows: Any = requests.order_by("-received_at", "-pk").values_list(*Request._fields)[:NAMED]
    return [Request(*row) for row in rows]


def _stored(hour: Hour) -> Iterator[tuple[datetime, str, int]]:
    counts = RefusalCount.objects.filter(hour.within("minute")).values("minute", "reason")
    for row in counts.annotate(iot_sum=Sum("count")).order_by("minute", "reason"):
        yield aware(row["minute"]), row["reason"], int(row["iot_sum"])


def _unstored() -> Iterator[tuple[datetime, str, int]]:
    for (moment, reason), count in refusals.tally.unstored().items():
        yield moment, reason, count
