"""Apply a ``status`` event: a station's own word about itself."""

from __future__ import annotations

from django_iot_ingest.events import StatusReport, WarningCode
from django_iot_ingest.models import AbstractStation, StationStatusChange
from django_iot_ingest.services.base import StationSync
from django_iot_ingest.services.outcome import Outcome


class StatusSync(StationSync[StatusReport]):
    """Set the station's status, unless a newer ``status`` event has spoken."""

    def run(self) -> Outcome:
        """Apply the event and return what was done."""
        station = self.lock_station()
        if station is None:
            return self.outcome.defer(WarningCode.STATION_UNKNOWN, "device.serial_number")
        event_time = self.report.event_time
        if station.last_status_at and event_time < station.last_status_at:
            return self.stale(station)
        self.assign(station, last_status_at=event_time)
        self.change_status(station, self.report.status, StationStatusChange.Trigger.STATUS)
        self.save_station(station)
        return self.finish()

    def find_station(self) -> AbstractStation | None:
        """Find by serial number, else by IMEI if exactly one station has it."""
        station = super().find_station()
        if station is not None:
            return station
        same_imei = list(self.tables.locked_stations().filter(imei=self.report.device_serial)[:2])
        return same_imei[0] if len(same_imei) == 1 else None
