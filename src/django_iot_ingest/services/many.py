"""The rows of many stations at once, on PostgreSQL: one snapshot of each, in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django_iot_ingest.conf import get_station_model
from django_iot_ingest.events import FullReport
from django_iot_ingest.models import AbstractStation, IngestEvent
from django_iot_ingest.services import in_place, statements
from django_iot_ingest.services.in_place import Refreshed
from django_iot_ingest.services.postgresql import (
    PostgresqlTables,
    host_models,
    is_watched,
)

SETTLED = (
    "applied_at",
    "attempts",
    "duration",
    "last_error_code",
    "result",
    "retry_at",
    "state",
)
"""Columns of the inbox that say what became of an event."""

Changes = dict[Any, tuple[Any, set[str]]]


class TablesOfMany(PostgresqlTables):
    """Locks the stations of several snapshots, compares and writes their cabinets together.

    Only those snapshots are to be applied with it that ``refresh`` returns. What they change of
    stations and inbox is written by ``flush``.
    """

    def __init__(self, using: str) -> None:
        super().__init__(using)
        self.locked: dict[str, AbstractStation] = {}
        self.cabinets: dict[str, Refreshed] = {}
        self.changes: dict[Any, Changes] = {}

    def lock_stations(self, serials: Sequence[str]) -> list[AbstractStation]:
        """Lock and return, of these stations, those that are known and that nobody holds."""
        if not serials:
            return []
        [found] = self.run([(statements.lock_free_sql(get_station_model()), [list(serials)])])
        stations = self.instances(get_station_model(), found)
        self.locked = {station.serial_number: station for station in stations}
        return stations

    def refresh(self, reports: Sequence[FullReport]) -> Collection[str]:
        """Lock the banks of locked stations and those that are shown; write what differs of every
        cabinet where all is in place. Return the serial numbers of their stations."""
        reports = [report for report in reports if in_place.may_be(report)]
        if reports and in_place.is_possible(*host_models()):
            [found] = self.run([in_place.statement_of_many(reports, self.using)])
            self.cabinets, _ = in_place.read(found)
        return self.cabinets.keys()

    def lock_reporter(self, report: FullReport) -> AbstractStation | None:
        """Return the station, locked before, whose cabinet was written before."""
        self.refreshed = self.cabinets[report.device_serial]
        return self.locked[report.device_serial]

    def update_all(self, changes: Mapping[Any, tuple[Any, set[str]]]) -> int:
        """Keep the rows with others of their kind, until ``flush``."""
        count = 0
        for key, (row, fields) in changes.items():
            kept = self.changes.setdefault(type(row), {})
            _, names = kept.get(key, (row, set()))
            kept[key] = (row, names | fields)
            count += bool(fields)
        return count

    def settle(self, events: Iterable[IngestEvent]) -> None:
        """Write what became of rows of the inbox with the rest, unless the host listens."""
        for event in events:
            if is_watched(IngestEvent):
                event.save(using=self.using, update_fields=SETTLED)
            else:
                self.update_all({event.pk: (event, set(SETTLED))})

    def flush(self) -> None:
        """Write what waits, in one round trip."""
        changes, self.changes = self.changes, {}
        for rows in changes.values():
            super().update_all(rows)
        super().flush()
