"""A snapshot that finds every bank in its place: PostgreSQL compares and writes it in one statement.

Most snapshots move nothing. What they tell of slots and banks is sent as two lists, and the rows
that differ are updated, if and only if the station has all slots that are told, and has in them
exactly the banks that are told, none of them rented, absent or placed by a newer event. Any other
snapshot leaves the statement without effect, and the rules in ``cabinet`` decide.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models
from django.utils import timezone

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.events import FullReport
from django_iot_ingest.services.statements import (
    Model,
    Statement,
    awaited_sql,
    column,
    primary_key,
    quoted,
    sent_type,
    table,
)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many rows of a cabinet differed and were written, where no bank had moved."""

    slots: int
    power_banks: int


def may_be(report: FullReport) -> bool:
    """Return whether a snapshot is whole, and tells a slot of its own for each of its banks."""
    numbers = {slot.slot_number for slot in report.slots}
    held = {bank.slot_number for bank in report.power_banks}
    return report.is_complete and held <= numbers and len(held) == len(report.power_banks)


def statement(report: FullReport, using: str) -> Statement:
    """Return the statement for a snapshot of a locked station; it locks the banks, in order.

    Which banks are at a station cannot change while its row is locked; what else changed of them
    while a lock was waited for is seen.
    """
    moment, serial = timezone.now(), report.device_serial
    numbers = [len(report.slots), len(report.power_banks)]
    here = [serial, report.event_time, moment, *numbers, serial, report.event_time]
    slots, banks, shown = _told([report])
    return _sql(*_models(), using, False), [*here, slots, shown, banks, serial, shown]


def statement_of_many(reports: Sequence[FullReport], using: str) -> Statement:
    """Return the statement for one snapshot of each of several stations, as above."""
    told = [
        {
            "k": report.device_serial,
            "t": report.event_time.isoformat(),
            "n": len(report.slots),
            "m": len(report.power_banks),
        }
        for report in reports
    ]
    slots, banks, shown = _told(reports)
    return _sql(*_models(), using, True), [timezone.now(), json.dumps(told), slots, shown, banks]


def _told(reports: Sequence[FullReport]) -> tuple[str, str, list[str]]:
    """Return the rows of slots and those of banks, each naming its station; the banks' serials."""
    slots = [
        {
            "h": report.device_serial,
            "n": slot.slot_number,
            "s": slot.status,
            "b": slot.battery_level,
            "i": slot.slot_metadata,
        }
        for report in reports
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
        for report in reports
        for bank in report.power_banks
    ]
    shown = [bank.serial_number for report in reports for bank in report.power_banks]
    return json.dumps(slots), json.dumps(banks), shown


def read(found: Sequence[Sequence[Any]]) -> tuple[dict[str, Refreshed], bool]:
    """Return what was done, by serial number, where all was in place; and whether returns wait."""
    refreshed = {
        serial: Refreshed(slots, power_banks)
        for serial, all_in_place, slots, power_banks, _ in found
        if all_in_place
    }
    return refreshed, not found or found[0][-1]


def _models() -> tuple[Model, Model, Model]:
    return get_station_model(), get_power_bank_model(), get_station_slot_model()


@cache
def is_possible(station: Model, power_bank: Model, slot: Model) -> bool:
    """Return whether the host's automatic columns are of the kind that the statement sets."""
    return all(
        type(field) is models.DateTimeField
        for model in (slot, power_bank)
        for field in _automatic(model)
    )


