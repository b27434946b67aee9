"""A small model of stations, banks, rentals and inbox, written from the contract, not from the code.

Times are unix seconds, names are serial numbers. ``test_state_machine`` compares it with the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

EJECT_GRACE = 30
OFFLINE_AFTER = 1500
SWEEP_MAX_ATTEMPTS = 2
SKEW_TOLERANCE = 5
IN_FLIGHT = 30
BACK_OFF = 10

WAITING = ("received", "deferred", "failed")
DONE = {"applied": "duplicate", "stale": "stale"}
"""What is answered for a row that was dealt with."""


class Refused(Exception):
    """A hook of the host raised."""


class Ended(NamedTuple):
    """One call of the hook for a return that took effect."""

    bank: str
    station: str
    slot: int | None
    occurred_at: float
    was_rented: bool
    source: str


@dataclass
class Station:
    status: str = "OFFLINE"
    heard_at: float | None = None
    full_at: int | None = None
    status_at: int | None = None
    silent_since: float | None = None
    slots: set[int] = field(default_factory=set)


@dataclass
class Bank:
    rented_at: float | None = None
    station: str | None = None
    slot: int | None = None
    seen_at: int | None = None
    absent_since: int | None = None

    @property
    def is_rented(self) -> bool:
        return self.rented_at is not None

    def is_newer_than(self, time: int) -> bool:
        """Return whether a newer event than one of ``time`` told where it is."""
        return self.seen_at is not None and self.seen_at > time


@dataclass
class Rental:
    bank: str
    began_at: float
    ended_at: float | None = None


@dataclass
class World:
    """What a transaction changes, and a refusal undoes."""

    stations: dict[str, Station] = field(default_factory=dict)
    banks: dict[str, Bank] = field(default_factory=dict)
    rentals: list[Rental] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One row of the inbox. Its times are those of the first attempt, on our clock."""

    payload: Mapping[str, Any]
    signed: int
    received: float
    state: str = "received"
    attempts: int = 0
    tried_at: float | None = None

    @property
    def kind(self) -> str:
        return str(self.payload["type"])

    @property
    def serial(self) -> str:
        return str(self.payload["device"]["serial_number"])

    @property
    def bank(self) -> str | None:
        bank: str | None = self.payload.get("return_event", {}).get("power_bank_serial")
        return bank

    @property
    def shift(self) -> int:
        skew = int(self.received) - self.signed
        return skew if abs(skew) > SKEW_TOLERANCE else 0

    @property
    def time(self) -> int:
        """The whole second that judges order."""
        return min(int(self.payload["timestamp"]) + self.shift, int(self.received))

    @property
    def occurred_at(self) -> float:
        """What is billed."""
        said = self.payload["return_event"]["returned_at"]
        if said is None:
            return self.time
        return min(datetime.fromisoformat(said).timestamp() + self.shift, self.received)

    def shown(self) -> dict[str, int]:
        """Return the banks that a snapshot shows, in the order in which they arrive."""
        named = [slot for slot in self.payload["slots"] if "power_bank_serial" in slot]
        own = self.payload["power_banks"]
        listed = {row["serial_number"] for row in own}
        shown = {
            slot["power_bank_serial"]: slot["slot_number"]
            for slot in named
            if slot["power_bank_serial"] not in listed
        }
        for row in own:  # repeated: the last one wins
            shown.pop(row["serial_number"], None)
            shown[row["serial_number"]] = row["current_slot"]
        return shown

    def is_due(self, now: float) -> bool:
        """Return whether the sweeper may take it up."""
        if self.tried_at is None:
            return now - self.received >= IN_FLIGHT
        return now - self.tried_at >= BACK_OFF << (self.attempts - 1)


