"""Where banks are: the slots of a station, and the place of one bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from django_iot_ingest.admin.links import Links
from django_iot_ingest.cabinets import Place, cabinets_of
from django_iot_ingest.models import AbstractPowerBank, AbstractStationSlot

SlotStatus = AbstractStationSlot.Status
BankStatus = AbstractPowerBank.Status

KINDS: dict[str, str] = {
    SlotStatus.ERROR: "error",
    SlotStatus.MAINTENANCE: "maintenance",
    SlotStatus.OCCUPIED: "occupied",
}
"""Slots that the style sheet tells from those that are available, by their status."""


@dataclass(frozen=True, slots=True)
class ShownSlot:
    """One slot of the grid."""

    place: Place
    slot_url: str
    bank_url: str

    @property
    def kind(self) -> str:
        """Return what the style sheet tells it by; words say the same."""
        return "error" if self.place.error_code else KINDS.get(self.place.slot.status, "available")

    @property
    def bar(self) -> int:
        """Return how far the battery's bar goes, in percent."""
        return min(self.place.battery_level or 0, 100)


@dataclass(frozen=True, slots=True)
class ShownBank:
    """A bank at the station without a slot."""

    bank: AbstractPowerBank
    url: str


@dataclass(frozen=True, slots=True)
class ShownCabinet:
    """A station's slots by number, and the banks that are there without one."""

    slots: list[ShownSlot]
    loose: list[ShownBank]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a bank is, in words, and what leads there."""

    text: str
    station: Any
    station_url: str
    slot_number: int | None
    slot_url: str


def cabinet(station: Any, links: Links) -> ShownCabinet:
    """Return what stands in a station, in two statements."""
    found = cabinets_of([station])[station.pk]
    slots = [
        ShownSlot(place, links.to(place.slot), links.to(place.power_bank)) for place in found.places
    ]
    return ShownCabinet(slots, [ShownBank(bank, links.to(bank)) for bank in found.loose])


def whereabouts(bank: Any, links: Links) -> Whereabouts:
    """Return where a bank is; its station and slot are asked for at most once each."""
    station, slot = bank.current_station, bank.current_slot
    number = None if slot is None else slot.slot_number
    text = _in_words(bank, station, number)
    return Whereabouts(text, station, links.to(station), number, links.to(slot))


def name_of(slot: Any) -> str:
    """Return a slot's name in a list: its station's, and its number."""
    return _("%(station)s, slot %(number)s") % {
        "station": slot.station,
        "number": slot.slot_number,
    }


def error_code(slot: Any) -> str:
    """Return the code that the device gave for a slot, or an empty text."""
    return Place(slot, None).error_code


def _in_words(bank: Any, station: Any, number: int | None) -> str:
    if bank.status == BankStatus.RENTED:
        return _("Rented: it is nowhere until it comes back.")
    if station is None and bank.missing_since is not None:
        return _("Missing: two snapshots in a row lacked it.")
    if station is None:
        return _("Not known: no station has told of it.")
    if number is None:
        return _("At a station, in no slot that we know.")
    return _("In a slot.")
