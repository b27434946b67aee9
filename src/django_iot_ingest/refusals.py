"""Refused requests: counted by reason and minute, logged at most once a minute for each reason.

Nobody who is not let in can fill a disk, a table or a log with it. The counts are of one process and
of the last hour; an observer who wants them all connects to ``signals.request_refused``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import UTC, datetime

from django_iot_ingest import faults, logs
from django_iot_ingest.exceptions import Refusal

logger = logging.getLogger(__name__)

KEEP_MINUTES = 60

SIGNATURE_ERRORS = frozenset({"INVALID_SIGNATURE", "STALE_TIMESTAMP"})


class Tally:
    """Count by minute and reason, for the last ``KEEP_MINUTES``."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._minutes: dict[int, Counter[str]] = {}

    def add(self, reason: str) -> None:
        """Count one refusal in the minute that it is now."""
        minute = int(time.time()) // 60
        with self._guard:
            self._minutes.setdefault(minute, Counter())[reason] += 1
            self._forget(minute)

    def counts(self) -> dict[datetime, dict[str, int]]:
        """Return how often each reason was given, by the minute (aware, UTC)."""
        minute = int(time.time()) // 60
        with self._guard:
            self._forget(minute)
            kept = sorted(self._minutes.items())
            return {datetime.fromtimestamp(60 * m, UTC): dict(reasons) for m, reasons in kept}

    def clear(self) -> None:
        """Forget every count."""
        with self._guard:
            self._minutes.clear()

    def _forget(self, now: int) -> None:
        for minute in [minute for minute in self._minutes if minute <= now - KEEP_MINUTES]:
            del self._minutes[minute]


tally = Tally()
"""The one of this process."""


def counts() -> dict[datetime, dict[str, int]]:
    """Return this process's refusals of the last hour: by minute (aware, UTC), by reason."""
    return tally.counts()


def note(refusal: Refusal, request_id: str, unexpected: Exception | None = None) -> None:
    """Count a refusal and log it, unless its reason was logged within a minute.

    ``unexpected`` is the error that made us refuse; its words may be the request's, and are not shown.
    """
    tally.add(refusal.error)
    kind = (refusal.error, None if unexpected is None else type(unexpected))
    held_back = logs.throttle.take(kind)
    if held_back is None:
        return
    about = "the signature: " if refusal.error in SIGNATURE_ERRORS else ""
    more = f"; {held_back} more since the last such line" if held_back else ""
    line = "StationDataInternalView refused %s%s, request %s%s"
    logger.warning(line, about, refusal.error, request_id, more)
    if unexpected is not None:
        code, trace = faults.code_of(unexpected), logs.trace(unexpected, with_words=False)
        logger.error("StationDataInternalView failed, request %s: %s%s", request_id, code, trace)