class Fleet:
    """The host and the plugin, as the contract wants them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.world = World()
        self.rows: list[Row] = []
        self.refusing: set[str] = set()
        """Serial numbers of banks and stations whose next hook raises."""

    # What happens

    def deliver(self, payload: Mapping[str, Any], signed: int, received: float) -> str:
        """Receive and apply; return the state that is answered."""
        row = self.receive(payload, signed, received)
        state = self.apply(row, "gateway")
        self.hear(row.serial, received)
        return state

    def receive(self, payload: Mapping[str, Any], signed: int, received: float) -> Row:
        """Return the one row of a return, or a new one."""
        if payload["type"] == "returned":
            for row in self.rows:
                if row.payload == payload:
                    return row
        self.rows.append(Row(payload, signed, received))
        return self.rows[-1]

    def apply(self, row: Row, source: str) -> str:
        """Apply a row unless that was done; a refusal undoes everything."""
        if row.state in DONE:
            return DONE[row.state]
        row.attempts += 1
        row.tried_at = self.now
        if row.kind == "full":
            self.try_waiting(row)
        before = deepcopy(self.world)
        try:
            row.state = getattr(self, row.kind)(row, source)
        except Refused:
            self.world = before
            row.state = "dead" if row.state == "dead" else "failed"
        if row.kind == "full" and row.state == "applied":
            self.apply_deferred()
        return row.state

    def apply_deferred(self) -> None:
        """Apply the returns that waited for a bank that is known now."""
        for row in self.waiting("deferred"):
            if row.bank in self.world.banks:
                self.apply(row, "replay")

    def sweep(self) -> None:
        """Try what is due; give up what failed too often."""
        for row in [row for row in self.waiting(*WAITING) if row.is_due(self.now)]:
            if self.apply(row, "replay") == "failed" and row.attempts >= SWEEP_MAX_ATTEMPTS:
                row.state = "dead"

    def mark_offline(self) -> None:
        for serial, station in sorted(self.world.stations.items()):
            assert station.heard_at is not None
            if station.status != "OFFLINE" and station.heard_at <= self.now - OFFLINE_AFTER:
                if serial in self.refusing:
                    self.refusing.remove(serial)
                    continue
                station.status, station.silent_since = "OFFLINE", station.heard_at

    def rent(self, serial: str) -> None:
        self.world.banks[serial] = Bank(self.now, seen_at=self.world.banks[serial].seen_at)
        self.world.rentals.append(Rental(serial, self.now))

    # The three events

    def status(self, row: Row, source: str) -> str:
        station = self.heard_station(row)
        if self.is_superseded(row) or (station.status_at or 0) > row.time:
            return "stale"
        station.status_at = row.time
        self.change_status(row.serial, row.payload["device"]["status"])
        return "applied"

    def returned(self, row: Row, source: str) -> str:
        assert row.bank
        station = self.heard_station(row)
        self.revive(row)
        bank = self.world.banks.get(row.bank)
        if bank is None:
            return "deferred"
        slot = row.payload["return_event"]["slot_number"]
        slot = slot if slot in station.slots else None
        is_earlier = bank.is_rented and row.occurred_at < (bank.rented_at or 0)
        was_rented = bank.is_rented and not is_earlier
        if was_rented or not (is_earlier or bank.is_newer_than(row.time)):
            self.place(row.bank, row, slot)
            slot = bank.slot
        self.end(Ended(row.bank, row.serial, slot, row.occurred_at, was_rented, source))
        return "applied"

    def full(self, row: Row, source: str) -> str:
        station = self.heard_station(row)
        if self.is_superseded(row) or (station.full_at or 0) > row.time:
            return "stale"
        station.full_at = row.time
        if (station.status_at or 0) > row.time:
            self.revive(row)
        else:
            self.change_status(row.serial, row.payload["device"]["status"])
        if row.payload["slots"]:
            station.slots = {slot["slot_number"] for slot in row.payload["slots"]}
            self.see(row)
        return "applied"

    def see(self, row: Row) -> None:
        """Place the banks that a snapshot shows, and miss those that it lacks."""
        shown = row.shown()
        here = [name for name, bank in self.world.banks.items() if bank.station == row.serial]
        lacking = [name for name in here if name not in shown]
        for name in lacking:
            bank = self.world.banks[name]
            if not bank.is_newer_than(row.time) and bank.absent_since is None:
                bank.slot, bank.absent_since = None, row.time
            elif not bank.is_newer_than(row.time) and row.time > (bank.absent_since or 0):
                self.miss(name)
        rented = [name for name in shown if self.is_rented(name)]
        placed = {
            slot: name
            for name, slot in shown.items()
            if name not in rented
            and not self.world.banks.setdefault(name, Bank()).is_newer_than(row.time)
            and self.place(name, row, slot)
        }
        for name in rented:
            order = list(shown)
            slot, holder = shown[name], placed.get(shown[name], name)
            # A later row has the slot, if its bank was placed.
            is_free = order.index(holder) <= order.index(name)
            self.see_rented(name, row, slot if is_free else None)

    def see_rented(self, name: str, row: Row, slot: int | None) -> None:
        bank = self.world.banks[name]
        if row.time <= (bank.rented_at or 0) + EJECT_GRACE:
            return
        before = deepcopy(self.world)
        self.place(name, row, slot)
        try:
            self.end(Ended(name, row.serial, bank.slot, row.time, True, "snapshot"))
        except Refused:
            self.world = before

    # Rules they share

    def place(self, name: str, row: Row, slot: int | None) -> bool:
        """Give a bank its one location; of two for one slot the newer time or later arrival wins.

        Return whether it has the slot.
        """
        bank = self.world.banks[name]
        for other in self.world.banks.values():
            if other is not bank and slot and (other.station, other.slot) == (row.serial, slot):
                if other.is_newer_than(row.time):
                    slot = None
                else:
                    other.slot = None
        bank.rented_at = bank.absent_since = None
        bank.station, bank.slot, bank.seen_at = row.serial, slot, row.time
        return slot is not None

    def end(self, ended: Ended) -> None:
        """Run the host's hook: it ends a rental that had begun by then."""
        self.refuse_if_told(ended.bank)
        self.world.ended.append(ended)
        begun = [
            rental
            for rental in self.world.rentals
            if rental.bank == ended.bank
            and rental.ended_at is None
            and rental.began_at <= ended.occurred_at
        ]
        if begun:
            begun[-1].ended_at = ended.occurred_at

    def miss(self, name: str) -> None:
        bank = self.world.banks[name]
        if name in self.refusing:
            self.refusing.remove(name)
        else:
            bank.station = bank.slot = None
            self.world.missed.append(name)

    def heard_station(self, row: Row) -> Station:
        station = self.world.stations.setdefault(row.serial, Station())
        self.hear(row.serial, row.received)
        return station

    def hear(self, serial: str, received: float) -> None:
        """A station that could not be created, since a hook refused, cannot be heard."""
        if serial in self.world.stations:
            station = self.world.stations[serial]
            station.heard_at = max(station.heard_at or 0.0, received)

    def revive(self, row: Row) -> None:
        silent_since = self.world.stations[row.serial].silent_since
        if silent_since is not None and row.time > silent_since:
            self.change_status(row.serial, "ONLINE")

    def change_status(self, serial: str, status: str) -> None:
        station = self.world.stations[serial]
        station.silent_since = None
        if station.status != status:
            self.refuse_if_told(serial)
            station.status = status

    def refuse_if_told(self, serial: str) -> None:
        if serial in self.refusing:
            self.refusing.remove(serial)
            raise Refused(serial)

    def waiting(self, *states: str) -> list[Row]:
        """Return rows of these states, the oldest event first."""
        return sorted((row for row in self.rows if row.state in states), key=lambda row: row.time)

    def is_superseded(self, row: Row) -> bool:
        """Return whether an equally new event that arrived later was applied before this retry."""
        return any(
            (later.kind, later.serial, later.state) == (row.kind, row.serial, "applied")
            and later.time >= row.time
            and later.received > row.received
            for later in self.rows
        )

    def try_waiting(self, full: Row) -> None:
        """Apply the waiting returns of the rented banks that a snapshot shows, by their own time."""
        station = self.world.stations.get(full.serial, Station())
        if self.is_superseded(full) or (station.full_at or 0) > full.time:
            return
        rented = {name for name in full.shown() if self.is_rented(name)}
        for row in self.waiting(*WAITING):
            if row.bank in rented:
                self.apply(row, "replay")

    def is_rented(self, name: str) -> bool:
        return name in self.world.banks and self.world.banks[name].is_rented
