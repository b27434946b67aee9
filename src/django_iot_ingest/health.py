"""How the ingest is: for load balancers by a status code, for people and alerts by numbers.

A silent gateway, or an event that waits too long, is a reason for attention. It is none to take a
process out: only a database that does not answer is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, JsonResponse

from django_iot_ingest import event_types, ledger, overview
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.operators import OperatorView, may_see
from django_iot_ingest.overview import Overview

OK, ATTENTION, UNAVAILABLE = "ok", "attention", "unavailable"

LATE = ledger.IN_FLIGHT.total_seconds() + 2 * 60
"""Seconds that an event may wait: until nobody is about to apply it, and two rounds of the sweeper,
which runs every minute."""

State = IngestEvent.State


def report() -> dict[str, Any]:
    """Return how the ingest is, as plain data. Numbers only: no serial number, no text of a device.

    ``status`` is ``ok``, ``attention`` or ``unavailable``; ``reasons`` says why, each with what was
    seen and the threshold that it is over. This never fails, and takes ``overview.WITHIN`` seconds
    at most.
    """
    found = overview.get()
    if not found.is_up:
        return {"status": UNAVAILABLE, "database": _database(found), "reasons": []}
    now = time.time()
    reasons = list(_reasons(found, now))
    return {
        "status": ATTENTION if reasons else OK,
        "reasons": reasons,
        "database": _database(found),
        "last_events": {name: _last(at, now) for name, at in found.last_events.items()},
        "backlog": {
            state: {"count": backlog.count, "oldest_age": _age(backlog.oldest, now)}
            for state, backlog in found.backlog.items()
        },
        "dead": found.backlog[State.DEAD].count,
    }


class HealthView(OperatorView):
    """``GET``: 200 while the database answers, otherwise 503, in bounded time.

    Everybody is told the status. The report is for whoever has the bearer ``token`` that ``as_view``
    is given, and for staff that may see the fleet page.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        """Return the report, or the status alone."""
        found = report()
        if found["status"] == UNAVAILABLE:
            # Who asks is not looked up: that may be in the same database.
            return JsonResponse({"status": UNAVAILABLE}, status=503)
        is_shown = may_see(request, self.token)
        return JsonResponse(found if is_shown else {"status": found["status"]})


def _database(found: Overview) -> dict[str, Any]:
    return {"up": found.is_up, "seconds": round(found.seconds, 6)}


def _last(at: float | None, now: float) -> dict[str, float | None]:
    return {"at": at, "age": _age(at, now)}


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(round(now - at, 3), 0.0)


def _reasons(found: Overview, now: float) -> Iterator[dict[str, Any]]:
    """Yield what is over its threshold; a value of None is older than anybody remembers."""
    backlog, silence = found.backlog, ingest_settings.OFFLINE_AFTER
    if any(found.stations.values()):  # else there is nobody to be heard
        heard = [at for at in found.last_events.values() if at is not None]
        ages = {"silent": max(heard, default=None)}
        ages["no_snapshot"] = found.last_events.get(event_types.Full.name)
        for code, at in ages.items():
            if at is None or now - at > silence:
                yield _reason(code, _age(at, now), silence)
    # By ``silence`` a station has sent a snapshot, which makes it and its banks known.
    limits = {State.RECEIVED: LATE, State.FAILED: LATE, State.DEFERRED: silence}
    for state, limit in limits.items():
        at = backlog[state].oldest
        if at is not None and now - at > limit:
            yield _reason(f"{state}_waits", _age(at, now), limit)
    if backlog[State.DEAD].count:
        yield _reason("dead", backlog[State.DEAD].count, 0)


def _reason(code: str, value: float | None, threshold: float) -> dict[str, Any]:
    return {"code": code, "value": value, "threshold": threshold}
