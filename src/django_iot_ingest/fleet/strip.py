"""A cabinet as a strip of small cells, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_iot_ingest.cabinets import Cabinet, Place, SlotStatus

LOW = 20
"""Percent under which a battery is drawn as low."""

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
        said += [str(place.power_bank), f"{level} %"]
    title = f"{place.slot.slot_number}: {', '.join(map(str, [*said, place.error_code]))}"
    return Cell(look, SIGNS.get(look, level), title.removesuffix(", "))


def _words(cabinet: Cabinet, looks: list[str]) -> str:
    """Return for example “6 of 8 slots hold a bank, 1 in error”."""
    size = len(looks)
    if not size:
        return _("no slot is known")
    held = sum(place.power_bank is not None or place.is_silent for place in cabinet.places)
    first = ngettext("%(held)d of %(size)d slot", "%(held)d of %(size)d slots", size)
    said = [_("%s hold a bank") % (first % {"held": held, "size": size})]
    counts = [
        (looks.count("error"), _("%d in error")),
        (looks.count("mute"), _("%d with a bank that does not answer")),
        (looks.count("maintenance"), _("%d in maintenance")),
        (looks.count("out"), _("%d out of service")),
        (len(cabinet.loose), _("%d without a slot")),
    ]
    return ", ".join([*said, *(text % count for count, text in counts if count)])
