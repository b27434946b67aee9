"""Hold on while the database is away: the gateway's three tries are over in six seconds.

A return that a 503 answers three times is forgotten for good. So while the database restarts or
fails over, a signed return waits here instead, a few at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connections

from django_iot_ingest import faults, telemetry
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.database import alias, close_connections

logger = logging.getLogger(__name__)

HOLD_SECONDS = 8.0
"""Seconds after its arrival that a request is held; the gateway gives up after fifteen."""

PAUSE = 0.2
"""Seconds before the first try again; each pause is twice as long, up to ``LONGEST_PAUSE``."""

LONGEST_PAUSE = 1.0

Result = TypeVar("Result")


def hold_on(work: Callable[[], Result], arrived: float | None) -> Result:
    """Return what ``work`` returns, trying again while the database is away.

    ``arrived`` is the request's arrival on the monotonic clock; None holds nothing. Any other
    trouble is raised at once, and so is an outage while ``HOLD_MAX`` requests wait in this process.
    """
    try:
        return work()
    except (DatabaseError, InterfaceError) as error:
        if not may_hold(error, arrived):
            raise
        with _places.take(error), telemetry.step("hold"):
            return _try_until(work, (arrived or 0.0) + HOLD_SECONDS)


def may_hold(error: BaseException, arrived: float | None) -> bool:
    """Return whether waiting may help, and there is time left to."""
    if arrived is None or connections[alias()].in_atomic_block:
        return False
    return faults.is_outage(error) and time.monotonic() < arrived + HOLD_SECONDS


def _try_until(work: Callable[[], Result], deadline: float) -> Result:
    pause = PAUSE
    while True:
        close_connections()
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE, max(deadline - time.monotonic(), PAUSE))
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            if not faults.is_outage(error) or time.monotonic() >= deadline:
                raise


class _Places:
    """The places of this process where requests wait: at most ``HOLD_MAX`` at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = 0

    @contextmanager
    def take(self, error: BaseException) -> Iterator[None]:
        """Take a place, or raise the error."""
        with self._guard:
            if self._taken >= ingest_settings.HOLD_MAX:
                telemetry.count("holds_refused")
                raise error
            self._taken += 1
        code = faults.code_of(error)
        told = {"error_code": code}
        logger.warning("StationDataInternalView holds a return: %s", code, extra=told)
        try:
            yield
        finally:
            with self._guard:
                self._taken -= 1


_places = _Places()
