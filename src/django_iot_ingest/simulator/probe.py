"""Ask once whether anybody listens, before a fleet is let go."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from django_iot_ingest import client
from django_iot_ingest.client import Answer
from django_iot_ingest.simulator.line import Line, LogInFailed, LogIns
from django_iot_ingest.simulator.options import Unusable

NOT_FOUND, NOT_ALLOWED = 404, 405

MOST_SKEW = 2.0
"""Seconds between the server's clock and ours from which on the outcome of late events is open."""


def check(line: Line, threads: int) -> list[str]:
    """Return what limits a run against this endpoint; ``Unusable`` if there is none to be had.

    The request has no signature: an endpoint refuses it, and keeps nothing.
    """
    try:
        answer = client.post(line.url, b"{}", {"Content-Type": "application/json"})
    except ValueError as error:
        raise Unusable(f"--url: {error}") from None
    if not answer.status:
        raise Unusable(f"{line.url} does not answer: {answer.trouble}")
    if answer.is_redirect or answer.status in (NOT_FOUND, NOT_ALLOWED):
        raise Unusable(f"{line.url} answers {answer.status}: the endpoint is elsewhere")
    notes = _skew(answer)
    _log_in(line, threads)
    return notes


def _log_in(line: Line, threads: int) -> None:
    if not isinstance(line.bearers, LogIns):
        return
    try:
        line.bearers.prepare(threads)
    except (LogInFailed, ValueError) as error:
        raise Unusable(f"--login: {error}") from None


def _skew(answer: Answer) -> list[str]:
    """Say so if the server's clock is not ours; it tells whole seconds."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return []
    skew = abs(time.time() - date - 0.5)
    if skew <= MOST_SKEW:
        return []
    return [f"the server's clock is {skew:.0f} s off: what late events do cannot be foretold"]
