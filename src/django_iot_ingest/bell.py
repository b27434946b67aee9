"""Ring for the drain: outside of requests, which neither wait for a broker nor fail for it.

What is rung for is in the inbox already. So a process that dies with a ring owed loses nothing: the
next ring of any process, or the sweeper, makes up for it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from django_iot_ingest import faults, logs
from django_iot_ingest.database import close_connections

logger = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds from one task that is enqueued to the next: a process enqueues no more than that."""

LONGEST_BACK_OFF = 10.0
"""Seconds between two tries while the broker is away; the first pause is ``PAUSE``."""


def enqueue_drain() -> None:
    """Put the drain on the queue of ``django.tasks``; nothing without it: a command drains then."""
    try:
        from django_iot_ingest.tasks import iot_drain
    except ImportError as error:
        if logs.throttle.take("no tasks") is not None:
            logger.info("There is no django.tasks to ring for the drain: %s", error)
        return
    iot_drain.enqueue()


class Bell:
    """Enqueue the drain after each ring, by one daemon thread that lives while rings are owed.

    Rings during a pause are one, which is answered after it.
    """

    def __init__(
        self,
        enqueue: Callable[[], object] = enqueue_drain,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._enqueue = enqueue
        self._wait = wait
        self._guard = threading.Lock()
        self._is_owed = False
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Owe one more drain from here on."""
        with self._guard:
            self._is_owed = True
            if self._thread is None or not self._thread.is_alive():
                self._thread = self._start()

    def is_here(self) -> bool:
        """Return whether the caller runs in the bell's own thread."""
        return threading.current_thread() is self._thread

    def join(self, seconds: float) -> bool:
        """Wait until no ring is owed, at most so long; return whether none is."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return not self._is_owed

    def _start(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name="iot-ingest-bell", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._tell("No thread can be started to ring for the drain", error)
            return None
        return thread

    def _run(self) -> None:
        try:
            while self._take():
                self._enqueue_at_last()
                self._wait(PAUSE)
        finally:
            close_connections()

    def _take(self) -> bool:
        """Take the ring that is owed; without one the thread is given up in the same moment."""
        with self._guard:
            is_owed, self._is_owed = self._is_owed, False
            if not is_owed:
                self._thread = None
            return is_owed

    def _enqueue_at_last(self) -> None:
        """Enqueue one task, however long the broker or the database is away."""
        pause = PAUSE
        while True:
            try:
                self._enqueue()
                return
            except Exception as error:  # noqa: BLE001 - told by its trace
                self._tell("The drain could not be enqueued, and is tried again", error)
            close_connections()
            self._wait(pause)
            pause = min(pause * 2, LONGEST_BACK_OFF)

    def _tell(self, what: str, error: Exception) -> None:
        if logs.throttle.take(what) is not None:
            told = {"error_code": faults.code_of(error)}
            logger.error("%s%s", what, logs.trace(error), extra=told)


def ring() -> None:
    """Ask for a drain soon, and return at once."""
    _bell.ring()


def again(enqueue: Callable[[], object]) -> None:
    """Ask for one more drain from inside of one.

    At once, since a worker's process may end with its task; but an immediate backend runs the task
    in the bell's own thread, where that would never come back.
    """
    if _bell.is_here():
        _bell.ring()
    else:
        enqueue()


def _renew() -> None:
    """Start afresh in a forked process: it has none of our threads, and perhaps their locks."""
    global _bell
    _bell = Bell()


_bell = Bell()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
