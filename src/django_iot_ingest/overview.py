"""What the tables say of the whole: asked in four statements, however large the fleet.

``metrics`` and ``health`` tell it on. A thread asks, so that whoever wants to know waits
``WITHIN`` seconds at most, however long a database does not answer; and one at a time, at most
every ``FRESH_SECONDS``, however many want to know.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import connections
from django.db.models import Count, Min, OuterRef, Subquery

from django_iot_ingest import event_types, faults, ledger, logs
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.database import alias, in_transaction
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, IngestEvent
from django_iot_ingest.times import aware

logger = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""Seconds that an answer is good for."""

WITHIN = 3.0
"""Seconds after which a database that is asked does not answer."""

NEWEST = 100_000
"""Rows of the inbox, the newest, among which the last event of a type is looked for."""

OTHER = "other"
"""Any status that is none of the package's own."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait in one state, and since when the oldest does (unix seconds)."""

    count: int = 0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the database said, and when, in unix seconds; all else is empty if it ``is_up`` not."""

    asked_at: float
    is_up: bool = False
    seconds: float = 0.0
    """How long it took."""
    backlog: Mapping[str, Backlog] = field(default_factory=dict)
    """By state: each of those of events that were accepted and not applied."""
    last_events: Mapping[str, float | None] = field(default_factory=dict)
    """By type: when the last one was received; None if it is not among the ``NEWEST``."""
    stations: Mapping[str, int] = field(default_factory=dict)
    power_banks: Mapping[str, int] = field(default_factory=dict)


class Asker:
    """Ask by one thread at a time; who comes meanwhile gets its answer too."""

    def __init__(self, ask: Callable[[], Overview]) -> None:
        self._ask = ask
        self._guard = threading.Condition()
        self._known: Overview | None = None
        self._known_at = 0.0
        self._is_asking = False

    def get(self) -> Overview:
        """Return a fresh answer; one that says that the database is down if none comes in time."""
        with self._guard:
            if (known := self._fresh()) is not None:
                return known
            if not self._is_asking:
                self._start()
            if not self._guard.wait_for(lambda: self._fresh() is not None, WITHIN):
                self._keep(Overview(time.time(), seconds=WITHIN))
            return self._known or Overview(time.time())

    def clear(self) -> None:
        """Forget the answer."""
        with self._guard:
            self._known = None

    def _fresh(self) -> Overview | None:
        is_fresh = time.monotonic() < self._known_at + FRESH_SECONDS
        return self._known if is_fresh else None

    def _keep(self, overview: Overview) -> None:
        self._known, self._known_at = overview, time.monotonic()

    def _start(self) -> None:
        self._is_asking = True
        thread = threading.Thread(target=self._run, name="iot-ingest-overview", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._is_asking = False
            self._keep(Overview(time.time()))

    def _run(self) -> None:
        try:
            found = self._ask()
        finally:
            with self._guard:
                self._is_asking = False
        with self._guard:
            self._keep(found)
            self._guard.notify_all()


def get() -> Overview:
    """Return what the tables say, not older than ``FRESH_SECONDS``; this never fails."""
    return _asker.get()


def clear() -> None:
    """Forget what they said."""
    _asker.clear()


def ask() -> Overview:
    """Ask the database, over a connection of this thread's own, and close it."""
    at, started = time.time(), time.monotonic()
    try:
        is_sqlite = connections[alias()].vendor == "sqlite"
        # A transaction bounds each statement's time; SQLite's could wait for a writer.
        found = _read() if is_sqlite else in_transaction(_read)
        return Overview(at, True, time.monotonic() - started, **found)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known
        if logs.throttle.take("overview") is not None:
            code = faults.code_of(error)
            trace = logs.trace(error)
            line = "The database did not tell of the whole: %s%s"
            logger.warning(line, code, trace, extra={"error_code": code})
        return Overview(at, False, time.monotonic() - started)
    finally:
        connections.close_all()


def _read() -> dict[str, Any]:
    return {
        "backlog": _backlog(),
        "last_events": _last_events(),
        "stations": _by_status(get_station_model(), AbstractStation.Status.values),
        "power_banks": _by_status(get_power_bank_model(), AbstractPowerBank.Status.values),
    }


def _backlog() -> Mapping[str, Backlog]:
    waiting = ledger.rows().filter(state__in=IngestEvent.UNAPPLIED).values("state").order_by()
    found = waiting.annotate(count=Count("pk"), oldest=Min("received_at"))
    backlog = {str(state): Backlog() for state in IngestEvent.UNAPPLIED}
    for row in found:
        backlog[row["state"]] = Backlog(row["count"], _unix(row["oldest"]))
    return MappingProxyType(backlog)


def _last_events() -> Mapping[str, float | None]:
    """Ask once for all types, each along the primary key from its end: no index knows the type."""
    names = event_types.names()
    newest = ledger.rows().order_by("-pk")
    told = newest.exclude(state=IngestEvent.State.REFUSED).filter(
        pk__gt=OuterRef("pk") - NEWEST  # type: ignore[operator]
    )
    columns = {
        # No type's name, which is any text, becomes a name in SQL.
        f"type_{number}": Subquery(told.filter(event_type=name).values("received_at")[:1])
        for number, name in enumerate(names)
    }
    row = newest.values_list(*columns.values())[:1].first() if columns else None
    return MappingProxyType(dict(zip(names, map(_unix, row or [None] * len(names)), strict=True)))


def _by_status(model: type[Any], known: list[str]) -> Mapping[str, int]:
    rows = model._base_manager.using(alias()).values("status").order_by()
    counts = dict.fromkeys([*known, OTHER], 0)
    for status, count in rows.annotate(count=Count("pk")).values_list("status", "count"):
        counts[status if status in counts else OTHER] += count
    return MappingProxyType(counts)


def _unix(moment: datetime | None) -> float | None:
    return None if moment is None else aware(moment).timestamp()


def _renew() -> None:
    """Start afresh in a forked process: the thread that asks is not in it."""
    global _asker
    _asker = Asker(ask)


_asker = Asker(ask)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
