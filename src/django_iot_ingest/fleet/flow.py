"""How events flowed through the inbox in the last hour, by minute.

Every statement names all states: the index is on state and time, and there is none on time alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber

from django_iot_ingest.fleet.hour import MINUTES, Hour
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import native

State = IngestEvent.State

LOOK_BACK = timedelta(hours=1)
"""How long before the hour an event may have come that was applied within it, to be in the backlog.
There is no index on ``applied_at``, so what waited longer is seen only while it waits."""

DONE = (State.APPLIED, State.STALE)

MEDIAN, P95 = 50, 95


@dataclass(slots=True)
class Flow:
    """Counts by minute."""

    states: dict[str, list[int]] = field(
        default_factory=lambda: {state: [0] * MINUTES for state in State.values}
    )
    """By state of today, in the minute in which they were received."""

    backlog: list[int] = field(default_factory=lambda: [0] * MINUTES)
    """Accepted and not applied, at the end of each minute."""


class Latency(NamedTuple):
    """Milliseconds that the last attempts took, of the events received in one minute."""

    median: float
    p95: float
    highest: float


def flow(hour: Hour, waiting: int) -> Flow:
    """Return the hour's flow; ``waiting`` is how many are accepted and not applied now."""
    found = Flow()
    for row in _received(hour):
        begin, count = hour.position(row["iot_minute"]), row["iot_count"]
        found.states[row["state"]][begin] += count
        if row["state"] in IngestEvent.UNAPPLIED:
            _wait(found, begin, MINUTES, count)
            waiting -= count
        elif row["iot_left"] is not None:
            _wait(found, begin, hour.position(row["iot_left"]), count)
    # What came before the hour and still waits, and what has been applied since.
    _wait(found, 0, MINUTES, max(waiting, 0))
    for row in _received_before(hour):
        _wait(found, 0, hour.position(row["iot_left"]), row["iot_count"])
    return found


def latencies(hour: Hour) -> list[Latency | None]:
    """Return what attempts took in each minute; None where none was made.

    Durations are ranked within their minute: no two databases share a function for percentiles.
    """
    found: dict[int, dict[str, timedelta]] = {}
    for minute, duration, rank, size in _ranked(hour):
        places = {"median": _rank(MEDIAN, size), "p95": _rank(P95, size), "highest": size}
        mine = {name: duration for name, place in places.items() if place == rank}
        found.setdefault(hour.position(minute), {}).update(mine)
    return [_latency(found.get(position)) for position in range(MINUTES)]


def _received(hour: Hour) -> Iterator[dict[str, Any]]:
    """Yield how many events came in which minute, by state, and in which minute they left."""
    left = When(
        hour.within("applied_at") & Q(applied_at__gt=F("received_at"), state__in=DONE),
        then=hour.minute_of("applied_at"),
    )
    events = IngestEvent.objects.filter(hour.within("received_at"), state__in=State.values)
    return iter(_counted(events, hour, left))


def _received_before(hour: Hour) -> Iterator[dict[str, Any]]:
    """Yield how many events that came before left in which minute of the hour."""
    events = IngestEvent.objects.filter(
        hour.within("applied_at"),
        state__in=DONE,
        received_at__gte=native(hour.start - LOOK_BACK),
        received_at__lt=native(hour.start),
    )
    left = events.annotate(iot_left=hour.minute_of("applied_at")).values("iot_left")
    counted: Any = left.annotate(iot_count=Count("pk")).order_by("iot_left")
    return iter(counted)


def _counted(events: QuerySet[IngestEvent], hour: Hour, left: When) -> Any:
    minutes = events.annotate(
        iot_minute=hour.minute_of("received_at"),
        iot_left=Case(left, default=None, output_field=IntegerField()),
    )
    groups = minutes.values("iot_minute", "state", "iot_left")
    return groups.annotate(iot_count=Count("pk")).order_by("iot_minute")


def _wait(found: Flow, begin: int, end: int, count: int) -> None:
    """Count events that waited at the end of each minute from ``begin``, before ``end``."""
    for position in range(begin, end):
        found.backlog[position] += count


def _ranked(hour: Hour) -> Iterator[tuple[int, timedelta, int, int]]:
    """Yield the durations at the ranks that are asked for: minute, duration, rank, how many."""
    events = IngestEvent.objects.filter(
        hour.within("received_at"), state__in=State.values, duration__isnull=False
    ).annotate(iot_minute=hour.minute_of("received_at"))
    ranked = events.annotate(
        iot_rank=Window(RowNumber(), partition_by=["iot_minute"], order_by=["duration", "pk"]),
        iot_size=Window(Count("*"), partition_by=["iot_minute"]),
    )
    ranked = ranked.annotate(iot_place=F("iot_rank") * 100)
    asked = ranked.filter(_is_rank(MEDIAN) | _is_rank(P95) | Q(iot_rank=F("iot_size")))
    columns = ("iot_minute", "duration", "iot_rank", "iot_size")
    return iter(asked.order_by("iot_minute").values_list(*columns))


def _is_rank(percent: int) -> Q:
    """Return the condition that a row is the first that so many percent do not exceed."""
    reached = Q(iot_place__gte=F("iot_size") * percent)
    return reached & Q(iot_place__lt=F("iot_size") * percent + 100)


def _rank(percent: int, size: int) -> int:
    return -(-size * percent // 100)


def _latency(found: dict[str, timedelta] | None) -> Latency | None:
    if not found:
        return None
    return Latency(**{name: 1000 * took.total_seconds() for name, took in found.items()})
