"""Deferred mode: apply what requests have kept. Any number of workers may do so at once."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from django_iot_ingest import journal, pending
from django_iot_ingest.batch import apply_one, apply_stations
from django_iot_ingest.conf import is_deferred
from django_iot_ingest.database import in_transaction

logger = logging.getLogger(__name__)

LIMIT = 10_000
"""Events that one drain applies, about."""

SECONDS = 30.0
"""Seconds that one drain goes on, about: a task is no place to stay."""

RETURNS = 100
"""Returns that are looked for at once."""

STATIONS = 200
"""Stations of one batch; returns that have come meanwhile are applied before the next."""


def drain(
    limit: int = LIMIT, seconds: float = SECONDS, is_over: Callable[[], bool] = lambda: False
) -> Counter[str]:
    """Apply events that wait: returns first, then the rest by station; count how they ended.

    It ends when nothing is left that nobody else has taken, or after ``limit`` events, or after so
    many ``seconds``, or when it ``is_over``. In inline mode nothing waits for it.
    """
    states: Counter[str] = Counter()
    until = time.monotonic() + seconds

    def goes_on() -> bool:
        return states.total() < limit and time.monotonic() < until and not is_over()

    while is_deferred() and goes_on():
        done = _apply_returns(min(RETURNS, limit - states.total()), goes_on)
        states += done
        if goes_on():
            stations = pending.due_stations(min(STATIONS, limit - states.total()))
            others = apply_stations(stations)
            states += others
            done += others
        if not done:
            break
    if states:
        told = journal.fields(states=dict(states), duration=time.monotonic() - until + seconds)
        logger.info("StationSyncService drained: %s", dict(states), extra=told)
    return states


def is_behind() -> bool:
    """Return whether events wait that nobody has taken."""
    return is_deferred() and bool(pending.due_returns(1) or pending.due_stations(1))


def _apply_returns(limit: int, goes_on: Callable[[], bool]) -> Counter[str]:
    states: Counter[str] = Counter()
    for event_id in pending.due_returns(limit):
        if not goes_on():
            break
        if in_transaction(partial(pending.take_return, event_id)):
            states[apply_one(event_id)] += 1
    return states
