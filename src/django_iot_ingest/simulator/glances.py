"""What a station sees of itself when it makes a snapshot: mostly the truth."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from django_iot_ingest.simulator.hardware import PowerBank, Station, Status
from django_iot_ingest.simulator.occurrences import Shown, Snapshot

GHOST_SHARE = 0.5
"""Share of the snapshots just after an eject that still show the bank."""

RAW_BATTERY = 0.02
"""Share of the rows whose battery level is a raw byte that is no percentage."""

ERROR_CODES = ("0x03", "E17")
PHANTOM = "99"


@dataclass(frozen=True, slots=True)
class Row:
    """One slot as it is reported."""

    number: int
    power_bank: PowerBank | None = None
    battery: int = 0
    error_code: str = ""
    is_silent: bool = False
    """Whether a bank is in there that does not say its name."""


@dataclass(frozen=True, slots=True)
class Glance:
    """The rows of one snapshot; none at all if the frame was misread."""

    rows: tuple[Row, ...]

    def snapshot(self, status: str) -> Snapshot:
        """Return what the tables should make of it."""
        if not self.rows:
            return Snapshot(status, frozenset(), None)
        shown = {
            row.power_bank.serial: Shown(row.number, row.power_bank.status)
            for row in self.rows
            if row.power_bank
        }
        return Snapshot(status, frozenset(row.number for row in self.rows), shown)


def look(station: Station, now: float, dice: Random, *, is_first: bool) -> Glance:
    """Return what a station reports of its slots; its first report is the plain truth."""
    rows = [_row(station, number, now, dice) for number in station.slots]
    if is_first:
        return Glance(tuple(rows))
    place = int(dice.random() * 100)
    return Glance(tuple(_ODDITIES[place](station, rows, dice) if place < len(_ODDITIES) else rows))


def _row(station: Station, number: int, now: float, dice: Random) -> Row:
    bank = station.slots[number] or _ghost(station, number, now, dice)
    if bank is None:
        return Row(number)
    is_raw = dice.random() < RAW_BATTERY
    return Row(number, bank, dice.randint(101, 254) if is_raw else bank.battery)


def _ghost(station: Station, number: int, now: float, dice: Random) -> PowerBank | None:
    ghost = station.ghosts.get(number)
    if ghost is None:
        return None
    if now > ghost.until:
        del station.ghosts[number]
        return None
    return ghost.power_bank if dice.random() < GHOST_SHARE else None


def _misread(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    return []


def _silent(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    """Let one bank not answer: its slot says OCCUPIED and names nobody."""
    return _changed(rows, dice, held=True, is_silent=True)


def _overlooked(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    """Overlook one bank, as a misread frame does."""
    return _changed(rows, dice, held=True)


def _error(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    """Report a code that nobody knows for an empty slot."""
    return _changed(rows, dice, held=False, error_code=dice.choice(ERROR_CODES))


def _error_with_bank(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    """Report such a code, and name the bank all the same."""
    place = _place(rows, dice, held=True)
    if place is not None:
        row = rows[place]
        code = dice.choice(ERROR_CODES)
        rows[place] = Row(row.number, row.power_bank, row.battery, error_code=code)
    return rows


def _phantom(station: Station, rows: list[Row], dice: Random) -> list[Row]:
    """Show a bank in an empty slot that nobody has ever had."""
    bank = PowerBank(f"{station.serial}-{PHANTOM}", Status.AVAILABLE.value, 50)
    return _changed(rows, dice, held=False, power_bank=bank, battery=50)


_ODDITIES = (_misread, _misread, _silent, _overlooked, _error, _error_with_bank, _phantom)
"""One of a hundred snapshots each."""


def _changed(
    rows: list[Row],
    dice: Random,
    *,
    held: bool,
    power_bank: PowerBank | None = None,
    battery: int = 0,
    error_code: str = "",
    is_silent: bool = False,
) -> list[Row]:
    """Replace a row at random, one that holds a bank or one that does not, if there is one."""
    place = _place(rows, dice, held=held)
    if place is not None:
        number = rows[place].number
        rows[place] = Row(number, power_bank, battery, error_code, is_silent)
    return rows


def _place(rows: list[Row], dice: Random, *, held: bool) -> int | None:
    places = [place for place, row in enumerate(rows) if (row.power_bank is not None) == held]
    return dice.choice(places) if places else None
