"""Stations and power banks as they stand in the street."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from django_iot_ingest.models import AbstractPowerBank, AbstractStation
from django_iot_ingest.simulator.options import Options

Status = AbstractPowerBank.Status
ONLINE, OFFLINE = AbstractStation.Status.ONLINE.value, AbstractStation.Status.OFFLINE.value

FILLED = 0.6
"""Share of the slots that hold a bank in the beginning: the rest is where banks can come back."""

BROKEN = 0.03
"""Share of the banks that say that they are damaged, or need maintenance."""

LINGER_SECONDS = 4.0
"""Seconds after an eject in which a snapshot may still show the bank (contract, section 1)."""

SIGNALS = ("28", "-65", "4G:31", "", "0", "17", "-88", "4G:12")
NETWORKS = ("चार्ज घर ☕", 'Café "Nord"', "charge-guest", "", "NUL\0name", "Зарядка 🔋")
FIRMWARES = ("2.1.5", "2.1.7", "2.2.0-rc1")


@dataclass(slots=True)
class PowerBank:
    """A bank; ``is_away`` while it is in somebody's pocket, or on its way."""

    serial: str
    status: str
    battery: int
    is_away: bool = False


@dataclass(slots=True)
class Ghost:
    """A bank that was ejected just now, and that its station may still show."""

    power_bank: PowerBank
    until: float


@dataclass(slots=True)
class Station:
    """A cabinet. ``is_known`` once a snapshot has arrived: before, nobody rents or returns there."""

    serial: str
    slots: dict[int, PowerBank | None]
    signal: str
    network: str
    firmware: str
    is_online: bool = False
    is_known: bool = False
    is_busy: bool = False
    """Whether an event of it is on its way: two at once would leave open which came first."""

    last_at: int = 0
    """Unix seconds of its newest event: the next one has a later second."""

    ghosts: dict[int, Ghost] = field(default_factory=dict)

    def is_ready(self, now: float) -> bool:
        """Return whether it can send its next event."""
        return not self.is_busy and int(now) > self.last_at

    def free_slots(self) -> list[int]:
        """Return the numbers of the slots that hold no bank."""
        return [number for number, bank in self.slots.items() if bank is None]

    def eject(self, number: int, bank: PowerBank, now: float) -> None:
        """Give the bank of a slot away."""
        self.slots[number], bank.is_away = None, True
        self.ghosts[number] = Ghost(bank, now + LINGER_SECONDS)

    def insert(self, number: int, bank: PowerBank) -> None:
        """Take a bank into an empty slot."""
        self.slots[number], bank.is_away = bank, False
        self.ghosts.pop(number, None)


def build(options: Options, dice: Random) -> list[Station]:
    """Return the fleet that the options ask for; the same dice make the same fleet."""
    width = max(4, len(str(options.stations)))
    return [
        _station(f"{options.prefix}{number:0{width}d}", options.slots.size(dice), dice)
        for number in range(1, options.stations + 1)
    ]


def _station(serial: str, size: int, dice: Random) -> Station:
    held = set(dice.sample(range(1, size + 1), round(size * FILLED)))
    banks = _power_banks(serial, dice)
    return Station(
        serial=serial,
        slots={number: next(banks) if number in held else None for number in range(1, size + 1)},
        signal=dice.choice(SIGNALS),
        network=dice.choice(NETWORKS),
        firmware=dice.choice(FIRMWARES),
    )


def _power_banks(station: str, dice: Random) -> Iterator[PowerBank]:
    """Yield the station's own banks, numbered from 1."""
    number = 0
    while True:
        number += 1
        is_broken = dice.random() < BROKEN
        status = (
            dice.choice((Status.DAMAGED, Status.MAINTENANCE)) if is_broken else Status.AVAILABLE
        )
        yield PowerBank(f"{station}-{number:02d}", status.value, dice.randint(5, 100))
