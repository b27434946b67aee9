"""Apply a ``full`` event: the whole state of one station."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_iot_ingest.events import FullReport, WarningCode
from django_iot_ingest.models import AbstractStation, StationStatusChange
from django_iot_ingest.services import rows
from django_iot_ingest.services.base import StationSync
from django_iot_ingest.services.cabinet import CabinetSync
from django_iot_ingest.services.outcome import Outcome
from django_iot_ingest.services.tables import Banks, Slots

if TYPE_CHECKING:
    from django_iot_ingest.services.service import StationSyncService


class FullSync(StationSync[FullReport]):
    """Write what changed of a station, its slots and its banks, in a number of statements that
    does not depend on how many there are."""

    def __init__(self, service: StationSyncService, report: FullReport) -> None:
        super().__init__(service, report)
        self.banks: Banks = {}
        self.slots: Slots = {}

    def run(self) -> Outcome:
        """Apply the snapshot, unless a newer one was applied."""
        station = self.lock_station()
        if station is None:
            return self.outcome.defer(WarningCode.STATION_UNKNOWN, "device.serial_number")
        if station.last_full_at and self.report.event_time < station.last_full_at:
            return self.stale(station)
        cabinet = CabinetSync(self, station)
        cabinet.heed_waiting_returns()
        self.update_station(station)
        self.save_station(station)
        cabinet.write()
        self.outcome.is_awaited = self.tables.is_awaited or self.is_new or bool(cabinet.new_banks)
        return self.finish()

    def find_station(self) -> AbstractStation | None:
        """Lock and return the station, its banks and those that are shown, with its slots."""
        if not self.report.reports_slots:
            return super().find_station()
        shown = {bank.serial_number for bank in self.report.power_banks}
        serial = self.report.device_serial
        station, self.banks, self.slots = self.tables.lock_cabinet(serial, shown)
        return station

    def update_station(self, station: AbstractStation) -> None:
        """Set the device-owned columns that the snapshot tells."""
        device = self.report.device
        told = rows.known(
            imei=device.imei,
            total_slots=device.total_slots,
            signal_strength=device.signal_strength,
            wifi_ssid=device.wifi_ssid,
            hardware_info=device.hardware_info,
        )
        self.assign(station, last_full_at=self.report.event_time, **told)
        self.assign_heartbeat(station, device.last_heartbeat)
        if self.report.is_complete:
            self.assign(station, last_report_at=self.report.event_time)
        self.update_status(station)

    def update_status(self, station: AbstractStation) -> None:
        """Take the snapshot's status, unless a newer ``status`` event has spoken."""
        status, spoken_at = self.report.device.status, station.last_status_at
        if status and not (spoken_at and self.report.event_time < spoken_at):
            self.change_status(station, status, StationStatusChange.Trigger.FULL)
        else:
            self.revive(station, StationStatusChange.Trigger.FULL)