@cache
def _sql(station: Model, power_bank: Model, slot: Model, using: str, of_many: bool) -> str:
    """Return the SQL. Each of its rows tells a station's serial number, whether all was in place,
    how many slots and banks were written, and whether deferred returns may wait for them."""
    s, b, t = _Names(slot), _Names(power_bank), _Names(station)
    moment = sent_type(station._meta.get_field("last_full_at"), using)
    # One station is looked up by a parameter, so that PostgreSQL expects one and not 100.
    here = (
        f"""
    SELECT t.{t.pk} AS id, r.k AS serial, r.t AS event_time, %s::{moment} AS now, r.n, r.m
    FROM jsonb_to_recordset(%s::jsonb) AS r(k text, t {moment}, n integer, m integer)
    JOIN {t.table} t ON t.{t("serial_number")} = r.k
    WHERE t.{t("last_full_at")} IS NULL OR t.{t("last_full_at")} < r.t"""
        if of_many
        else f"""
    SELECT t.{t.pk} AS id, %s::text AS serial, %s::{moment} AS event_time, %s::{moment} AS now,
        %s::integer AS n, %s::integer AS m
    FROM {t.table} t WHERE t.{t("serial_number")} = %s
        AND (t.{t("last_full_at")} IS NULL OR t.{t("last_full_at")} <= %s)"""
    )
    # What is here is compared as a value, so that its index serves.
    here_ids = "= ANY(ARRAY(SELECT id FROM here))" if of_many else "= (SELECT id FROM here)"
    awaited = "true" if of_many else f"({awaited_sql()})"
    return f"""
WITH here AS MATERIALIZED ({here}
), slots AS MATERIALIZED (
    SELECT here.id AS here, t.{s.pk} AS pk, t.{s("slot_number")} AS n, r.s, r.b, r.i, (
        t.{s("status")} <> r.s
        OR r.b <> coalesce(t.{s("battery_level")}, -1)
        OR CASE WHEN r.i IS NULL THEN false
            WHEN jsonb_typeof(t.{s("slot_metadata")}) = 'object'
            THEN t.{s("slot_metadata")} - 'last_updated' <> r.i - 'last_updated'
            ELSE true END
    ) IS TRUE AS differs
    FROM here JOIN {s.table} t ON t.{s("station")} = here.id
    JOIN jsonb_to_recordset(%s::jsonb) AS r(h text, n integer, s text, b integer, i jsonb)
        ON r.n = t.{s("slot_number")} AND r.h = here.serial
), locked AS MATERIALIZED (
    SELECT t.* FROM {b.table} t
    WHERE t.{b("serial_number")} = ANY(%s) OR t.{b("current_station")} {here_ids}
    ORDER BY t.{b("serial_number")} FOR UPDATE
), banks AS MATERIALIZED (
    SELECT here.id AS here, here.event_time, here.now, t.{b.pk} AS pk, r.s, r.b, r.i, (
        r.s <> t.{b("status")}
        OR r.b <> coalesce(t.{b("battery_level")}, -1)
        OR r.i <> t.{b("hardware_info")}
    ) IS TRUE AS differs, ({b.in_place("slots.pk")}) IS TRUE AS is_in_place
    FROM here JOIN locked t ON t.{b("current_station")} = here.id
    LEFT JOIN jsonb_to_recordset(%s::jsonb)
        AS r(h text, k text, n integer, s text, b integer, i jsonb)
        ON r.k = t.{b("serial_number")} AND r.h = here.serial
    LEFT JOIN slots ON slots.n = r.n AND slots.here = here.id
), found AS MATERIALIZED (
    SELECT here.id, here.serial, here.now, coalesce(told_slots.count, 0) = here.n
        AND coalesce(told_banks.count, 0) = here.m AND coalesce(told_banks.are_in_place, true)
        AS all_in_place
    FROM here
    LEFT JOIN (SELECT here, count(*) FROM slots GROUP BY here) told_slots
        ON told_slots.here = here.id
    LEFT JOIN (SELECT here, count(*), bool_and(is_in_place) AS are_in_place FROM banks
        GROUP BY here) told_banks ON told_banks.here = here.id
), written_slots AS (
    UPDATE {s.table} t SET {s("status")} = r.s,
        {s("battery_level")} = coalesce(r.b, t.{s("battery_level")}),
        {s("slot_metadata")} = coalesce(r.i, t.{s("slot_metadata")}){s.automatic("found.now")}
    FROM slots r JOIN found ON found.id = r.here
    WHERE t.{s.pk} = r.pk AND r.differs AND found.all_in_place
    RETURNING found.id AS here
), written_banks AS (
    UPDATE {b.table} t SET {b("status")} = coalesce(r.s, t.{b("status")}),
        {b("battery_level")} = coalesce(r.b, t.{b("battery_level")}),
        {b("hardware_info")} = coalesce(r.i, t.{b("hardware_info")}),
        {b("located_at")} = r.event_time, {b("placed_after")} = r.event_time{b.automatic("r.now")}
    FROM banks r JOIN found ON found.id = r.here
    WHERE t.{b.pk} = r.pk AND r.differs AND found.all_in_place
    RETURNING found.id AS here
)
SELECT found.serial, found.all_in_place, coalesce(s.count, 0), coalesce(b.count, 0), {awaited}
FROM found
LEFT JOIN (SELECT here, count(*) FROM written_slots GROUP BY here) s ON s.here = found.id
LEFT JOIN (SELECT here, count(*) FROM written_banks GROUP BY here) b ON b.here = found.id"""  # nosec B608


class _Names:
    """The quoted names of a model's table and columns."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.table = table(model)
        self.pk = primary_key(model)

    def __call__(self, name: str) -> str:
        return column(self.model, name)

    def automatic(self, now: str) -> str:
        """What sets the host's automatic columns."""
        return "".join(f", {quoted(f.column)} = {now}" for f in _automatic(self.model))

    def in_place(self, slot: str) -> str:
        """The condition on a bank ``t`` that is to be in a slot."""
        return (
            f"t.{self('current_station')} = here.id AND t.{self('current_slot')} = {slot} AND t.{self('status')} <> 'RENTED'"
            f" AND t.{self('absent_since')} IS NULL AND t.{self('missing_since')} IS NULL"
            f" AND (t.{self('located_at')} IS NULL OR t.{self('located_at')} <= here.event_time)"
        )


def _automatic(model: Model) -> Sequence[Any]:
    return [field for field in model._meta.concrete_fields if getattr(field, "auto_now", False)]
