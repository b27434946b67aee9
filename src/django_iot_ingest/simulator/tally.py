"""What was sent and what came back, counted; memory does not grow with the length of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django_iot_ingest import logs
from django_iot_ingest.client import Answer
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.histogram import Histogram
from django_iot_ingest.simulator.line import NOT_AUTHENTICATED, Attempt

MOST_EXAMPLES = 20
"""Texts of one kind that are kept; beyond that they are only counted."""


class Examples:
    """Texts of what was wrong: the first of them, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        if len(self.texts) < MOST_EXAMPLES:
            self.texts.append(text)


@dataclass
class Tally:
    """The counts of one run."""

    events: Counter[str] = field(default_factory=Counter)
    """Events by type, each counted once."""

    requests: Counter[str] = field(default_factory=Counter)
    """Requests by type, with retries, copies and those whose connection was reset."""

    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By status and what it said: the state, or the error; status 0 is no answer."""

    trouble: Counter[str] = field(default_factory=Counter)
    """Events that met each kind of chaos."""

    latency: Histogram = field(default_factory=Histogram)
    retries: int = 0
    log_ins: int = 0
    rentals: int = 0
    late: int = 0
    """Events whose answer took so long that nobody can tell which times they were given."""

    unexpected: Examples = field(default_factory=Examples)
    given_up: Examples = field(default_factory=Examples)
    faults: Examples = field(default_factory=Examples)
    """What went wrong on our own side: a rental that could not be made."""

    slipped: Counter[str] = field(default_factory=Counter)
    """Events that were due and could not be sent in time, by what held them back."""

    def begin(self, delivery: Delivery) -> None:
        """Count a new event."""
        self.events[delivery.occurrence.event_type] += 1
        if delivery.plan.kind is not None:
            self.trouble[str(delivery.plan.kind)] += 1
        self.retries += delivery.plan.unsent if delivery.plan.unsent < 3 else 2

    def hear(self, delivery: Delivery, attempt: Attempt) -> None:
        """Count what one try has sent and heard."""
        self.requests[delivery.occurrence.event_type] += len(attempt.answers) + attempt.cuts
        self.log_ins += len(attempt.answers) - 1
        for answer in attempt.answers:
            self.answers[answer.status, word_of(answer)] += 1
            if answer.status:
                self.latency.add(answer.seconds)
        last = attempt.answers[-1]
        if not last.is_success:
            self.unexpected.add(f"{delivery.occurrence}: {told(last)}")

    @property
    def refusals(self) -> Counter[str]:
        """Return how often each error was answered."""
        found: Counter[str] = Counter()
        for (status, word), count in self.answers.items():
            if status >= 400:
                found[word or str(status)] += count
        return found

    @property
    def sent(self) -> int:
        """Return the number of events."""
        return self.events.total()


def word_of(answer: Answer) -> str:
    """Return what an answer says in one word: the event's state, or the error; for a terminal."""
    body = answer.json()
    data = body.get("data")
    word = data.get("state") if isinstance(data, dict) else body.get("error")
    return logs.escaped(word)[:40] if isinstance(word, str) else ""


def told(answer: Answer) -> str:
    """Return in words what was answered instead of a 200."""
    if not answer.status:
        return f"no answer ({answer.trouble})"
    hint = ", and no log-in helped" if answer.status == NOT_AUTHENTICATED else ""
    return f"{answer.status} {word_of(answer)}".rstrip() + hint
