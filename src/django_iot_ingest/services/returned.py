"""Apply a ``returned`` event: the bank is back, and a paid rental ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django_iot_ingest.events import ReturnReport, WarningCode
from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    StationStatusChange,
)
from django_iot_ingest.services import rows
from django_iot_ingest.services.base import StationSync, is_older, last_located
from django_iot_ingest.services.outcome import Outcome

BATTERY_CACHE_AGE = timedelta(minutes=30)
"""How old the battery level in a return may be (contract, section 1)."""


class ReturnSync(StationSync[ReturnReport]):
    """Place the bank, end its rental, run the hook: once, under the locks of the caller."""

    def run(self) -> Outcome:
        """Apply the return, or defer it while its station or bank is unknown."""
        station = self.lock_station()
        if station is None:
            return self.outcome.defer(WarningCode.STATION_UNKNOWN, "device.serial_number")
        slot = self.find_slot(station)
        banks = self.tables.lock_power_banks(
            {self.report.power_bank_serial} | self.serials_in(slot)
        )
        self.update_station(station)
        bank = banks.pop(self.report.power_bank_serial, None)
        if bank is None:
            return self.outcome.defer(
                WarningCode.POWER_BANK_UNKNOWN, "return_event.power_bank_serial"
            )
        self.apply(bank, station, slot, list(banks.values()))
        return self.finish()

    def find_slot(self, station: AbstractStation) -> AbstractStationSlot | None:
        """Return the slot that the return names, if the station has it."""
        number = self.report.slot_number
        if number is None or self.is_new:
            slot = None
        else:
            slot = self.tables.slots().filter(station=station.pk, slot_number=number).first()
        if slot is None:
            self.outcome.warn(WarningCode.SLOT_UNKNOWN, "return_event.slot_number")
        return slot

    def serials_in(self, slot: AbstractStationSlot | None) -> set[str]:
        """Return the serial numbers of the banks that are in a slot, not yet locked."""
        if slot is None:
            return set()
        banks = self.tables.power_banks().filter(current_slot=slot.pk)
        return set(banks.values_list("serial_number", flat=True))

    def update_station(self, station: AbstractStation) -> None:
        """Write what a return says about the station itself."""
        self.assign_heartbeat(station, self.report.last_heartbeat)
        self.revive(station, StationStatusChange.Trigger.RETURNED)
        self.save_station(station)
        self.tables.flush()

    def apply(
        self,
        bank: AbstractPowerBank,
        station: AbstractStation,
        slot: AbstractStationSlot | None,
        others: list[AbstractPowerBank],
    ) -> None:
        """Write the bank and run the hook. ``others`` are the locked banks seen in the slot."""
        is_rented = bank.status == bank.Status.RENTED
        is_earlier = bool(bank.rented_at and self.report.occurred_at < bank.rented_at)
        was_rented = is_rented and not is_earlier
        if was_rented or not (is_earlier or is_older(self.report.event_time, bank)):
            slot = self.vacate(slot, others)
            changed = self.take_back(bank, station, slot)
            rows.update(bank, changed)
            self.outcome.power_banks_updated += bool(changed)
        else:
            code = WarningCode.EARLIER_RENTAL if is_earlier else WarningCode.OLDER_LOCATION
            self.outcome.warn(code, "return_event")
        self.tell_of_return(
            bank,
            station,
            slot,
            occurred_at=self.report.occurred_at,
            was_rented=was_rented,
            source=self.report.source,
        )

    def take_back(
        self, bank: AbstractPowerBank, station: AbstractStation, slot: AbstractStationSlot | None
    ) -> set[str]:
        """Set the columns of a bank that is here now; return the names of those that changed."""
        values: dict[str, Any] = {}
        if bank.status == bank.Status.RENTED:
            values |= {"status": bank.Status.AVAILABLE, "rented_at": None}
        if self.report.battery_level is not None and not self.has_fresher_battery(bank):
            values["battery_level"] = self.report.battery_level
        changed = rows.assign(bank, values) | self.place(bank, station, slot)
        return changed | self.date_place(bank, station)

    def has_fresher_battery(self, bank: AbstractPowerBank) -> bool:
        """Return whether a snapshot may have told the battery level after the gateway cached it."""
        seen = last_located(bank)
        return (
            bank.battery_level is not None
            and seen is not None
            and self.report.event_time - seen <= BATTERY_CACHE_AGE
        )

    def vacate(
        self, slot: AbstractStationSlot | None, others: list[AbstractPowerBank]
    ) -> AbstractStationSlot | None:
        """Return the slot once the bank that was in it has left; None if that one is newer."""
        if slot is None:
            return None
        holders = [bank for bank in others if bank.current_slot_id == slot.pk]  # type: ignore[attr-defined]
        if any(is_older(self.report.event_time, bank) for bank in holders):
            self.outcome.warn(WarningCode.SLOT_TAKEN, "return_event.slot_number")
            return None
        for bank in holders:
            rows.update(bank, rows.assign(bank, {"current_slot_id": None}))
        if slot.status == slot.Status.AVAILABLE:
            rows.update(slot, rows.assign(slot, {"status": slot.Status.OCCUPIED}))
            self.outcome.slots_updated += 1
        return slot
