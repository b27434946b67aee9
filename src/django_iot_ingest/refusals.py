"""Refused requests: counted by reason and minute, logged once a minute for each reason.

Nobody who is not let in can fill a disk, a table or a log with it: nothing is written when a request
is refused. The counts of a process are stored, at most every ``STORE_SECONDS``, by its next request
whose bearer token holds; the fleet page adds them up. An observer who wants each refusal connects to
``signals.request_refused``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import UTC, datetime

from django_iot_ingest import faults, logs
from django_iot_ingest.database import alias, has_time, in_transaction
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.models import RefusalCount
from django_iot_ingest.times import native

logger = logging.getLogger(__name__)

KEEP_MINUTES = 60

STORE_SECONDS = 15.0
"""Seconds between two times that a process stores its counts."""

SIGNATURE_ERRORS = frozenset({"INVALID_SIGNATURE", "STALE_TIMESTAMP"})


class Tally:
    """Count by minute and reason, for the last ``KEEP_MINUTES``."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._minutes: dict[int, Counter[str]] = {}
        self._unstored: Counter[tuple[int, str]] = Counter()
        self._store_at = 0.0

    def add(self, reason: str) -> None:
        """Count one refusal in the minute that it is now."""
        minute = int(time.time()) // 60
        with self._guard:
            self._minutes.setdefault(minute, Counter())[reason] += 1
            self._unstored[minute, reason] += 1
            self._forget(minute)

    def counts(self) -> dict[datetime, dict[str, int]]:
        """Return how often each reason was given, by the minute (aware, UTC)."""
        minute = int(time.time()) // 60
        with self._guard:
            self._forget(minute)
            kept = sorted(self._minutes.items())
            return {_moment(minute): dict(reasons) for minute, reasons in kept}

    def take_unstored(self) -> dict[tuple[datetime, str], int]:
        """Return the counts that nobody has stored, by minute and reason, if it is time for that."""
        if not self._unstored or time.monotonic() < self._store_at:
            return {}
        with self._guard:
            self._store_at = time.monotonic() + STORE_SECONDS
            taken, self._unstored = self._unstored, Counter()
        return {(_moment(minute), reason): count for (minute, reason), count in taken.items()}

    def unstored(self) -> dict[tuple[datetime, str], int]:
        """Return the counts that nobody has stored, by minute and reason, and leave them."""
        with self._guard:
            kept = dict(self._unstored)
        return {(_moment(minute), reason): count for (minute, reason), count in kept.items()}

    def clear(self) -> None:
        """Forget every count."""
        with self._guard:
            self._minutes.clear()
            self._unstored.clear()
            self._store_at = 0.0

    def _forget(self, now: int) -> None:
        for minute in [minute for minute in self._minutes if minute <= now - KEEP_MINUTES]:
            del self._minutes[minute]
        # Nobody may ever come who can store them.
        for key in [key for key in self._unstored if key[0] <= now - KEEP_MINUTES]:
            del self._unstored[key]


tally = Tally()
"""The one of this process."""


def counts() -> dict[datetime, dict[str, int]]:
    """Return this process's refusals of the last hour: by minute (aware, UTC), by reason."""
    return tally.counts()


def store(arrived: float) -> None:
    """Store this process's counts if it is time for that; for requests whose bearer token held.

    Rows are only ever added, so no two processes wait for each other. Of a request that ``arrived``
    (on the monotonic clock) too long ago the answer comes first.
    """
    counts = tally.take_unstored() if has_time(arrived) else {}
    if not counts:
        return
    rows = [
        RefusalCount(minute=native(minute), reason=reason[:32], count=count)
        for (minute, reason), count in counts.items()
    ]
    try:
        insert = RefusalCount.objects.using(alias()).bulk_create
        in_transaction(lambda: insert(rows), arrived=arrived)
    except Exception as error:  # noqa: BLE001 - the answer does not depend on it
        if logs.throttle.take("counts") is not None:
            code = faults.code_of(error)
            told = {"error_code": code}
            logger.warning("counts of refusals were not stored: %s", code, extra=told)


def note(
    refusal: Refusal,
    request_id: str,
    unexpected: Exception | None = None,
    *,
    is_kept: bool = False,
) -> None:
    """Count a refusal and log it, unless its reason was logged within a minute.

    What is kept for ``iot_doctor`` is logged in any case: its id leads to both. ``unexpected`` is the error that made us refuse; its words may be the request's, and are not shown.
    """
    tally.add(refusal.error)
    kind = (refusal.error, None if unexpected is None else type(unexpected))
    held_back = logs.throttle.take(kind)
    if held_back is None and not is_kept:
        return
    about = "the signature: " if refusal.error in SIGNATURE_ERRORS else ""
    more = f"; {held_back} more since the last such line" if held_back else ""
    line = "StationDataInternalView refused %s%s, request %s%s"
    fields = {"request_id": request_id, "reason": refusal.error, "held_back": held_back or 0}
    logger.warning(line, about, refusal.error, request_id, more, extra=fields)
    if unexpected is not None:
        code, trace = faults.code_of(unexpected), logs.trace(unexpected, with_words=False)
        line = "StationDataInternalView failed, request %s: %s%s"
        logger.error(line, request_id, code, trace, extra=fields | {"error_code": code})


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(60 * minute, UTC)
