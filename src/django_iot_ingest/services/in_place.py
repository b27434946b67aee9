"""A snapshot that finds every bank in its place: PostgreSQL applies it in one statement.

Most snapshots change no status and move nothing. Such a one is told as a few lists, and the rows of
station, slots and banks that differ are written together with its row of the inbox, if and only if

- the station is known, of the status that is told and not silent, and no newer snapshot was applied;
- it has all slots that are told, and exactly the banks that are told, each in its slot, none of
  them rented, absent or placed by a newer event.

So no hook is due, and nothing is created or moved. Any other snapshot leaves the statement without
effect, and the rules in ``full`` and ``cabinet`` decide; so it is where anybody holds the station or
one of the banks: the statement waits for neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import models
from django.utils import timezone

from django_iot_ingest.events import FullReport
from django_iot_ingest.services import rows
from django_iot_ingest.services.in_place_sql import KEPT, TOLD, TOLD_TYPES
from django_iot_ingest.services.statements import Model
from django_iot_ingest.strict_json import dumps


def may_be(report: FullReport) -> bool:
    """Return whether a snapshot is whole, and tells a slot of its own for each of its banks."""
    numbers = {slot.slot_number for slot in report.slots}
    held = {bank.slot_number for bank in report.power_banks}
    return report.is_complete and held <= numbers and len(held) == len(report.power_banks)


@cache
def is_possible(station: Model, power_bank: Model, slot: Model) -> bool:
    """Return whether the host's automatic columns are of the kind that the statement sets."""
    return all(
        type(model._meta.get_field(name)) is models.DateTimeField
        for model in (station, slot, power_bank)
        for name in rows.automatic_fields(model)
    )


def values(report: FullReport, kept: Mapping[str, Any], timeouts: tuple[float, float]) -> list[Any]:
    """Return the statement's values for one snapshot, whose new row of the inbox holds ``kept``.

    Its rows: the station's serial number, the id of the inbox row, how many slots and banks were
    written, whether deferred returns may wait for them, the station's primary key as text, and its columns
    where it is shown.
    """
    told = _told_of(report)
    return [
        *(f"{seconds * 1000:.0f}" for seconds in timeouts),
        *(_plain(told[name]) for name in TOLD_TYPES),
        report.device_serial,
        timezone.now(),
        dumps(_slots(report)),
        dumps(_banks(report)),
        *(kept[name] for name in KEPT),
        report.device_serial,
        _array([bank.serial_number for bank in report.power_banks]),
    ]


def values_of_many(kept: Sequence[tuple[FullReport, int]]) -> list[Any]:
    """Return the values for the snapshots of several stations, whose rows are in the inbox."""
    told = [{**_told_of(report), "event": event_id} for report, event_id in kept]
    slots = [row for report, _ in kept for row in _slots(report, h=report.device_serial)]
    banks = [row for report, _ in kept for row in _banks(report, h=report.device_serial)]
    return [
        dumps(told, datetime.isoformat),
        [report.device_serial for report, _ in kept],
        timezone.now(),
        dumps(slots),
        dumps(banks),
        len(kept),
    ]


def _told_of(report: FullReport) -> dict[str, Any]:
    """Return what is told of the station itself."""
    device = report.device
    return {
        "serial": report.device_serial,
        "event_time": report.event_time,
        "heard_at": report.received_at,
        "last_heartbeat": device.last_heartbeat,
        "status": device.status,
        **{name: getattr(device, name) for name in TOLD},
        "slots": len(report.slots),
        "banks": len(report.power_banks),
        "warnings": [{"code": str(w.code), "path": w.path} for w in report.warnings],
    }


def _slots(report: FullReport, **own: str) -> list[dict[str, Any]]:
    return [
        {**own, "n": number, "s": status, "b": level, "i": metadata}
        for number, status, level, metadata in report.slots
    ]


def _banks(report: FullReport, **own: str) -> list[dict[str, Any]]:
    return [
        {**own, "k": serial, "n": number, "s": status, "b": level, "i": info}
        for serial, status, level, info, number, *_ in report.power_banks
    ]


def _plain(value: Any) -> Any:
    """Return a value as one parameter: JSON as its text."""
    return dumps(value) if isinstance(value, dict | list) else value


def _array(serials: Sequence[str]) -> str:
    """Return a list of serial numbers, which hold nothing that an array would quote."""
    quoted = ",".join([f'"{serial}"' for serial in serials])
    return f"{{{quoted}}}"
