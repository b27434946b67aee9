"""Read a full snapshot from the wire: slots, banks, and one location for each bank.

What contradicts itself inside one snapshot is settled here, but for two banks in one slot: which of
them is placed at all depends on what is known already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django_iot_ingest.events import FullReport, PowerBankReport, SlotReport, WarningCode
from django_iot_ingest.models import AbstractPowerBank, AbstractStationSlot
from django_iot_ingest.wire import (
    MAX_BATTERY,
    MAX_BYTE,
    Reader,
    choice,
    is_serial,
    is_whole,
    read_device,
)

AVAILABLE, OCCUPIED = AbstractStationSlot.Status.AVAILABLE, AbstractStationSlot.Status.OCCUPIED

SLOT_STATUSES = AbstractStationSlot.Status.values

BANK_STATUSES = [
    status
    for status in AbstractPowerBank.Status.values
    # RENTED is the host's word: no device can say it.
    if status != AbstractPowerBank.Status.RENTED
]


def read_full(reader: Reader) -> FullReport:
    """Read a ``full`` event."""
    slot_rows, bank_rows = reader.rows("slots"), reader.rows("power_banks")
    reader.check()
    device = read_device(reader)
    if not slot_rows or device.total_slots == 0:
        # A misread frame: it proves nothing about slots and banks, nor how many slots there are.
        return FullReport(
            device=replace(device, total_slots=None),
            slots=(),
            power_banks=(),
            reports_slots=False,
            is_complete=False,
            **reader.common(),
        )
    cabinet = _Cabinet(reader)
    cabinet.read_slots(slot_rows)
    cabinet.read_power_banks(bank_rows)
    return FullReport(
        device=device,
        power_banks=tuple(cabinet.power_banks.values()),
        slots=cabinet.filled_slots(),
        reports_slots=True,
        is_complete=cabinet.is_complete,
        **reader.common(),
    )


class _Cabinet:
    """The slots and banks of one snapshot while it is read."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.slots: dict[int, SlotReport] = {}
        self.slot_paths: dict[int, str] = {}
        self.named_by_slot: dict[int, str] = {}
        self.power_banks: dict[str, PowerBankReport] = {}
        self.is_complete = True

    def read_slots(self, rows: list[Any]) -> None:
        """Read the slot rows; of repeated ones the last wins."""
        for path, row in self._rows("slots", rows):
            number = row.get("slot_number")
            if not is_whole(number, MAX_BYTE):
                self._ignore(f"{path}.slot_number")
                continue
            if number in self.slots:
                self.reader.warn(WarningCode.REPEATED, f"{path}.slot_number")
            self.slots[number] = self._slot(row, path)
            self.slot_paths[number] = path
            self._note_named_bank(row, path)

    def read_power_banks(self, rows: list[Any]) -> None:
        """Read the bank rows, after a row for each bank that only a slot names."""
        own: dict[str, PowerBankReport] = {}
        for path, row in self._rows("power_banks", rows):
            serial = row.get("serial_number")
            if not is_serial(serial):
                self._ignore(f"{path}.serial_number")
                continue
            if own.pop(serial, None):
                self.reader.warn(WarningCode.REPEATED, f"{path}.serial_number")
            own[serial] = self._power_bank(row, path)
        for serial, number in self._slots_by_serial().items():
            self._place_by_slot(own, serial, number)
        self.power_banks |= own

    def filled_slots(self) -> tuple[SlotReport, ...]:
        """Return the slots; one that holds a bank is never empty."""
        held = {bank.slot_number for bank in self.power_banks.values()} | set(self.named_by_slot)
        for number, slot in self.slots.items():
            if slot.status == AVAILABLE and number in held:
                self.reader.warn(WarningCode.CONTRADICTORY, f"{self.slot_paths[number]}.status")
                self.slots[number] = slot._replace(status=OCCUPIED)
        return tuple(self.slots.values())

    def _rows(self, name: str, rows: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for index, row in enumerate(rows):
            if isinstance(row, dict):
                yield f"{name}.{index}", row
            else:
                self._ignore(f"{name}.{index}")

    def _ignore(self, path: str) -> None:
        self.is_complete = False
        self.reader.warn(WarningCode.ROW_IGNORED, path)

    def _slot(self, row: Mapping[str, Any], path: str) -> SlotReport:
        metadata = self.reader.json(row, path, "slot_metadata")
        return SlotReport(
            row["slot_number"],
            self._slot_status(row, metadata or {}, path),
            self.reader.whole(row, path, "battery_level", MAX_BATTERY),
            metadata,
        )

    def _slot_status(self, row: Mapping[str, Any], metadata: Mapping[str, Any], path: str) -> str:
        if metadata.get("error_code") is not None:
            return AbstractStationSlot.Status.ERROR
        status = choice(row.get("status"), SLOT_STATUSES)
        if status is None:
            self.reader.warn(WarningCode.UNKNOWN_STATUS, f"{path}.status")
        return status or AbstractStationSlot.Status.ERROR

    def _note_named_bank(self, row: Mapping[str, Any], path: str) -> None:
        serial = row.get("power_bank_serial")
        if is_serial(serial):
            self.named_by_slot[row["slot_number"]] = serial
            return
        self.named_by_slot.pop(row["slot_number"], None)
        if serial not in (None, ""):
            # Something is in there that cannot be named: it may be any bank that seems absent.
            self.is_complete = False
            self.reader.warn(WarningCode.UNUSABLE, f"{path}.power_bank_serial")

    def _power_bank(self, row: Mapping[str, Any], path: str) -> PowerBankReport:
        status = choice(row.get("status"), BANK_STATUSES)
        if status is None and row.get("status") is not None:
            self.reader.warn(WarningCode.UNKNOWN_STATUS, f"{path}.status")
            status = AbstractPowerBank.Status.MAINTENANCE
        return PowerBankReport(
            row["serial_number"],
            status,
            self.reader.whole(row, path, "battery_level", MAX_BATTERY),
            self.reader.json(row, path, "hardware_info"),
            self.reader.whole(row, path, "current_slot", MAX_BYTE),
            path,
            f"{path}.current_slot",
        )

    def _slots_by_serial(self) -> dict[str, int]:
        """Return the slot of each bank that slots name; of several the last one."""
        by_serial: dict[str, int] = {}
        for number, serial in self.named_by_slot.items():
            if serial in by_serial:
                path = f"{self.slot_paths[number]}.power_bank_serial"
                self.reader.warn(WarningCode.REPEATED, path)
            by_serial[serial] = number
        return by_serial

    def _place_by_slot(self, own: dict[str, PowerBankReport], serial: str, number: int) -> None:
        bank = own.get(serial)
        if bank is not None and bank.slot_number == number:
            return
        path = self.slot_paths[number]
        slot_path = f"{path}.power_bank_serial"
        if bank is None:
            self.power_banks[serial] = PowerBankReport(
                serial, None, None, None, number, path, slot_path
            )
        elif bank.slot_number is None:
            own[serial] = bank._replace(slot_number=number)
        else:
            self.reader.warn(WarningCode.CONTRADICTORY, slot_path)
