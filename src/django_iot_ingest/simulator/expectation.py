"""What the tables must say: the rules of the contract's section 3, in memory.

It is told every event in the order in which they arrive, and every rental. It knows neither slots'
statuses nor telemetry: only what a wrong order, a lost event or one applied twice would change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django_iot_ingest.models import AbstractPowerBank, AbstractStation
from django_iot_ingest.simulator.occurrences import Occurrence, Return, Shown, Snapshot, Word

AVAILABLE = AbstractPowerBank.Status.AVAILABLE.value
RENTED = AbstractPowerBank.Status.RENTED.value

APPLIED, STALE = "applied", "stale"


@dataclass(slots=True)
class KnownBank:
    """A bank, with where and when it was last seen; ``rented_at`` in unix seconds."""

    serial: str
    status: str = AVAILABLE
    station: str | None = None
    slot: int | None = None
    seen_at: int | None = None
    absent_since: int | None = None
    rented_at: float | None = None

    @property
    def is_rented(self) -> bool:
        """Return whether the host has said so, and no return since."""
        return self.status == RENTED

    def is_newer_than(self, at: int) -> bool:
        """Return whether a newer event has said where it is."""
        return self.seen_at is not None and self.seen_at > at

    def place(self) -> str:
        """Return in words where it is."""
        if self.station is None:
            return "nowhere"
        return f"in slot {self.slot} of {self.station}" if self.slot else f"at {self.station}"


@dataclass(slots=True)
class KnownStation:
    """A station, with its two clocks."""

    serial: str
    status: str = AbstractStation.Status.OFFLINE.value
    full_at: int | None = None
    status_at: int | None = None
    slots: set[int] = field(default_factory=set)


@dataclass
class Expectation:
    """What must be true after all that was answered with 200 so far."""

    grace: float = 30.0
    """``EJECT_GRACE``: seconds after a rental's begin in which a snapshot proves nothing."""

    stations: dict[str, KnownStation] = field(default_factory=dict)
    banks: dict[str, KnownBank] = field(default_factory=dict)
    returns: Counter[str] = field(default_factory=Counter)
    """Return events that were accepted, by bank."""

    returned_unheard: int = 0
    """Rentals that a snapshot has ended, since no return had arrived."""

    open_stations: set[str] = field(default_factory=set)
    open_banks: set[str] = field(default_factory=set)
    """Of which nothing certain is known, since something went wrong that was not planned."""

    _at: dict[str, set[str]] = field(default_factory=dict, repr=False)
    """Serial numbers of the banks at each station."""

    def add_bank(self, bank: KnownBank) -> None:
        """Know a bank that the tables had before."""
        self.banks[bank.serial] = bank
        if bank.station is not None:
            self._at.setdefault(bank.station, set()).add(bank.serial)

    def apply(self, occurrence: Occurrence) -> str:
        """Take an event as arrived just now; return the state that it has to be answered with."""
        station = self.stations.setdefault(
            occurrence.station, KnownStation(serial=occurrence.station)
        )
        told = occurrence.told
        if isinstance(told, Word):
            return self._apply_word(station, told, occurrence.at)
        if isinstance(told, Return):
            return self._apply_return(station, told, occurrence.at)
        return self._apply_snapshot(station, told, occurrence.at)

    def rent(self, serial: str, at: datetime) -> None:
        """Take a bank as rented, from the tables' point of view: it is nowhere now."""
        bank = self.banks[serial]
        self._move(bank, None, None)
        bank.status, bank.rented_at, bank.absent_since = RENTED, at.timestamp(), None

    def leave_open(self, occurrence: Occurrence) -> None:
        """Know nothing certain any more of what an event is about: nobody knows what became of it."""
        self.open_stations.add(occurrence.station)
        if isinstance(occurrence.told, Return):
            self.open_banks.add(occurrence.told.power_bank)
        if isinstance(occurrence.told, Snapshot):
            self.open_banks |= (occurrence.told.shown or {}).keys()
        self.open_banks |= self._at.get(occurrence.station, set())

    def is_in_place(self, serial: str, station: str, slot: int) -> bool:
        """Return whether an app would rent this bank out of this slot."""
        bank = self.banks.get(serial)
        return bank is not None and (bank.status, bank.station, bank.slot) == (
            AVAILABLE,
            station,
            slot,
        )

    # The three events

    def _apply_word(self, station: KnownStation, told: Word, at: int) -> str:
        if station.status_at is not None and at < station.status_at:
            return STALE
        station.status_at, station.status = at, told.status
        return APPLIED

    def _apply_return(self, station: KnownStation, told: Return, at: int) -> str:
        bank = self.banks.setdefault(told.power_bank, KnownBank(told.power_bank))
        self.returns[bank.serial] += 1
        slot = told.slot if told.slot in station.slots else None
        begun = bank.rented_at
        is_earlier = begun is not None and told.occurred_at.timestamp() < begun
        if is_earlier or (bank.is_newer_than(at) and not bank.is_rented):
            return APPLIED
        if bank.is_rented:
            bank.status, bank.rented_at = AVAILABLE, None
        self._place(bank, station, slot, at)
        return APPLIED

    def _apply_snapshot(self, station: KnownStation, told: Snapshot, at: int) -> str:
        if station.full_at is not None and at < station.full_at:
            return STALE
        station.full_at = at
        if station.status_at is None or at >= station.status_at:
            station.status = told.status
        if told.shown is not None:
            station.slots |= told.slots
            self._miss(station, told.shown.keys(), at)
            self._see(station, told.shown, at)
        return APPLIED

    # What a snapshot shows, and what it lacks

    def _miss(self, station: KnownStation, shown: Collection[str], at: int) -> None:
        lacking = self._at.get(station.serial, set()) - set(shown)
        for bank in [self.banks[serial] for serial in lacking]:
            if bank.is_newer_than(at):
                continue
            if bank.absent_since is None:
                bank.slot, bank.absent_since = None, at
            elif at > bank.absent_since:
                self._move(bank, None, None)

    def _see(self, station: KnownStation, shown: Mapping[str, Shown], at: int) -> None:
        known = [
            (self.banks.setdefault(serial, KnownBank(serial)), row) for serial, row in shown.items()
        ]
        # Rented ones come last: what ends in a hook is done after all else.
        for bank, row in sorted(known, key=lambda pair: pair[0].is_rented):
            if bank.is_rented:
                self._see_rented(bank, row, station, at)
            elif not bank.is_newer_than(at):
                bank.status = row.status
                self._place(bank, station, row.slot, at)

    def _see_rented(self, bank: KnownBank, row: Shown, station: KnownStation, at: int) -> None:
        if bank.rented_at is not None and at <= bank.rented_at + self.grace:
            return
        bank.status, bank.rented_at = row.status, None
        self._place(bank, station, row.slot, at)
        self.returned_unheard += 1

    # Where banks are

    def _place(self, bank: KnownBank, station: KnownStation, slot: int | None, at: int) -> None:
        """Give a bank its one location; of two for one slot the newer time or later arrival wins."""
        for serial in self._at.get(station.serial, set()) - {bank.serial}:
            other = self.banks[serial]
            if slot is not None and other.slot == slot:
                if other.is_newer_than(at):
                    slot = None
                else:
                    other.slot = None
        self._move(bank, station.serial, slot)
        bank.seen_at, bank.absent_since = at, None

    def _move(self, bank: KnownBank, station: str | None, slot: int | None) -> None:
        if bank.station is not None:
            self._at[bank.station].discard(bank.serial)
        if station is not None:
            self._at.setdefault(station, set()).add(bank.serial)
        bank.station, bank.slot = station, slot
