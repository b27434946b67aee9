"""Everything of the page that does not depend on who asks and what for; kept for a few seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Window

from django_iot_ingest.fleet import kinds, refused, standing
from django_iot_ingest.fleet.flow import Flow, Latency, flow, latencies
from django_iot_ingest.fleet.hour import Hour
from django_iot_ingest.fleet.standing import NAMED, Contradictions, Event, Standing, State
from django_iot_ingest.models import IngestEvent

KEPT_SECONDS = 5.0
"""Seconds that a process shows the same numbers, however many look."""


@dataclass(frozen=True, slots=True)
class Some:
    """How many there are, and the first few."""

    total: int
    first: list[Any]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one moment."""

    hour: Hour
    stations: dict[str, int]
    silent: list[Any]
    banks: dict[str, int]
    missing: list[Any]
    slots_in_error: Some
    mute_slots: Some
    standing: dict[str, Standing]
    newest: dict[str, list[Event]]
    refused_bodies: list[Event]
    contradictions: Contradictions
    flow: Flow
    latencies: list[Latency | None]
    refusals: dict[str, list[int]]
    refused_signatures: list[refused.Request]


def read() -> Numbers:
    """Ask the database for all of them."""
    hour = Hour.until_now()
    stations, banks = kinds.stations(hour.now), kinds.banks()
    stands = standing.standing(hour)
    return Numbers(
        hour=hour,
        stations=kinds.counted(stations, kinds.STATIONS),
        silent=_newest(stations.filter(iot_kind=kinds.SILENT), "last_heard_at"),
        banks=kinds.counted(banks, kinds.BANKS),
        missing=_newest(banks.filter(iot_kind=kinds.MISSING), "missing_since"),
        slots_in_error=_some(kinds.slots_in_error()),
        mute_slots=_some(kinds.slots_of_no_bank()),
        standing=stands,
        newest=_newest_events(hour),
        refused_bodies=standing.newest(State.REFUSED, hour.within("received_at")),
        contradictions=standing.contradictions(hour),
        flow=flow(hour, sum(each.total for each in stands.values())),
        latencies=latencies(hour),
        refusals=refused.by_minute(hour),
        refused_signatures=refused.newest_of_signature(hour),
    )


class Kept:
    """Numbers that are asked for once in a while, by one thread at a time.

    Whoever looks meanwhile sees the numbers before: a slow database holds up one thread, and not
    all that a gateway needs.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._numbers: Numbers | None = None
        self._read_at = 0.0

    def get(self, seconds: float = KEPT_SECONDS) -> Numbers:
        """Return numbers that are at most so many seconds old."""
        before = self._numbers
        if before is None:
            self._guard.acquire()
        elif not self._guard.acquire(blocking=False):
            return before
        try:
            now = time.monotonic()
            if self._numbers is None or now - self._read_at >= seconds:
                self._numbers, self._read_at = read(), now
            return self._numbers
        finally:
            self._guard.release()

    def clear(self) -> None:
        """Forget them."""
        with self._guard:
            self._numbers = None


kept = Kept()
"""Those of this process."""


def _newest_events(hour: Hour) -> dict[str, list[Event]]:
    late = standing.is_late(hour)
    return {
        state: standing.newest(state, late if state == State.RECEIVED else None)
        for state in IngestEvent.UNAPPLIED
    }


def _newest(rows: Any, field: str) -> list[Any]:
    return list(rows.order_by(kinds.newest_first(field), "serial_number")[:NAMED])


def _some(slots: Any) -> Some:
    """Return how many slots there are, and the first by station."""
    counted = slots.select_related("station").annotate(iot_total=Window(Count("*")))
    first: list[Any] = list(counted.order_by("station__serial_number", "slot_number")[:NAMED])
    return Some(first[0].iot_total if first else 0, first)
