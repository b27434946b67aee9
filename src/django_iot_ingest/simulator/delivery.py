"""One event on its way, by the gateway's rules, and what may be answered to it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django_iot_ingest.client import PAUSES
from django_iot_ingest.simulator.chaos import Plan
from django_iot_ingest.simulator.expectation import APPLIED, STALE
from django_iot_ingest.simulator.hardware import Station
from django_iot_ingest.simulator.occurrences import Occurrence, Return

TRIES = len(PAUSES)

OFFSETS = tuple(itertools.accumulate(PAUSES))
"""Seconds after the event at which each try is made."""

DUPLICATE, QUEUED = "duplicate", "queued"


@dataclass(slots=True)
class Delivery:
    """An event, what goes wrong with it, and what was answered so far.

    ``then`` names what the station does next.
    """

    station: Station
    occurrence: Occurrence
    plan: Plan
    then: str = ""
    tries: int = 0
    copies: int = 0
    """Copies that were sent after it had arrived."""

    pending: int = 0
    """Requests under way."""

    states: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    """Requests without an answer, which may have been applied all the same."""

    expected: str = ""
    """The state that the event has to be answered with, once it has arrived."""

    is_heard: bool = False
    """Whether a request of the newest try was answered with 200."""

    is_late: bool = False
    """Whether an answer took so long that the event's times may have counted as another clock's."""

    is_held: bool = False
    """Whether other events of its station go on before it."""

    @property
    def is_free(self) -> bool:
        """Return whether its station can go on before it: it is held back, or never comes at all."""
        return self.plan.is_overtaken or self.plan.unsent >= TRIES

    @property
    def is_delivered(self) -> bool:
        """Return whether it was answered with 200, be it that the gateway did not hear it."""
        return bool(self.expected)

    def begin_try(self) -> int:
        """Count a try, and return how many requests it makes at once."""
        at_once = self.plan.copies if self.plan.is_at_once and self.tries == 0 else 0
        self.tries += 1
        self.is_heard = False
        self.pending += 1 + at_once
        return 1 + at_once

    def is_over(self) -> bool:
        """Return whether the gateway is content: it has heard a 200."""
        return self.is_heard and self.tries > self.plan.unheard

    def wants_copy(self) -> bool:
        """Return whether the same body comes once more, and count it."""
        if self.plan.is_at_once or self.copies >= self.plan.copies:
            return False
        self.copies += 1
        self.pending += 1
        return True

    def pause(self) -> float | None:
        """Return the seconds until the next try, None if the event is forgotten."""
        return PAUSES[self.tries] if self.tries < TRIES else None

    def wrong(self, *, is_deferred: bool, is_open: bool = False) -> Iterator[str]:
        """Yield what was answered with 200, and may not be answered to this event.

        ``is_open`` says that nothing certain is known of its station.
        """
        if not isinstance(self.occurrence.told, Return):
            foretold = {APPLIED, STALE} if is_open else {self.expected}
            allowed = {QUEUED} if is_deferred else foretold
        else:
            allowed = {QUEUED, DUPLICATE} if is_deferred else {APPLIED, DUPLICATE}
            yield from self._wrong_number(is_deferred)
        for state in sorted(self.states.keys() - allowed):
            told = " or ".join(sorted(allowed))
            yield f"{self.occurrence}: answered {state or 'no state'}, where only {told} may be"

    def _wrong_number(self, is_deferred: bool) -> Iterator[str]:
        applied = self.states[APPLIED]
        if applied > 1:
            yield f"{self.occurrence}: applied {applied} times, by the answers to its copies"
        elif applied == 0 and not self.unseen and not is_deferred and self.states[DUPLICATE]:
            yield f"{self.occurrence}: answered duplicate, though it had never come before"
