"""``manage.py iot_drain``: apply what requests have kept, in deferred mode."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from django_iot_ingest import drain, faults, logs
from django_iot_ingest.database import close_connections

logger = logging.getLogger(__name__)

LONGEST_BACK_OFF = 30.0


class Command(BaseCommand):
    """For hosts without ``django.tasks``, ``--forever`` is a worker; any number may run at once."""

    help = "Apply the events that deferred mode has kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bounds of one run, or to go on for ever."""
        parser.add_argument("--limit", type=int, default=drain.LIMIT, help="most events to apply")
        parser.add_argument("--seconds", type=float, default=drain.SECONDS, help="longest time")
        parser.add_argument("--forever", action="store_true", help="go on until SIGTERM or SIGINT")
        parser.add_argument(
            "--interval", type=float, default=1.0, help="seconds between two looks, if forever (1)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply what waits, and print how many events ended in which state."""
        if options["forever"]:
            self.work(options["interval"])
            return
        states = drain.drain(options["limit"], options["seconds"])
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        self.stdout.write(told or "nothing waited")

    def work(self, interval: float) -> None:
        """Drain again and again; the event that is being applied at the end is finished first."""
        stop = threading.Event()
        kept = {
            number: signal.signal(number, lambda *_: stop.set())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            pause = interval
            while not stop.is_set():
                try:
                    states = drain.drain(is_over=stop.is_set)
                    close_old_connections()
                    pause = 0 if states else interval
                except Exception as error:  # noqa: BLE001 - told by its trace
                    self.recover(error)
                    pause = min(max(pause, interval) * 2, LONGEST_BACK_OFF)
                stop.wait(pause)
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def recover(self, error: Exception) -> None:
        """Let go of connections that may be lost; what was not applied waits on."""
        if logs.throttle.take("iot_drain") is not None:
            told = {"error_code": faults.code_of(error)}
            logger.error("StationSyncService could not drain%s", logs.trace(error), extra=told)
        close_connections()
