"""``StationSyncService``: the hooks of a host, and one method per event type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django_iot_ingest.database import alias
from django_iot_ingest.events import (
    FullReport,
    PowerBankMissing,
    PowerBankReturned,
    ReturnReport,
    StationCreated,
    StationStatusChanged,
    StatusReport,
)
from django_iot_ingest.services.full import FullSync
from django_iot_ingest.services.outcome import Outcome
from django_iot_ingest.services.returned import ReturnSync
from django_iot_ingest.services.status import StatusSync
from django_iot_ingest.services.tables import Tables, tables


class StationSyncService:
    """Apply events to the host's tables; subclass it and name it in ``SYNC_SERVICE``.

    Hooks run inside the transaction, with the rows locked, and may refuse by raising: a refusal
    undoes the event (in a ``full``: that one bank), which stays in the inbox and is tried again. A
    new instance serves each event.
    """

    returns_tried: frozenset[int] = frozenset()
    """Inbox ids of waiting returns that were tried just before this snapshot is applied."""

    is_written_by_caller: bool = False
    """Whether whoever calls ``apply_*`` writes what waits in ``tables``, together with more."""

    @cached_property
    def tables(self) -> Tables:
        """The rows that this event reads and writes."""
        return tables(alias())

    def get_station_defaults(self, serial_number: str) -> Mapping[str, Any]:
        """Return values of the host's own columns for a station that is about to be created."""
        return {}

    def get_power_bank_defaults(self, serial_number: str) -> Mapping[str, Any]:
        """Return values of the host's own columns for a bank that is about to be created."""
        return {}

    def on_station_created(self, event: StationCreated) -> None:
        """React to a station's first contact."""

    def on_station_status_changed(self, event: StationStatusChanged) -> None:
        """React to a change of a station's status, from whatever source."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        """End the rental: called exactly once for each return, in the transaction that applies it.

        Where ``event.was_rented`` is False, end only a rental that had begun by
        ``event.occurred_at``.
        """

    def on_power_bank_missing(self, event: PowerBankMissing) -> None:
        """React to a bank that two snapshots of its station in a row lacked."""

    def apply_full(self, report: FullReport) -> Outcome:
        """Apply a snapshot inside the open transaction."""
        return self._written(FullSync(self, report).run())

    def apply_returned(self, report: ReturnReport) -> Outcome:
        """Apply a return inside the open transaction."""
        return self._written(ReturnSync(self, report).run())

    def apply_status(self, report: StatusReport) -> Outcome:
        """Apply a status event inside the open transaction."""
        return self._written(StatusSync(self, report).run())

    def _written(self, outcome: Outcome) -> Outcome:
        if not self.is_written_by_caller:
            self.tables.flush()
        return outcome
