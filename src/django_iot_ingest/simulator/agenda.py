"""What happens next in the fleet, and to whom. All times are unix seconds."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

from django_iot_ingest.simulator import chaos, glances, making
from django_iot_ingest.simulator.chaos import CALM, Chaos, Plan
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.expectation import Expectation
from django_iot_ingest.simulator.hardware import OFFLINE, ONLINE, PowerBank, Station, Status
from django_iot_ingest.simulator.occurrences import Occurrence, Snapshot
from django_iot_ingest.simulator.options import Options

OFF_SHARE, FLAP_SHARE, MOVE_SHARE = 0.02, 0.02, 0.15
"""Of the events that nothing else asks for: how many are a station going off, one that says ONLINE,
OFFLINE, ONLINE inside a second, and (if nobody rents) a bank that somebody carries elsewhere."""

MOST_OFFLINE = 0.1
MOST_AWAY = 0.3
"""Shares of the stations that are off, and of the banks that are away, at most."""

AWAY_SECONDS = (5.0, 12.0)
"""How long a bank is away. No shorter than its old station may show it: two stations that show one
bank in the same second would leave open where it is."""

OFF_SECONDS = (6.0, 20.0)
AFTER_RETURN = 1.1
AGAIN = 0.2
LOOKS = 40
"""Stations, or tasks, that are looked at for one that can go on now."""

_AT_ONCE = {"off": (OFFLINE, "on"), "on": (ONLINE, "")}
"""What a station says next inside the same second: the word, and what follows that."""

EARLY = frozenset({Chaos.DUPLICATES, Chaos.LOST, Chaos.RESET})
"""What may go wrong with a station's first words; the rest needs somebody who knows it."""


Begin = Callable[[float], Delivery | None]
"""Make an event now, or None if that cannot be yet."""


@dataclass(order=True, frozen=True, slots=True)
class Task:
    """Something that is due, in order of ``due``."""

    due: float
    number: int
    begin: Begin = field(compare=False)


