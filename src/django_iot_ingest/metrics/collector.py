"""What is asked of the database when it is scraped; see ``overview``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from django_iot_ingest import overview
from django_iot_ingest.overview import Overview

UP = "iot_ingest_database_up"

GAUGES: dict[str, tuple[str, str]] = {
    "iot_ingest_backlog_events": (
        "state",
        "Events that were accepted and not applied.",
    ),
    "iot_ingest_backlog_oldest_age_seconds": (
        "state",
        "Since when the oldest of them waits; 0 if none does.",
    ),
    "iot_ingest_last_event_timestamp_seconds": (
        "event_type",
        f"When the last event was received, unless that is {overview.NEWEST:,} events ago.",
    ),
    "iot_ingest_stations": (
        "status",
        "Stations, by status.",
    ),
    "iot_ingest_power_banks": (
        "status",
        "Power banks, by status.",
    ),
}
"""The label of each gauge, and what it says."""


class DatabaseCollector(Collector):
    """Ask, at most every few seconds, in a number of statements that does not grow.

    A database that is away is a 0, and no error: the other numbers are absent then.
    """

    def __init__(self, ask: Callable[[], Overview] = overview.get) -> None:
        self.ask = ask

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the families without numbers, so that registering asks nobody."""
        yield GaugeMetricFamily(UP, "Whether the database answers.")
        for name, (label, text) in GAUGES.items():
            yield GaugeMetricFamily(name, text, labels=[label])

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the families with what the database said."""
        found = self.ask()
        samples = _samples(found) if found.is_up else {}
        for family in self.describe():
            if family.name == UP:
                family.add_metric([], float(found.is_up))
            for value, number in samples.get(family.name, {}).items():
                family.add_metric([value], number)
            yield family


def _samples(found: Overview) -> dict[str, Mapping[str, float]]:
    now = time.time()
    return {
        "iot_ingest_backlog_events": {
            state: backlog.count for state, backlog in found.backlog.items()
        },
        "iot_ingest_backlog_oldest_age_seconds": {
            state: 0.0 if backlog.oldest is None else max(now - backlog.oldest, 0.0)
            for state, backlog in found.backlog.items()
        },
        "iot_ingest_last_event_timestamp_seconds": {
            event_type: at for event_type, at in found.last_events.items() if at is not None
        },
        "iot_ingest_stations": found.stations,
        "iot_ingest_power_banks": found.power_banks,
    }
