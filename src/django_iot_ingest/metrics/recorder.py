"""What is counted as it happens: requests, events, hooks, transactions, returns that are held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from django_iot_ingest import event_types, request_ids
from django_iot_ingest.inbox import DUPLICATE, QUEUED
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services.hooks import NAMES
from django_iot_ingest.telemetry import Step

STATES = frozenset({*map(str, IngestEvent.State.values), DUPLICATE, QUEUED})

ANSWERS = STATES | frozenset(request_ids.REASONS[1:])
"""What a request can be told: a state with 200, or the ``error`` of a refusal."""

HOOKS = frozenset(NAMES.values())

OTHER = event_types.OTHER
"""What any value is called that is none of the known ones: labels have few values."""

UNREAD = "unread"
"""The event type of a request that was refused before its body was read."""

REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
"""Seconds; the gateway waits 15 for an answer."""

WORK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Recorder:
    """Count in a registry. Every metric has a label: so none opens its file, in multiprocess mode,
    before there is something to count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "iot_ingest_requests",
            "Requests, by what they were answered: a state, or the reason of a refusal.",
            ["event_type", "answer"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "iot_ingest_request_duration_seconds",
            "Time from a request's arrival at the view to its answer.",
            ["event_type"],
            registry=registry,
            buckets=REQUEST_BUCKETS,
        )
        self.events = Counter(
            "iot_ingest_events",
            "Times that an event was dealt with, by a request or later, and what became of it.",
            ["event_type", "state"],
            registry=registry,
        )
        self.apply_seconds = Histogram(
            "iot_ingest_apply_duration_seconds",
            "Time that applying one event took, its transactions and hooks included.",
            ["event_type", "state"],
            registry=registry,
            buckets=WORK_BUCKETS,
        )
        self.hook_seconds = Histogram(
            "iot_ingest_hook_duration_seconds",
            "Time that a hook of the host's took; it raised, where the result is error.",
            ["hook", "result"],
            registry=registry,
            buckets=WORK_BUCKETS,
        )
        self.retries = Counter(
            "iot_ingest_transaction_retries",
            "Transactions that were begun again: after a conflict, or a lost connection.",
            ["reason"],
            registry=registry,
        )
        self.holds = Counter(
            "iot_ingest_holds",
            "Times that a return was to be held while the database was away, and how that ended.",
            ["result"],
            registry=registry,
        )
        self.at_the_end = {
            "request": self.request,
            "apply": self.apply,
            "apply_many": self.apply_many,
            "hook": self.hook,
            "hold": self.hold,
        }
        self.counters: dict[str, Callable[..., None]] = {
            "events": self.count_event,
            "transaction_retries": self.count_retry,
            "holds_refused": self.count_no_place,
        }

    # What the seam tells

    def hears(self, name: str) -> bool:
        """Return whether steps of a name are counted."""
        return name in self.at_the_end

    def begin(self, step: Step) -> None:
        """Wait for the end."""

    def end(self, step: Step, begun: None) -> None:
        """Count a step that is over."""
        self.at_the_end[step.name](step)

    def count(self, name: str, labels: dict[str, str]) -> None:
        """Count what happened."""
        self.counters[name](**labels)

    # Steps

    def request(self, step: Step) -> None:
        """Count a request by its answer, and how long it took."""
        about = step.about
        answer = _one_of(ANSWERS, about.get("reason") or about.get("state"))
        event_type = about.get("event_type", UNREAD)
        self.requests.labels(event_type, answer).inc()
        self.request_seconds.labels(event_type).observe(step.seconds)

    def apply(self, step: Step) -> None:
        """Observe how long one event took to apply."""
        self._applied(step).observe(step.seconds)

    def apply_many(self, step: Step) -> None:
        """Give each event its share."""
        events = step.about.get("events", 0)
        for _ in range(events):
            self._applied(step).observe(step.seconds / events)

    def hook(self, step: Step) -> None:
        """Observe how long a hook of the host took."""
        name = _one_of(HOOKS, step.about["hook"])
        self.hook_seconds.labels(name, "error" if step.error_code else "ok").observe(step.seconds)

    def hold(self, step: Step) -> None:
        """Count a request that was held on to, by how it ended."""
        self.holds.labels("given_up" if step.error_code else "recovered").inc()

    def _applied(self, step: Step) -> Any:
        state = IngestEvent.State.FAILED if step.error_code else step.about.get("state")
        event_type = event_types.label(step.about.get("event_type"))
        return self.apply_seconds.labels(event_type, _one_of(STATES, state))

    # Counts

    def count_event(self, event_type: str, state: str) -> None:
        """Count an event by the state that it came to."""
        self.events.labels(event_type, _one_of(STATES, state)).inc()

    def count_retry(self, reason: str) -> None:
        """Count a transaction that was begun again."""
        self.retries.labels(reason).inc()

    def count_no_place(self) -> None:
        """Count a request that could not be held on to, since too many were."""
        self.holds.labels("no_place").inc()


def _one_of(known: frozenset[str], value: object) -> str:
    return str(value) if isinstance(value, str) and value in known else OTHER
