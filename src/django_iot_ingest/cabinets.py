"""What stands in the cabinets of some stations: two statements, however many stations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django_iot_ingest.conf import get_power_bank_model, get_station_slot_model
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot

SlotStatus = AbstractStationSlot.Status


@dataclass(frozen=True, slots=True)
class Place:
    """One slot, and the bank whose place it is."""

    slot: AbstractStationSlot
    power_bank: AbstractPowerBank | None

    @property
    def battery_level(self) -> int | None:
        """Return the battery of the bank in here, in percent, if there is one and it is known."""
        return None if self.power_bank is None else self.power_bank.battery_level

    @property
    def error_code(self) -> str:
        """Return the code that the device gave, or an empty text."""
        metadata = self.slot.slot_metadata
        code = metadata.get("error_code") if isinstance(metadata, dict) else None
        return "" if code is None else str(code)

    @property
    def is_silent(self) -> bool:
        """Return whether the slot says that it holds a bank, and none has been named."""
        return self.power_bank is None and self.slot.status == SlotStatus.OCCUPIED


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The slots of a station by their number, and the banks that are there without a slot."""

    places: list[Place]
    loose: list[AbstractPowerBank]


def cabinets_of(stations: Collection[AbstractStation]) -> dict[Any, Cabinet]:
    """Return the cabinet of each station, by its primary key."""
    keys = [station.pk for station in stations]
    banks_at = _power_banks(keys)
    cabinets = {key: Cabinet([], banks_at.pop((key, None), [])) for key in keys}
    slots = get_station_slot_model()._default_manager.filter(station__in=keys)
    for slot in slots.order_by("station", "slot_number"):
        key = slot.station_id  # type: ignore[attr-defined]
        banks = banks_at.get((key, slot.pk), [])
        cabinets[key].places.append(Place(slot, banks[0] if banks else None))
    return cabinets


def _power_banks(keys: Collection[Any]) -> dict[tuple[Any, Any], list[AbstractPowerBank]]:
    """Return the banks at some stations, by station and slot."""
    found: dict[tuple[Any, Any], list[AbstractPowerBank]] = defaultdict(list)
    banks = get_power_bank_model()._default_manager.filter(current_station__in=keys)
    for bank in banks.order_by("serial_number"):
        place = bank.current_station_id, bank.current_slot_id  # type: ignore[attr-defined]
        found[place].append(bank)
    return found