class Agenda:
    """The fleet's next events; ``next`` makes one, ``finished`` says that it is over."""

    def __init__(self, options: Options, stations: list[Station], dice: Random) -> None:
        self.options = options
        self.stations = stations
        self.expectation = Expectation()
        self.dice = dice
        self.turn = deque(stations)
        self.tasks: list[Task] = []
        self.numbers = itertools.count()
        self.banks = sum(bank is not None for s in stations for bank in s.slots.values())
        self.away = 0
        self.dark = deque(stations)
        """Stations that were never on; they are switched on one after the other."""

    # What the runner asks for

    def next(self, now: float) -> Delivery | None:
        """Return the event that is due now, or None if no station can send any."""
        return self._due(now) or self._power_on_next(now) or self._ordinary(now)

    def finished(self, delivery: Delivery, now: float) -> Delivery | None:
        """Go on after an event was delivered, given up, or is held back.

        Return what the station says inside the same second, if anything.
        """
        station = delivery.station
        if isinstance(delivery.occurrence.told, Snapshot) and delivery.is_delivered:
            station.is_known = True
        if not station.is_known and not delivery.is_delivered:
            self._add(now + self.dice.uniform(*AWAY_SECONDS), partial(self._again, station))
        elif delivery.then in _AT_ONCE:
            return self._say(station, *_AT_ONCE[delivery.then], plan=CALM, now=now)
        elif delivery.then:
            self._add(0.0, partial(self._again, station))
        return None

    def rent_from(self, now: float) -> tuple[Station, int, PowerBank] | None:
        """Return a bank that somebody can rent now, and where; None if there is none."""
        if self.away >= self.banks * MOST_AWAY:
            return None
        for station in self._ready(now):
            offered = [
                (station, number, bank)
                for number, bank in station.slots.items()
                if bank is not None
                and bank.status == Status.AVAILABLE
                and self.expectation.is_in_place(bank.serial, station.serial, number)
            ]
            if offered:
                return self.dice.choice(offered)
        return None

    def take(self, station: Station, number: int, bank: PowerBank, now: float) -> None:
        """Let somebody take the bank of a slot, to bring it back later."""
        self.away += 1
        station.eject(number, bank, now)
        self._add(now + self.dice.uniform(*AWAY_SECONDS), partial(self._return, bank))

    # Which event it is

    def _due(self, now: float) -> Delivery | None:
        postponed = []
        found = None
        for _ in range(LOOKS):
            if found or not self.tasks or self.tasks[0].due > now:
                break
            task = heapq.heappop(self.tasks)
            found = task.begin(now)
            if found is None:
                postponed.append(task)
        for task in postponed:
            self._add(now + AGAIN, task.begin)
        return found

    def _power_on_next(self, now: float) -> Delivery | None:
        return self._power_on(self.dark.popleft(), now) if self.dark else None

    def _ordinary(self, now: float) -> Delivery | None:
        station = next(self._ready(now), None)
        if station is None:
            return None
        chance = self.dice.random()
        if chance < OFF_SHARE and self._may_go_off():
            return self._go_off(station, now)
        if chance < OFF_SHARE + FLAP_SHARE:
            return self._say(station, ONLINE, "off", plan=CALM, now=now)
        if self.options.rentals is None and self.dice.random() < MOVE_SHARE:
            self._carry_away(station, now)
        return self._report(station, now)

    def _ready(self, now: float) -> Iterator[Station]:
        """Yield stations that can go on, the one that waited longest first."""
        for _ in range(min(LOOKS, len(self.turn))):
            self.turn.rotate(-1)
            station = self.turn[-1]
            if station.is_known and station.is_online and station.is_ready(now):
                yield station

    # Tasks

    def _again(self, station: Station, now: float) -> Delivery | None:
        """Let a station be heard: by a snapshot, or it comes back first."""
        if not station.is_ready(now):
            return None
        return self._report(station, now) if station.is_online else self._power_on(station, now)

    def _return(self, bank: PowerBank, now: float) -> Delivery | None:
        """Bring a bank back, to any station that has room."""
        for station in self._ready(now):
            free = station.free_slots()
            if free:
                self.away -= 1
                return self._bring(bank, station, self.dice.choice(free), now)
        return None

    # Events

    def _power_on(self, station: Station, now: float) -> Delivery:
        """Switch a station on: it says so first, or sends its snapshot at once."""
        station.is_online = True
        if self.dice.random() < 0.25:
            return self._say(station, ONLINE, "snapshot", now=now)
        return self._report(station, now)

    def _may_go_off(self) -> bool:
        off = sum(not station.is_online for station in self.stations)
        return off < len(self.stations) * MOST_OFFLINE

    def _go_off(self, station: Station, now: float) -> Delivery:
        station.is_online = False
        self._add(now + self.dice.uniform(*OFF_SECONDS), partial(self._again, station))
        return self._say(station, OFFLINE, now=now)

    def _carry_away(self, station: Station, now: float) -> None:
        """Let somebody take a bank whom no app knows: the tables learn of it by and by."""
        held = [
            (number, bank)
            for number, bank in station.slots.items()
            if bank and not self._is_gone(bank)
        ]
        if held and self.away < self.banks * MOST_AWAY:
            self.take(station, *self.dice.choice(held), now)

    def _is_gone(self, bank: PowerBank) -> bool:
        """Return whether the tables do not know yet that the bank is here."""
        known = self.expectation.banks.get(bank.serial)
        return known is None or known.station is None

    def _bring(self, bank: PowerBank, station: Station, slot: int, now: float) -> Delivery:
        station.insert(slot, bank)
        bank.battery = self.dice.choice((0, self.dice.randint(1, 100)))
        self._add(now + AFTER_RETURN, partial(self._again, station))
        return self._deliver(station, making.returned(station, bank, slot, now), now)

    def _report(self, station: Station, now: float) -> Delivery:
        glance = glances.look(station, now, self.dice, is_first=not station.is_known)
        return self._deliver(station, making.snapshot(station, glance, ONLINE, now), now)

    def _say(
        self,
        station: Station,
        status: str,
        then: str = "",
        *,
        now: float,
        plan: Plan | None = None,
    ) -> Delivery:
        return self._deliver(station, making.word(station, status, now), now, then, plan)

    def _deliver(
        self,
        station: Station,
        occurrence: Occurrence,
        now: float,
        then: str = "",
        plan: Plan | None = None,
    ) -> Delivery:
        """Return an event on its way, with what will go wrong with it."""
        station.last_at = occurrence.at
        if plan is None:
            possible = _possible(station, occurrence)
            plan = chaos.draw(self.options.chaos, self.dice, possible=possible)
        if plan.kind == Chaos.REORDER and not then:
            # Somebody has to overtake it: the same station's next event, a second later.
            self._add(now + AFTER_RETURN, partial(self._again, station))
        return Delivery(station, occurrence, plan, then)

    def _add(self, due: float, begin: Begin) -> None:
        heapq.heappush(self.tasks, Task(due, next(self.numbers), begin))


def _possible(station: Station, occurrence: Occurrence) -> frozenset[Chaos]:
    """Return what may go wrong with an event: only a snapshot may be lost for good."""
    if not station.is_known:
        return EARLY
    is_snapshot = isinstance(occurrence.told, Snapshot)
    return frozenset(Chaos) if is_snapshot else frozenset(Chaos) - {Chaos.DROP}
