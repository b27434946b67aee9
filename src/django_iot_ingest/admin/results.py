"""The stored result of an event, as tables, whatever an event type of the host has put there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin import meanings

NAMES: dict[str, Any] = {
    "station_id": _("Station's key"),
    "station_serial": _("Station"),
    "slots_updated": _("Slots created or changed"),
    "powerbanks_updated": _("Power banks created or changed"),
    "offline_returns_processed": _("Rentals that ended unheard"),
}


@dataclass(frozen=True, slots=True)
class ShownWarning:
    """One oddity, where in the body it was, and what it means."""

    code: str
    path: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ShownResult:
    """Name and value of each part, and the warnings."""

    values: list[tuple[Any, Any]]
    warnings: list[ShownWarning]

    @classmethod
    def of(cls, result: Any) -> ShownResult:
        """Return what is shown of a result; anything may be stored there."""
        if not isinstance(result, Mapping):
            return cls([] if result is None else [(_("Result"), result)], [])
        # PostgreSQL keeps no order of names.
        names = [*(name for name in NAMES if name in result), *sorted(result.keys() - NAMES.keys())]
        values = [(NAMES.get(name, name), result[name]) for name in names if name != "warnings"]
        warnings = result.get("warnings")
        told = warnings if isinstance(warnings, list) else []
        return cls(values, [_shown(warning) for warning in told])


def _shown(warning: Any) -> ShownWarning:
    if not isinstance(warning, Mapping):
        return ShownWarning(str(warning), "", "")
    code = warning.get("code")
    path = warning.get("path")
    return ShownWarning(str(code), str(path or ""), meanings.of_warning(code))
