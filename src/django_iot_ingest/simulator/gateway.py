"""Deliver events by the gateway's rules, on a bounded number of threads.

The threads know bodies alone. All books are kept by whoever calls ``begin`` and ``collect``.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from django_iot_ingest.client import Answer
from django_iot_ingest.simulator.delivery import OFFSETS, TRIES, Delivery
from django_iot_ingest.simulator.line import Attempt, Line
from django_iot_ingest.simulator.tally import Tally, word_of
from django_iot_ingest.times import SKEW_TOLERANCE

AGAIN = 0.1
"""Seconds until a held event is tried again to be sent, while another one of its station is."""

LATE_SECONDS = SKEW_TOLERANCE - 1.0
"""What waits longer than ``SKEW_TOLERANCE`` before it is read looks as if its clock was off."""

MAYBE_APPLIED = 500
"""A status from here on, as no answer, leaves open whether the event was applied."""


class Gateway:
    """Post events, retry them, and say which ones are over.

    ``arrived`` is called at the first 200 that an event gets, with the answer.
    """

    def __init__(
        self, line: Line, threads: int, tally: Tally, arrived: Callable[[Delivery, Answer], None]
    ) -> None:
        self.line = line
        self.threads = threads
        self.tally = tally
        self.arrived = arrived
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="gateway")
        self.heard: queue.SimpleQueue[tuple[Delivery, Attempt]] = queue.SimpleQueue()
        self.under_way = 0
        self.waiting: deque[Delivery] = deque()
        """Deliveries with a request that is due and has no thread yet."""

        self.later: list[tuple[float, int, Delivery]] = []
        self.numbers = itertools.count()

    @property
    def is_busy(self) -> bool:
        """Return whether a new event would have to wait for a thread."""
        return self.under_way >= self.threads

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is on its way any more."""
        return not (self.under_way or self.waiting or self.later)

    def begin(self, delivery: Delivery, now: float) -> None:
        """Send a new event, or hold it back if its first tries are not to arrive."""
        self.tally.begin(delivery)
        unsent = delivery.plan.unsent
        delivery.station.is_busy = not delivery.is_free
        delivery.is_held = delivery.plan.is_overtaken
        if unsent == 0:
            self._try(delivery)
        elif unsent < TRIES:
            delivery.tries = unsent
            self._postpone(delivery, now + OFFSETS[unsent])

    def collect(self, now: float, timeout: float) -> Iterator[Delivery]:
        """Send what is due, wait for answers, and yield the events that are over."""
        self._send_due(now)
        try:
            heard = self.heard.get(timeout=max(timeout, 0.001))
            while True:
                if self._is_over(*heard):
                    yield heard[0]
                heard = self.heard.get_nowait()
        except queue.Empty:
            self._send_waiting()

    def next_at(self) -> float:
        """Return when the next try is due."""
        return self.later[0][0] if self.later else float("inf")

    def abandon(self) -> list[Delivery]:
        """Forget what is not under way; return it."""
        left = [*self.waiting, *(delivery for _, _, delivery in self.later)]
        self.waiting.clear()
        self.later.clear()
        return left

    def close(self) -> None:
        """Let go of the threads."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    # Sending

    def _try(self, delivery: Delivery) -> None:
        self.waiting.extend([delivery] * delivery.begin_try())
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self.waiting and not self.is_busy:
            self.under_way += 1
            self.pool.submit(self._send, self.waiting.popleft())

    def _send(self, delivery: Delivery) -> None:
        """Make one try; this runs on a thread of the pool."""
        body, cuts = delivery.occurrence.body, delivery.plan.cuts if delivery.tries == 1 else 0
        started = time.monotonic()
        try:
            attempt = self.line.attempt(body, cuts)
        except Exception as error:  # noqa: BLE001 - told as an answer that did not come
            trouble = type(error).__name__
            answer = Answer(0, trouble=trouble, seconds=time.monotonic() - started)
            attempt = Attempt((answer,))
        self.heard.put((delivery, attempt))

    def _send_due(self, now: float) -> None:
        while self.later and self.later[0][0] <= now:
            _, _, delivery = heapq.heappop(self.later)
            if delivery.is_held and delivery.station.is_busy:
                self._postpone(delivery, now + AGAIN)
                continue
            delivery.station.is_busy, delivery.is_held = True, False
            self._try(delivery)

    def _postpone(self, delivery: Delivery, due: float) -> None:
        heapq.heappush(self.later, (due, next(self.numbers), delivery))

    # Hearing

    def _is_over(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Take what a request has heard; return whether the event is over."""
        self.under_way -= 1
        delivery.pending -= 1
        delivery.unseen += attempt.cuts
        self.tally.hear(delivery, attempt)
        self._note(delivery, attempt.answers[-1])
        return not delivery.pending and self._is_done(delivery)

    def _note(self, delivery: Delivery, answer: Answer) -> None:
        delivery.is_late = delivery.is_late or answer.seconds >= LATE_SECONDS
        if answer.is_success:
            delivery.is_heard = True
            delivery.states[word_of(answer)] += 1
            if not delivery.is_delivered:
                self.arrived(delivery, answer)
        elif not answer.status or answer.status >= MAYBE_APPLIED:
            delivery.unseen += 1

    def _is_done(self, delivery: Delivery) -> bool:
        if delivery.is_over():
            if not delivery.wants_copy():
                return True
            self.waiting.append(delivery)
            return False
        pause = delivery.pause()
        if pause is None:
            return True
        self.tally.retries += 1
        self._postpone(delivery, time.time() + pause)
        return False
