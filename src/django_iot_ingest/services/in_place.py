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

import json
from collections.abc import Sequence
from functools import cache

from django.db import connections, models
from django.utils import timezone

from django_iot_ingest.events import FullReport
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import rows
from django_iot_ingest.services.in_place_sql import (
    TOLD,
    kept_fields,
    settling_sql,
)
from django_iot_ingest.services.statements import Model, Statement, host_models


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


def statement(
    report: FullReport, event: IngestEvent, timeouts: tuple[float, float], using: str
) -> Statement:
    """Return the statement for one snapshot and its new row of the inbox.

    Its rows: the station's serial number, the id of the inbox row, how many slots and banks were
    written, whether deferred returns may wait for them, and the columns of the station.
    """
    milliseconds = [f"{seconds * 1000:.0f}" for seconds in timeouts]
    serial, told = report.device_serial, _told([(report, event)])
    values = rows.prepared(event, kept_fields(), connections[using])
    sql = settling_sql(*host_models(), using, False)
    stations, slots, banks, shown = told
    moment = timezone.now()
    return sql, [
        *milliseconds,
        stations,
        serial,
        moment,
        slots,
        shown,
        banks,
        *values,
        serial,
        shown,
    ]


def statement_of_many(kept: Sequence[tuple[FullReport, IngestEvent]], using: str) -> Statement:
    """Return the statement for the snapshots of several stations, whose rows are in the inbox."""
    stations, slots, banks, shown = _told(kept)
    serials = [report.device_serial for report, _ in kept]
    moment, sql = timezone.now(), settling_sql(*host_models(), using, True)
    return sql, [stations, serials, moment, slots, shown, banks, len(kept)]


def _told(kept: Sequence[tuple[FullReport, IngestEvent]]) -> tuple[str, str, str, str]:
    """Return the rows of stations, slots and banks, and the serial numbers of the banks, which
    hold nothing that an array would quote."""
    stations = [
        {
            **{name: getattr(report.device, name) for name in (*TOLD, "status")},
            "serial": report.device_serial,
            "event_time": report.event_time.isoformat(),
            "heard_at": report.received_at.isoformat(),
            "last_heartbeat": report.device.last_heartbeat
            and report.device.last_heartbeat.isoformat(),
            "slots": len(report.slots),
            "banks": len(report.power_banks),
            "warnings": [{"code": str(w.code), "path": w.path} for w in report.warnings],
            "event": event.pk,
        }
        for report, event in kept
    ]
    slots = [
        {
            "h": report.device_serial,
            "n": slot.slot_number,
            "s": slot.status,
            "b": slot.battery_level,
            "i": slot.slot_metadata,
        }
        for report, _ in kept
        for slot in report.slots
    ]
    banks = [
        {
            "h": report.device_serial,
            "k": bank.serial_number,
            "n": bank.slot_number,
            "s": bank.status,
            "b": bank.battery_level,
            "i": bank.hardware_info,
        }
        for report, _ in kept
        for bank in report.power_banks
    ]
    shown = ",".join([f'"{bank["k"]}"' for bank in banks])
    return json.dumps(stations), json.dumps(slots), json.dumps(banks), f"{{{shown}}}"
