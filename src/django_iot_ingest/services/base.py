"""What the sync of every event type shares: the locked station, its status, the locked banks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import IntegrityError

from django_iot_ingest import signals
from django_iot_ingest.conf import (
    get_station_model,
    ingest_settings,
)
from django_iot_ingest.database import alias
from django_iot_ingest.events import (
    PowerBankReturned,
    Source,
    StationCreated,
    StationReport,
    StationStatusChanged,
)
from django_iot_ingest.faults import ConcurrentChange
from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    IngestEvent,
)
from django_iot_ingest.services import hooks, rows
from django_iot_ingest.services.outcome import Outcome

if TYPE_CHECKING:
    from django_iot_ingest.services.service import StationSyncService

Report = TypeVar("Report", bound=StationReport)


class StationSync(Generic[Report]):
    """Apply one report inside the open transaction; see ``Tables`` for the order of locks."""

    def __init__(self, service: StationSyncService, report: Report) -> None:
        self.service = service
        self.report = report
        self.using = alias()
        self.tables = service.tables
        self.outcome = Outcome(warnings=list(report.warnings))
        self.is_new = False
        self.changed: set[str] = set()
        self.status_change: StationStatusChanged | None = None

    # The station

    def lock_station(self) -> AbstractStation | None:
        """Lock the station, or prepare a new one; None if it is unknown and may not be created.

        ``save_station`` writes it, once, with all that the event changes.
        """
        station = self.find_station()
        if station is None and ingest_settings.AUTO_CREATE_STATIONS:
            station = self.new_station()
        if station is not None:
            self.outcome.station = station
            self.hear(station)
        return station

    def find_station(self) -> AbstractStation | None:
        """Lock and return the station of the event's serial number."""
        return self.tables.lock_station(self.report.device_serial)

    def new_station(self) -> AbstractStation:
        """Return an unsaved station with the host's defaults."""
        self.is_new = True
        serial = self.report.device_serial
        defaults = self.service.get_station_defaults(serial)
        return get_station_model()(**{**defaults, "serial_number": serial})

    def hear(self, station: AbstractStation) -> None:
        """Note that the station was heard, on our own clock."""
        heard_at = self.report.received_at
        if station.last_heard_at is None or station.last_heard_at < heard_at:
            self.assign(station, last_heard_at=heard_at)

    def assign(self, station: AbstractStation, **values: Any) -> None:
        """Set columns of the station, to be written by ``save_station``."""
        self.changed |= rows.assign(station, values)

    def assign_heartbeat(self, station: AbstractStation, heartbeat: datetime | None) -> None:
        """Set what the device said its last heartbeat was, if that is news."""
        if heartbeat and (station.last_heartbeat is None or heartbeat > station.last_heartbeat):
            self.assign(station, last_heartbeat=heartbeat)

    def revive(self, station: AbstractStation, trigger: str) -> None:
        """Bring a station that was silent back ONLINE, if this event is newer than its silence."""
        if station.silent_since and self.report.event_time > station.silent_since:
            self.change_status(station, station.Status.ONLINE, trigger)

    def change_status(self, station: AbstractStation, status: str, trigger: str) -> None:
        """Set the station's status, by its own word, and remember a change for its history."""
        self.assign(station, silent_since=None)
        if station.status == status:
            return
        at = self.report.event_time
        self.status_change = hooks.status_change(station, status, at, trigger)
        self.assign(station, status=status, status_changed_at=at)

    def save_station(self, station: AbstractStation) -> None:
        """Write the station, and tell its history and the host's hooks."""
        if self.is_new:
            if not self.status_change:
                station.status_changed_at = self.report.event_time
            self.insert(lambda: station.save(force_insert=True, using=self.using))
            self.call(self.service.on_station_created, self.created_event(station))
        else:
            self.tables.update(station, self.changed)
        if self.status_change:
            self.tables.flush()
            hooks.record_status_change(self.service, self.status_change, self.using)

    def created_event(self, station: AbstractStation) -> StationCreated:
        """Return what the host's hook is told of a new station."""
        received_at, raw = self.report.received_at, self.report.raw
        return StationCreated(station=station, received_at=received_at, raw=raw)

    # Banks

    def place(
        self, bank: AbstractPowerBank, station: AbstractStation, slot: AbstractStationSlot | None
    ) -> set[str]:
        """Put a bank where this event saw it; return the names of the columns that changed.

        ``date_place`` says since when, which by itself is no change.
        """
        location = {
            "current_station_id": station.pk,
            "current_slot_id": slot.pk if slot else None,
            "absent_since": None,
            "missing_since": None,
        }
        changed = rows.assign(bank, location)
        if changed:
            bank.current_station, bank.current_slot = station, slot
        return changed

    def date_place(self, bank: AbstractPowerBank, station: AbstractStation) -> set[str]:
        """Note which event placed a bank; return the names of the columns that changed."""
        placed = {"located_at": self.report.event_time, "placed_after": station.last_report_at}
        return rows.assign(bank, placed)

    # The host

    def insert(self, work: Callable[[], Any]) -> None:
        """Insert rows; somebody else having been faster begins the transaction again."""
        self.tables.flush()
        try:
            work()
        except IntegrityError as error:
            raise ConcurrentChange from error

    def call(self, hook: Callable[[Any], None], event: Any) -> None:
        """Run a hook of the host inside the transaction, after what was written before it."""
        self.tables.flush()
        hooks.call(hook, event, self.using)

    def tell_of_return(
        self,
        bank: AbstractPowerBank,
        station: AbstractStation,
        slot: AbstractStationSlot | None,
        *,
        occurred_at: datetime,
        was_rented: bool,
        source: Source,
    ) -> None:
        """Run the hook that ends a rental, and signal the return after commit."""
        event = PowerBankReturned(
            power_bank=bank,
            station=station,
            slot=slot,
            occurred_at=occurred_at,
            received_at=self.report.received_at,
            was_rented=was_rented,
            source=source,
            raw=self.report.raw,
        )
        self.call(self.service.on_power_bank_returned, event)
        hooks.notify(self.service, signals.power_bank_returned, self.using, event=event)

    # The end

    def stale(self, station: AbstractStation) -> Outcome:
        """Change nothing but that the station was heard."""
        self.outcome.state = IngestEvent.State.STALE
        self.tables.update(station, self.changed)
        return self.outcome

    def finish(self) -> Outcome:
        """Signal the event after commit, and return what was done."""
        hooks.tell_of_sync(self.service, self.outcome.station, self.report, self.using)
        return self.outcome


def last_located(bank: AbstractPowerBank) -> datetime | None:
    """Return the event time of a locked bank's last known location.

    That is the event that placed it, or the newest snapshot of its station since, which confirmed
    it: so a snapshot that finds everything in its place writes no bank.
    """
    confirmed_at: datetime | None = bank.confirmed_at  # type: ignore[attr-defined]
    if bank.absent_since or (bank.placed_after and confirmed_at == bank.placed_after):
        confirmed_at = None
    return max((time for time in (bank.located_at, confirmed_at) if time), default=None)


def is_older(event_time: datetime, bank: AbstractPowerBank) -> bool:
    """Return whether an event is older than the bank's last known location."""
    located = last_located(bank)
    return located is not None and event_time < located
