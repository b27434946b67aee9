"""Compare the slots and banks of a snapshot with the tables, and write what differs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from django_iot_ingest import faults, logs, signals
from django_iot_ingest.conf import get_power_bank_model, get_station_slot_model, ingest_settings
from django_iot_ingest.events import (
    PowerBankMissing,
    PowerBankReport,
    Source,
    WarningCode,
)
from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    IngestEvent,
)
from django_iot_ingest.services import hooks, rows
from django_iot_ingest.services.base import is_older, last_located
from django_iot_ingest.services.contest import EARLIER, NEWER, Claim, Sighting, SlotContest

if TYPE_CHECKING:
    from django_iot_ingest.services.full import FullSync

logger = logging.getLogger("django_iot_ingest.services")


class WaitingReturns(Exception):
    """Returns of banks that this snapshot shows wait in the inbox: they come first."""

    is_expected = True

    def __init__(self, event_ids: list[int]) -> None:
        super().__init__(event_ids)
        self.event_ids = event_ids


class CabinetSync:
    """The slots and banks of one locked station, beside what its snapshot says of them."""

    def __init__(self, sync: FullSync, station: AbstractStation) -> None:
        self.sync = sync
        self.report = sync.report
        self.station = station
        self.tables = sync.tables
        self.slots = sync.slots
        self.banks = sync.banks
        self.changed_slots: dict[Any, tuple[AbstractStationSlot, set[str]]] = {}
        self.new_banks: list[AbstractPowerBank] = []
        self.changed_banks: dict[str, tuple[AbstractPowerBank, set[str]]] = {}
        self.contest = SlotContest()
        self.claimed: set[Any] = set()
        """Ids of the slots where a rented bank is shown that seems to be back."""
        self.steps: list[Callable[[], object]] = []
        """What ends in a hook, after all else is written."""

    # Reading

    def heed_waiting_returns(self) -> None:
        """Raise ``WaitingReturns`` if a rented bank that is shown has a return in the inbox."""
        reported = {bank.serial_number for bank in self.report.power_banks}
        rented = [serial for serial in reported & self.banks.keys() if self.is_rented(serial)]
        if not rented:
            return
        waiting = IngestEvent.objects.using(self.sync.using).filter(
            state__in=IngestEvent.WAITING, event_type="returned", power_bank_serial__in=rented
        )
        waiting = waiting.exclude(pk__in=self.sync.service.returns_tried)
        event_ids = list(waiting.order_by("event_time", "pk").values_list("pk", flat=True))
        if event_ids:
            raise WaitingReturns(event_ids)

    def is_rented(self, serial: str) -> bool:
        """Return whether a locked bank is rented."""
        bank = self.banks[serial]
        return bank.status == bank.Status.RENTED

    # Writing

    def write(self) -> None:
        """Write slots, then banks, then what ends in a hook."""
        if not self.report.reports_slots:
            return
        self.compare_slots()
        self.compare_banks()
        self.write_slots()
        self.write_banks()
        if self.steps:
            self.tables.flush()
        for step in self.steps:
            step()

    def compare_slots(self) -> None:
        """Create the slots that are new, since banks point at them, and set the others."""
        new = []
        for told in self.report.slots:
            values = rows.known(status=told.status, battery_level=told.battery_level)
            metadata = rows.known(slot_metadata=told.slot_metadata)
            slot = self.slots.get(told.slot_number)
            if slot is None:
                number, station = told.slot_number, self.station
                slot = get_station_slot_model()(
                    slot_number=number, station=station, **values, **metadata
                )
                new.append(slot)
            else:
                changed = rows.assign(slot, values)
                if changed or not is_same(slot.slot_metadata, told.slot_metadata):
                    changed |= rows.assign(slot, metadata)
                self.changed_slots[slot.pk] = (slot, changed)
            self.slots[told.slot_number] = slot
        if new:
            self.sync.insert(lambda: self.tables.slots().bulk_create(new))
        self.sync.outcome.slots_updated += len(new)

    def write_slots(self) -> None:
        """Update the slots that changed; one that holds a bank now is never empty."""
        status = AbstractStationSlot.Status
        held = self.contest.held() | self.claimed
        for slot in self.slots.values():
            if slot.pk in held and slot.status == status.AVAILABLE:
                _, changed = self.changed_slots.get(slot.pk, (slot, set()))
                filled = rows.assign(slot, {"status": status.OCCUPIED})
                self.changed_slots[slot.pk] = (slot, changed | filled)
        written = self.tables.update_all(self.changed_slots)
        self.sync.outcome.slots_updated += written

    def compare_banks(self) -> None:
        """Decide, for each bank told of or at this station, what becomes of it."""
        self.leave_newer()
        placed = [sighting for sighting in self.sightings() if self.is_placed(sighting)]
        for sighting in placed:
            self.warn_of(self.claim_slot(sighting))
        for sighting in placed:
            changed = self.update(sighting.bank, sighting.told, self.slot_won(sighting))
            if sighting.told.serial_number in self.banks:
                self.keep(sighting.bank, changed)
        told_of = {bank.serial_number for bank in self.report.power_banks}
        for serial, bank in self.banks.items():
            if serial not in told_of and self.is_here(bank):
                self.miss(bank)

    def leave_newer(self) -> None:
        """Leave their slots to the banks that an event newer than this snapshot put there."""
        for bank in self.banks.values():
            slot_id = bank.current_slot_id  # type: ignore[attr-defined]
            if slot_id and self.is_here(bank) and is_older(self.report.event_time, bank):
                self.contest.claim(slot_id, Claim(NEWER, bank))

    def sightings(self) -> Iterator[Sighting]:
        """Yield each bank that is shown, and is known or may be created."""
        for row, told in enumerate(self.report.power_banks):
            bank = self.banks.get(told.serial_number) or self.new_bank(told)
            slot = None if told.slot_number is None else self.slots.get(told.slot_number)
            if bank is None:
                self.sync.outcome.warn(WarningCode.POWER_BANK_UNKNOWN, told.path)
            else:
                yield Sighting(row, bank, told, slot)

    def new_bank(self, told: PowerBankReport) -> AbstractPowerBank | None:
        """Return a bank at first sight, unsaved; None if none may be created."""
        if not ingest_settings.AUTO_CREATE_POWER_BANKS:
            return None
        self.tables.flush()
        defaults = self.sync.service.get_power_bank_defaults(told.serial_number)
        bank = get_power_bank_model()(**{**defaults, "serial_number": told.serial_number})
        self.new_banks.append(bank)
        return bank

    def is_placed(self, sighting: Sighting) -> bool:
        """Return whether a bank is placed where it is shown; a rented one is so by its own step."""
        bank, told = sighting.bank, sighting.told
        if told.serial_number not in self.banks:
            return True
        if self.is_rented(told.serial_number):
            self.see_rented(sighting)
            return False
        if is_older(self.report.event_time, bank):
            self.sync.outcome.warn(WarningCode.OLDER_LOCATION, told.path)
            return False
        return True

    def see_rented(self, sighting: Sighting) -> None:
        """Take a rented bank as returned unheard, unless it was rented only just now."""
        bank, told = sighting.bank, sighting.told
        grace = timedelta(seconds=ingest_settings.EJECT_GRACE)
        if bank.rented_at and self.report.event_time <= bank.rented_at + grace:
            self.sync.outcome.warn(WarningCode.JUST_RENTED, told.path)
            return
        if sighting.slot:
            self.claimed.add(sighting.slot.pk)
        self.steps.append(lambda: self.return_unheard(sighting))

    def claim_slot(self, sighting: Sighting) -> Claim | None:
        """Claim the slot of a bank that is placed; return who is without it from here on."""
        if sighting.slot:
            return self.contest.claim(sighting.slot.pk, sighting)
        if sighting.told.slot_number is not None:
            self.sync.outcome.warn(WarningCode.SLOT_UNKNOWN, sighting.told.slot_path)
        return None

    def warn_of(self, loser: Claim | None) -> None:
        """Say that a bank is not in the slot in which a row shows it."""
        if isinstance(loser, Sighting):
            self.sync.outcome.warn(WarningCode.SLOT_TAKEN, loser.told.slot_path)

    def slot_won(self, sighting: Sighting) -> AbstractStationSlot | None:
        """Return the slot of a bank, if no other has it."""
        slot = sighting.slot
        return slot if slot and self.contest.is_held_by(slot.pk, sighting) else None

    def is_here(self, bank: AbstractPowerBank) -> bool:
        """Return whether a locked bank is at this station."""
        is_at_station: bool = bank.current_station_id == self.station.pk  # type: ignore[attr-defined]
        return is_at_station and bank.status != bank.Status.RENTED

    def update(
        self, bank: AbstractPowerBank, told: PowerBankReport, slot: AbstractStationSlot | None
    ) -> set[str]:
        """Set what the snapshot says of a bank; return the names of the columns that changed."""
        changed = rows.assign(
            bank,
            rows.known(
                status=told.status,
                battery_level=told.battery_level,
                hardware_info=told.hardware_info,
            ),
        )
        changed |= self.sync.place(bank, self.station, slot)
        if changed or not self.report.is_complete:
            changed |= self.sync.date_place(bank, self.station)
        return changed

    def miss(self, bank: AbstractPowerBank) -> None:
        """Judge a bank that was here and that the snapshot does not name."""
        event_time = self.report.event_time
        if is_older(event_time, bank):
            return
        if not self.report.is_complete:
            self.leave_taken_slot(bank)
        elif bank.absent_since is None:
            located_at = last_located(bank)
            absence = {"current_slot_id": None, "absent_since": event_time}
            self.keep(bank, rows.assign(bank, {**absence, "located_at": located_at}))
        elif event_time > bank.absent_since:
            # A repeat of the same snapshot is no second proof.
            self.steps.append(lambda: self.in_savepoint("power_banks", self.lose, bank))

    def leave_taken_slot(self, bank: AbstractPowerBank) -> None:
        """Keep a bank at its station, without its slot if another bank is there now."""
        slot_id, claim = bank.current_slot_id, Claim(EARLIER, bank)  # type: ignore[attr-defined]
        if slot_id and self.contest.claim(slot_id, claim) is claim:
            self.keep(bank, rows.assign(bank, {"current_slot_id": None}))

    def keep(self, bank: AbstractPowerBank, changed: set[str]) -> None:
        """Remember the changed columns of a bank for the bulk statement."""
        self.changed_banks[bank.serial_number] = (bank, changed)

    def write_banks(self) -> None:
        """Create and update banks, in one statement each."""
        if self.new_banks:
            new = sorted(self.new_banks, key=lambda bank: bank.serial_number)
            self.sync.insert(lambda: self.tables.power_banks().bulk_create(new))
        changed = self.tables.update_all(self.changed_banks)
        self.sync.outcome.power_banks_updated += len(self.new_banks) + changed

    # What ends in a hook

    def in_savepoint(self, path: str, step: Callable[..., None], *args: Any) -> bool:
        """Run one bank's step; a refusal of its hook undoes that bank alone, and returns False."""
        try:
            with transaction.atomic(using=self.sync.using):
                step(*args)
        except Exception as error:
            if faults.is_fault(error):
                raise
            self.refuse(path, error)
            return False
        self.sync.outcome.power_banks_updated += 1
        return True

    def refuse(self, path: str, error: Exception) -> None:
        """Say that a hook refused a bank; the next snapshot tries again."""
        code = faults.code_of(error)
        told = {
            "event_type": self.report.event_type,
            "device_serial": self.report.device_serial,
            "error_code": code,
        }
        line = "StationSyncService: a hook refused a power bank%s"
        logger.error(line, logs.trace(error), extra=told)
        self.sync.outcome.warn(WarningCode.HOOK_REFUSED, path)
        hooks.notify(
            self.sync.service,
            signals.event_failed,
            self.sync.using,
            event_id=None,
            event_type=self.report.event_type,
            device_serial=self.report.device_serial,
            error_code=code,
        )

    def return_unheard(self, sighting: Sighting) -> None:
        """End the rental of a bank whose return nobody heard; who had its slot, moves out for it."""
        loser = self.claim_slot(sighting)
        ousted = loser.bank if loser and loser is not sighting else None
        slot = self.slot_won(sighting)
        is_back = self.in_savepoint(
            sighting.told.path, self.take_back, sighting.bank, sighting.told, slot, ousted
        )
        if is_back:
            self.warn_of(loser)
        elif slot:
            self.contest.give_back(slot.pk, loser)
            if ousted:
                ousted.current_slot = slot

    def take_back(
        self,
        bank: AbstractPowerBank,
        told: PowerBankReport,
        slot: AbstractStationSlot | None,
        ousted: AbstractPowerBank | None,
    ) -> None:
        """Write a bank that is back, and run its hook."""
        if ousted:
            rows.update(ousted, rows.assign(ousted, {"current_slot_id": None}))
        changed = rows.assign(bank, {"status": bank.Status.AVAILABLE, "rented_at": None})
        changed |= self.update(bank, told, slot)
        rows.update(bank, changed)
        self.sync.tell_of_return(
            bank,
            self.station,
            slot,
            occurred_at=self.report.event_time,
            was_rented=True,
            source=Source.SNAPSHOT,
        )
        self.sync.outcome.offline_returns_processed += 1

    def lose(self, bank: AbstractPowerBank) -> None:
        """Record that a bank is missing."""
        since: datetime = self.report.event_time
        missing = {"current_station_id": None, "current_slot_id": None, "missing_since": since}
        rows.update(bank, rows.assign(bank, missing))
        event = PowerBankMissing(
            power_bank=bank,
            station=self.station,
            missing_since=since,
            received_at=self.report.received_at,
        )
        self.sync.call(self.sync.service.on_power_bank_missing, event)
        hooks.notify(self.sync.service, signals.power_bank_missing, self.sync.using, event=event)


def is_same(known: Any, told: Mapping[str, Any] | None) -> bool:
    """Return whether metadata says nothing new: ``last_updated`` differs in every upload."""
    if told is None or not isinstance(known, dict):
        return told is None
    renewed = {"last_updated": None}
    return not rows.differ({**known, **renewed}, {**told, **renewed})
