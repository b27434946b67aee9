"""What applying one event did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django_iot_ingest.events import IngestWarning, WarningCode, add_warning
from django_iot_ingest.models import AbstractStation, IngestEvent

State = IngestEvent.State


@dataclass(slots=True)
class Outcome:
    """Count what was done. ``state`` is ``applied``, ``stale`` or ``deferred``."""

    state: str = State.APPLIED
    station: AbstractStation | None = None
    station_id: str | None = None
    """The station's primary key, where its row was not read."""
    slots_updated: int = 0
    power_banks_updated: int = 0
    offline_returns_processed: int = 0
    warnings: list[IngestWarning] = field(default_factory=list)
    is_awaited: bool = True
    """Whether deferred returns may wait for what the event made known."""

    def warn(self, code: WarningCode, path: str) -> None:
        """Add a warning to those that reading the payload gave, up to the same limit."""
        add_warning(self.warnings, code, path)

    def defer(self, code: WarningCode, path: str) -> Outcome:
        """Turn into an event that waits for what is not known yet."""
        self.state = State.DEFERRED
        self.warn(code, path)
        return self

    def last_warning(self) -> str:
        """Return the code of the last warning, if there is one."""
        return str(self.warnings[-1].code) if self.warnings else ""

    def result(self, device_serial: str) -> dict[str, Any]:
        """Return the part of the answer's ``data`` that is stored and told to every repeat."""
        return {
            "warnings": _plain(self.warnings),
            "station_id": self.station_id if self.station is None else str(self.station.pk),
            "station_serial": device_serial if self.station is None else self.station.serial_number,
            "slots_updated": self.slots_updated,
            "powerbanks_updated": self.power_banks_updated,
            "offline_returns_processed": self.offline_returns_processed,
        }


def _plain(warnings: Iterable[IngestWarning]) -> list[dict[str, str]]:
    return [{"code": str(warning.code), "path": warning.path} for warning in warnings]
