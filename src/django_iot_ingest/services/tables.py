"""The host's rows as a sync needs them: found, locked, written. The one seam between rules and SQL.

``Tables`` asks Django's ORM and serves every database. ``PostgresqlTables`` sends a snapshot's rows
in a few prepared statements; what it leaves in the tables is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connections

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.events import FullReport
from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    IngestEvent,
)
from django_iot_ingest.services import rows
from django_iot_ingest.services.outcome import Outcome

Banks = dict[str, AbstractPowerBank]
Slots = dict[int, AbstractStationSlot]


class Tables:
    """The rows of one event, inside its open transaction, through the ORM.

    Rows are locked in one order everywhere: the inbox row (by the caller), the station, the banks
    by serial number. Slots are guarded by their station's lock.
    """

    is_awaited = True
    """Whether deferred returns may wait for the station that was locked, or for banks at it."""

    def __init__(self, using: str) -> None:
        self.using = using

    # Rows of a kind

    def stations(self) -> Any:
        """Return the host's station rows."""
        return get_station_model()._base_manager.using(self.using)

    def slots(self) -> Any:
        """Return the host's slot rows."""
        return get_station_slot_model()._base_manager.using(self.using)

    def power_banks(self) -> Any:
        """Return the host's bank rows."""
        return get_power_bank_model()._base_manager.using(self.using)

    def locked_stations(self) -> Any:
        """Return the station rows; reading them locks them in order of serial number."""
        return self.stations().select_for_update().order_by("serial_number")

    settles_many = False
    """Whether ``settle_many`` may do anything."""

    # A snapshot at once

    def settle(
        self, report: FullReport, kept: Mapping[str, Any], arrived: float | None, *, is_shown: bool
    ) -> tuple[int, Outcome] | None:
        """Apply a snapshot that changes no status and finds every bank in its place, and insert its
        row of the inbox, which holds ``kept``, in one statement that is a transaction.

        Return the id of that row; None if nothing was done. Unless the station ``is_shown``, only
        its primary key is told.
        """
        return None

    def settle_many(
        self, kept: Sequence[tuple[FullReport, int]], *, is_shown: bool
    ) -> list[tuple[FullReport, int, Outcome]]:
        """Do so for snapshots of several stations whose locked rows are in the inbox, by these ids,
        inside the open transaction; return those that were applied."""
        return []

    # Reading and locking

    def lock_station(self, serial: str) -> AbstractStation | None:
        """Lock and return the station of a serial number."""
        station: AbstractStation | None = (
            self.locked_stations().filter(serial_number=serial).first()
        )
        return station

    def lock_cabinet(
        self, serial: str, reported: Collection[str]
    ) -> tuple[AbstractStation | None, Banks, Slots]:
        """Lock a station, then the banks that are at it or ``reported``; return its slots too."""
        station = self.lock_station(serial)
        at_station = self.serials_at(station) if station else set()
        banks = self.lock_power_banks(at_station | set(reported), here=station)
        return station, banks, self.slots_of(station) if station else {}

    def serials_at(self, station: AbstractStation) -> set[str]:
        """Return the serial numbers of the banks at a locked station, not yet locked."""
        banks = self.power_banks().filter(current_station=station.pk)
        return set(banks.values_list("serial_number", flat=True))

    def slots_of(self, station: AbstractStation) -> Slots:
        """Return the slots of a locked station, by number."""
        slots = self.slots().filter(station=station.pk)
        return {slot.slot_number: slot for slot in slots}

    def lock_power_banks(
        self, serials: Collection[str], here: AbstractStation | None = None
    ) -> Banks:
        """Lock the banks of these serial numbers, by serial number; see ``base.last_located``."""
        locked = self.power_banks().select_for_update().order_by("serial_number")
        found = locked.filter(serial_number__in=sorted(serials))
        banks = {bank.serial_number: bank for bank in found}
        self.confirm(banks.values(), here)
        return banks

    def confirm(
        self, banks: Collection[AbstractPowerBank], here: AbstractStation | None = None
    ) -> None:
        """Set ``confirmed_at`` on locked banks: the newest report of the station each is at.

        A station that is locked ``here`` says it itself. The others are asked in a statement of
        its own, after the one that locks: while that one waited, another station's snapshot may
        have confirmed a bank, which it would not see.
        """
        reported_at = {here.pk: here.last_report_at} if here else {}
        station_ids = {bank.current_station_id for bank in banks}  # type: ignore[attr-defined]
        elsewhere = station_ids - {None, *reported_at}
        if elsewhere:
            others = self.stations().filter(pk__in=elsewhere)
            reported_at |= dict(others.values_list("pk", "last_report_at"))
        for bank in banks:
            bank.confirmed_at = reported_at.get(bank.current_station_id)  # type: ignore[attr-defined]

    # Writing

    def update(self, row: Any, fields: Iterable[str]) -> None:
        """Write the named columns of one row, and the host's automatic time stamps."""
        rows.update(row, fields)

    def update_all(self, changes: Mapping[Any, tuple[Any, set[str]]]) -> int:
        """Write the changed columns of many rows of one kind, in one statement; return how many."""
        return rows.update_all(changes, self.using)

    def record(self, event: IngestEvent) -> None:
        """Insert the row of the inbox that says what became of the event."""
        self.flush()
        event.save(force_insert=True, using=self.using)

    def flush(self) -> None:
        """Write what waits to be written: before the host is called, and in the end."""


def tables(using: str) -> Tables:
    """Return the tables of one event on a database."""
    if connections[using].vendor == "postgresql":
        from django_iot_ingest.services import postgresql

        return postgresql.tables(using) or Tables(using)
    return Tables(using)
