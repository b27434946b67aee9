"""What goes wrong, and when: on a seeded schedule that follows the progress of the run."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.nemesis.servers import DatabaseServer, ServerFailed
from tests.nemesis.workers import Application

KILL, RESTART = "kill", "restart"

FIRST, LAST = 0.03, 0.93
"""The part of the run in which things go wrong, so that every one of them meets traffic."""

POLL = 0.01


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """One thing that goes wrong once ``at`` returns have begun."""

    at: int
    what: str


def plan(returns: int, kills: int, restarts: int, seed: int) -> list[Strike]:
    """Spread kills and restarts over the run, each somewhere in a part of its own."""
    dice = random.Random(seed)
    strikes = []
    for what, times in ((KILL, kills), (RESTART, restarts)):
        width = (LAST - FIRST) / max(times, 1)
        moments = (FIRST + width * (index + dice.random()) for index in range(times))
        strikes += [Strike(round(moment * returns), what) for moment in moments]
    return sorted(strikes)


class Chaos(threading.Thread):
    """Strike as planned. ``progress`` says how many returns have begun."""

    def __init__(
        self,
        strikes: Sequence[Strike],
        progress: Callable[[], int],
        application: Application,
        server: DatabaseServer,
        seed: int,
    ) -> None:
        super().__init__(name="chaos", daemon=True)
        self.strikes = strikes
        self.progress = progress
        self.application = application
        self.server = server
        self.dice = random.Random(seed + 1)
        self.done: Counter[str] = Counter()
        self.error: Exception | None = None
        self.over = threading.Event()

    def run(self) -> None:
        try:
            for strike in self.strikes:
                while self.progress() < strike.at:
                    if self.over.wait(POLL):
                        return
                self.strike(strike.what)
        except Exception as error:  # noqa: BLE001 - raised by finish
            self.error = error

    def strike(self, what: str) -> None:
        """Do one thing, and count it once it is done."""
        if what == KILL:
            self.kill_a_worker()
        else:
            self.server.restart()
        self.done[what] += 1

    def kill_a_worker(self) -> None:
        """Send SIGKILL to one of the workers, as soon as there is one."""
        while not (workers := self.application.workers()):
            if self.application.master.poll() is not None:
                raise ServerFailed("gunicorn has ended by itself")
            time.sleep(POLL)
        os.kill(self.dice.choice(workers), signal.SIGKILL)

    def finish(self) -> None:
        """Wait for the last strike, or raise what went wrong with going wrong."""
        self.over.set()
        self.join()
        if self.error is not None:
            raise self.error
