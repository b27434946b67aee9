"""Let a fleet go: this thread decides what happens and keeps all books; the gateway's only send."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from django_iot_ingest.client import TIMEOUT, Answer
from django_iot_ingest.simulator import hardware, rentals, tables
from django_iot_ingest.simulator.agenda import Agenda
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.gateway import Gateway
from django_iot_ingest.simulator.interrupts import Interrupt
from django_iot_ingest.simulator.line import Line
from django_iot_ingest.simulator.options import Options, Unusable
from django_iot_ingest.simulator.screen import Progress, Silent
from django_iot_ingest.simulator.summary import Summary
from django_iot_ingest.simulator.tally import Tally
from django_iot_ingest.simulator.watch import Watch, begin

CATCH_UP = 1.0
"""Seconds that the schedule may be behind and still be made up for; what is older has slipped."""

LOOK, SHORT_LOOK = 0.1, 0.02
"""Seconds between two looks, at most; the shorter one while an event is due and cannot be begun."""

SERVER, FLEET = "the server kept all threads waiting", "no station could send another one yet"
OURSELVES = "this machine was too busy to make them"
"""What may hold an event back."""

OTHER_DATABASE = (
    "the database of this project is not the one that the URL serves: the first event is not in "
    "its inbox. Leave out --rentals and --verify, or run the command in that project"
)

HasEvent = Callable[[object, str], bool]


class Runner:
    """One run of a fleet, from its first event to the last answer."""

    def __init__(
        self,
        options: Options,
        line: Line,
        *,
        rent: rentals.Rent | None = None,
        is_deferred: bool = False,
    ) -> None:
        dice = Random(options.seed)  # nosec B311
        self.options = options
        self.line = line
        self.rent = rent
        self.has_event: HasEvent | None = None
        """Asked once whether an event is in the project's own inbox."""

        self.is_deferred = is_deferred
        self.step = 1 / options.rate
        self.rental_step = options.rentals and 1 / options.rentals.per_second(options.rate)
        self.hindrance = OURSELVES
        self.tally = Tally()
        self.agenda = Agenda(options, hardware.build(options, dice), dice)
        self.expectation = self.agenda.expectation
        self.progress: Progress = Silent()
        self.gateway = Gateway(line, options.threads, self.tally, self._arrived)
        self.is_over = False
        """Whether no further event is to be begun, whatever the time is."""

        self.is_foreign = False
        self.interrupt = Interrupt()
        self.left_behind = 0
        self.seconds = 0.0

    def watch(self) -> Watch:
        """Hold the run to the project's own tables, from what they say now."""
        watch = begin(self.options, [station.serial for station in self.agenda.stations])
        self.expectation = self.agenda.expectation = watch.expectation
        self.has_event = tables.has_event
        return watch

    def run(self, progress: Progress | None = None) -> None:
        """Send until the time or the number of events is over, and wait for what is on its way.

        ``Unusable`` if the tables turn out to be somebody else's.
        """
        self.progress = progress or self.progress
        began = time.monotonic()
        try:
            with self.interrupt.heeded():
                self._send_all(began)
                self._finish()
        finally:
            self.gateway.close()
        if self.is_foreign:
            raise Unusable(OTHER_DATABASE)

    def summary(self, notes: list[str]) -> Summary:
        """Return what the run was; nobody has looked at the tables yet."""
        return Summary(
            self.line.url,
            self.options,
            self.tally,
            self.expectation,
            self.seconds,
            notes=notes,
            left_behind=self.left_behind,
            is_interrupted=self.interrupt.is_wished,
        )

    # The schedule

    def _send_all(self, began: float) -> None:
        due = next_rental = began
        while not self._is_time_up(now := time.monotonic(), began):
            is_stuck = False
            if now >= due:
                due, is_stuck = self._begin_next(self._skip(due, now))
            if self.rent and self.rental_step and now >= next_rental:
                self._rent_next(self.rent)
                next_rental = max(next_rental + self.rental_step, now - CATCH_UP)
            pause = SHORT_LOOK if is_stuck else max(due - time.monotonic(), 0)
            self._collect(min(pause, LOOK))
            self.progress.update(self._share(now - began), self.tally)
        self.seconds = time.monotonic() - began

    def _skip(self, due: float, now: float) -> float:
        """Forget the events that were due too long ago, so that they do not pile up."""
        slipped = int((now - due - CATCH_UP) / self.step) + 1
        if now - due <= CATCH_UP:
            return due
        self.tally.slipped[self.hindrance] += slipped
        return due + slipped * self.step

    def _begin_next(self, due: float) -> tuple[float, bool]:
        """Begin the event that is due, if that can be.

        Return when the next one is due, and whether this one still is.
        """
        is_busy = self.gateway.is_busy
        delivery = None if is_busy else self.agenda.next(time.time())
        if delivery is None:
            self.hindrance = SERVER if is_busy else FLEET
            return due, True
        self.gateway.begin(delivery, time.time())
        if delivery.is_free:
            self._go_on(delivery)
        return due + self.step, False

    def _rent_next(self, rent: rentals.Rent) -> None:
        """Let somebody rent a bank, if one can be had."""
        offer = self.agenda.rent_from(time.time())
        if offer is not None:
            station, number, bank = offer
            try:
                rented_at = rentals.rent(rent, bank.serial)
            except rentals.NotRented as error:
                self._fail(self.tally.faults.add, str(error))
            else:
                self.tally.rentals += 1
                self.expectation.rent(bank.serial, rented_at)
                self.agenda.take(station, number, bank, time.time())

    def _finish(self) -> None:
        """Wait for what is on its way; after Ctrl-C only for the answers to what was sent."""
        deadline = time.monotonic() + TIMEOUT
        while not self.gateway.is_idle:
            if self.interrupt.is_wished:
                self._abandon()
                if time.monotonic() > deadline:
                    break
            self._collect(LOOK)

    def _abandon(self) -> None:
        for delivery in self.gateway.abandon():
            self.left_behind += 1
            self.expectation.leave_open(delivery.occurrence)

    # What comes back

    def _collect(self, timeout: float) -> None:
        for delivery in self.gateway.collect(time.time(), timeout):
            self._end(delivery)

    def _arrived(self, delivery: Delivery, answer: Answer) -> None:
        """Take an event as arrived: what was answered first is judged by what was so before."""
        delivery.expected = self.expectation.apply(delivery.occurrence)
        if self.has_event is not None:
            data = answer.json().get("data")
            event_id = data.get("event_id") if isinstance(data, dict) else None
            self.is_foreign = not self.has_event(event_id, delivery.occurrence.station)
            self.is_over = self.is_over or self.is_foreign
            self.has_event = None

    def _end(self, delivery: Delivery) -> None:
        """Judge an event that is over, and let its station go on."""
        if not delivery.is_delivered:
            self.expectation.leave_open(delivery.occurrence)
            text = f"{delivery.occurrence}: forgotten after {delivery.tries} tries"
            self._fail(self.tally.given_up.add, text)
        else:
            if delivery.is_late:
                self.tally.late += 1
                self.expectation.leave_open(delivery.occurrence)
            is_open = delivery.occurrence.station in self.expectation.open_stations
            for text in delivery.wrong(is_deferred=self.is_deferred, is_open=is_open):
                self._fail(self.tally.unexpected.add, text)
        delivery.station.is_busy = False
        if not delivery.is_free:
            self._go_on(delivery)

    def _go_on(self, delivery: Delivery) -> None:
        at_once = self.agenda.finished(delivery, time.time())
        if at_once is not None:
            self.gateway.begin(at_once, time.time())

    def _fail(self, note: Callable[[str], None], text: str) -> None:
        note(text)
        self.is_over = self.is_over or not self.options.keep_going

    # When it ends

    def _is_time_up(self, now: float, began: float) -> bool:
        return self.is_over or self.interrupt.is_wished or self._share(now - began) >= 1

    def _share(self, elapsed: float) -> float:
        """Return the share of the run that is over."""
        seconds, events = self.options.seconds, self.options.events
        shares = [elapsed / seconds] if seconds else []
        shares += [self.tally.sent / events] if events else []
        return min(max(shares), 1.0)
