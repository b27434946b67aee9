"""A cabinet as a strip of small cells, and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_iot_ingest.cabinets import Cabinet, Place, SlotStatus

LOW = 20
"""Percent under which a battery is drawn as low."""

ALSO = {
    "error": ngettext_lazy("%(count)d in error", "%(count)d in error", "count"),
    "mute": ngettext_lazy(
        "%(count)d with a bank that does not answer",
        "%(count)d with a bank that does not answer",
        "count",
    ),
    "maintenance": ngettext_lazy("%(count)d in maintenance", "%(count)d in maintenance", "count"),
    "out": ngettext_lazy("%(count)d out of service", "%(count)d out of service", "count"),
    "loose": ngettext_lazy("%(count)d without a slot", "%(count)d without a slot", "count"),
}
"""What is told beside how many slots hold a bank, if there are any of them."""

SIGNS = {"error": "!", "out": "×", "mute": "?", "empty": "·", "maintenance": "–"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One slot: how it looks, what is written in it, and what a mouse is told."""

    look: str
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A cabinet's cells, the same in words, and its batteries in percent."""

    cells: list[Cell]
    words: str
    lowest: int | None
    mean: int | None


def strip(cabinet: Cabinet) -> Strip:
    """Return how a cabinet is shown."""
    looks = [_look(place) for place in cabinet.places]
    cells = [_cell(place, look) for place, look in zip(cabinet.places, looks, strict=True)]
    levels = [each.battery_level for each in cabinet.places if each.battery_level is not None]
    mean = round(sum(levels) / len(levels)) if levels else None
    return Strip(cells, _words(cabinet, looks), min(levels, default=None), mean)


def _look(place: Place) -> str:
    """Return the one word that matters most about a slot."""
    slot: Any = place.slot
    if slot.out_of_service:
        return "out"
    if slot.status == SlotStatus.ERROR:
        return "error"
    if place.is_silent:
        return "mute"
    if place.power_bank is not None:
        return "low" if (place.battery_level or 0) < LOW else "held"
    return "maintenance" if slot.status == SlotStatus.MAINTENANCE else "empty"


def _cell(place: Place, look: str) -> Cell:
    level = "?" if place.battery_level is None else str(place.battery_level)
    said = [place.slot.get_status_display()]
    if place.power_bank is not None:
        said += [str(place.power_bank), _("%(level)s %%") % {"level": level}]
    title = f"{place.slot.slot_number}: {', '.join(map(str, [*said, place.error_code]))}"
    return Cell(look, SIGNS.get(look, level), title.removesuffix(", "))


def _words(cabinet: Cabinet, looks: list[str]) -> str:
    """Return for example “6 of 8 slots hold a bank, 1 in error”."""
    size = len(looks)
    if not size:
        return _("no slot is known")
    held = sum(place.power_bank is not None or place.is_silent for place in cabinet.places)
    first = ngettext(
        "%(held)d of %(size)d slot holds a bank", "%(held)d of %(size)d slots hold a bank", size
    )
    counts = {**Counter(looks), "loose": len(cabinet.loose)}
    more = [_counted(counts.get(name, 0), text) for name, text in ALSO.items()]
    return ", ".join([first % {"held": held, "size": size}, *filter(None, more)])


def _counted(count: int, text: Any) -> str:
    return str(text % {"count": count}) if count else ""
