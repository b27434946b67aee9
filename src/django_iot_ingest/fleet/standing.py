"""What stands in the inbox now, whenever it came: what was accepted and not applied."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Q, TextField, Window
from django.db.models.functions import Cast

from django_iot_ingest.fleet.hour import Hour
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import native

NAMED = 3
"""How many of a kind are named."""

LATE = timedelta(minutes=10)
"""Age from which a received event should long have been applied, by the sweeper or the drain."""

State = IngestEvent.State


class Standing(NamedTuple):
    """How many events of one state there are, how many of them are of the last hour, and late."""

    total: int = 0
    recent: int = 0
    late: int = 0


class Event(NamedTuple):
    """One event, as the page names it. The times are native."""

    pk: int
    event_type: str
    device_serial: str
    received_at: datetime
    last_error_code: str


class Contradictions(NamedTuple):
    """How many reports of the hour contradicted themselves, and the newest."""

    total: int
    newest: list[Event]


def standing(hour: Hour) -> dict[str, Standing]:
    """Return what was accepted and is not applied, by state."""
    counts: Any = (
        IngestEvent.objects.filter(state__in=IngestEvent.UNAPPLIED)
        .values("state")
        .annotate(
            total=Count("pk"),
            recent=Count("pk", filter=hour.within("received_at")),
            late=Count("pk", filter=is_late(hour)),
        )
        .order_by("state")
    )
    found = {row.pop("state"): Standing(**row) for row in counts}
    return {state: found.get(state, Standing()) for state in IngestEvent.UNAPPLIED}


def is_late(hour: Hour) -> Q:
    """Return the condition that an event came ``LATE`` ago or earlier."""
    return Q(received_at__lt=native(hour.now - LATE))


def newest(state: str, condition: Q | None = None) -> list[Event]:
    """Return the newest few of a state."""
    events = IngestEvent.objects.filter(condition or Q(), state=state)
    return _named(events.order_by("-received_at", "-pk").values_list(*Event._fields)[:NAMED])


def contradictions(hour: Hour) -> Contradictions:
    """Return the reports of the hour in which slots and banks disagreed.

    The text of ``result`` is searched, since what databases can do with JSON differs.
    """
    events = IngestEvent.objects.filter(hour.within("received_at"), state__in=State.values)
    told = Q(iot_text__contains='"code": "contradictory"')
    told |= Q(iot_text__contains='"code":"contradictory"')
    found = events.annotate(iot_text=Cast("result", TextField())).filter(told)
    newest = found.annotate(iot_total=Window(Count("*"))).order_by("-received_at", "-pk")
    rows = list(newest.values_list(*Event._fields, "iot_total")[:NAMED])
    return Contradictions(rows[0][-1] if rows else 0, _named(row[:-1] for row in rows))


def _named(rows: Any) -> list[Event]:
    return [Event(*row) for row in rows]
