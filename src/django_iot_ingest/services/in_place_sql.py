"""The statement that settles snapshots which move nothing: see ``in_place``, which fills it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import rows
from django_iot_ingest.services.statements import (
    Model,
    awaited_sql,
    column,
    columns,
    primary_key,
    sent_type,
    table,
)

TOLD = ("imei", "total_slots", "signal_strength", "wifi_ssid", "hardware_info")
"""Columns of the station that are set if they are told."""

SETTLED = {
    "state": "'applied'",
    "attempts": "1",
    "last_error_code": "''",
    "applied_at": "here.now",
    "retry_at": "NULL",
    "dedup_key": "NULL",
}
"""Columns of the inbox that an applied snapshot has."""


@cache
def kept_fields() -> list[Any]:
    """Return the fields of the inbox whose values the new row brings."""
    ours = {*SETTLED, "id", "result", "duration"}
    return [field for field in IngestEvent._meta.concrete_fields if field.name not in ours]


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
        names = sorted(rows.automatic_fields(self.model))
        return "".join(f", {self(name)} = {now}" for name in names)


@cache
def settling_sql(station: Model, power_bank: Model, slot: Model, using: str, of_many: bool) -> str:
    """Return the SQL, part by part."""
    t, b, s, e = map(_Names, (station, power_bank, slot, IngestEvent))
    moment = sent_type(station._meta.get_field("last_full_at"), using)
    parts = [
        _here(t, moment, of_many),
        _compared_slots(s, of_many),
        _compared_banks(b),
        _found(),
        _written_slots(s, of_many),
        _written_banks(b, of_many),
        _written_station(t, of_many),
        _updated_events(e) if of_many else _inserted_event(e, using),
    ]
    awaited = "true" if of_many else f"({awaited_sql()})"
    return f"""{", ".join(parts)}
SELECT found.serial, kept.id, found.slots_written, found.banks_written, {awaited}, {columns(station)}
FROM counted found JOIN kept ON kept.here = found.id JOIN written_station t ON t.{t.pk} = found.id
"""  # nosec B608


def _here(t: _Names, moment: str, of_many: bool) -> str:
    """Lock the stations, and tell those that may be settled: not one that somebody holds, or has
    just written, of which this statement sees less than what was committed."""
    timeouts = (
        ""
        if of_many
        else """timeouts AS MATERIALIZED (
    SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)
), """
    )
    # One station is looked up by a value, so that PostgreSQL expects one and not 100.
    serial = t("serial_number")
    which = "= ANY(%s)" if of_many else "= %s"
    older = "<" if of_many else "<="
    among = _among(f"seen.{t.pk}", f"SELECT {t.pk} FROM station", of_many)  # nosec B608
    return f"""WITH {timeouts}told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%s::jsonb) AS r(serial text, event_time {moment},
        heard_at {moment}, status text, imei text, total_slots integer, signal_strength text,
        wifi_ssid text, hardware_info jsonb, last_heartbeat {moment}, slots integer, banks integer,
        warnings jsonb, event bigint)
), station AS MATERIALIZED (
    SELECT t.*, t.ctid AS iot_ingest_version
    FROM {"" if of_many else "timeouts, "}{t.table} t WHERE t.{serial} {which}
    ORDER BY t.{serial} FOR UPDATE OF t SKIP LOCKED
), here AS MATERIALIZED (
    SELECT t.{t.pk} AS id, told.*, %s::{moment} AS now
    FROM station t JOIN told ON told.serial = t.{serial}
    JOIN {t.table} seen ON seen.{t.pk} = t.{t.pk} AND seen.ctid = t.iot_ingest_version{among}
    WHERE (t.{t("last_full_at")} IS NULL OR t.{t("last_full_at")} {older} told.event_time)
        AND t.{t("silent_since")} IS NULL
        AND (told.status IS NULL OR told.status = t.{t("status")})
)"""  # nosec B608


def _among(name: str, select: str, of_many: bool) -> str:
    """Return a condition that finds rows of many by an index, and needs no nested loop for it."""
    return f" AND {name} = ANY(ARRAY({select}))" if of_many else ""


def _compared_slots(s: _Names, of_many: bool) -> str:
    here = _among(f"t.{s('station')}", "SELECT id FROM here", of_many)
    return f"""slots AS MATERIALIZED (
    SELECT here.id AS here, here.now, t.{s.pk} AS pk, t.{s("slot_number")} AS n, r.s, r.b, r.i, (
        t.{s("status")} <> r.s
        OR r.b <> coalesce(t.{s("battery_level")}, -1)
        OR CASE WHEN r.i IS NULL THEN false
            WHEN jsonb_typeof(t.{s("slot_metadata")}) = 'object'
            THEN t.{s("slot_metadata")} - 'last_updated' <> r.i - 'last_updated'
            ELSE true END
    ) IS TRUE AS differs
    FROM here JOIN {s.table} t ON t.{s("station")} = here.id{here}
    JOIN jsonb_to_recordset(%s::jsonb) AS r(h text, n integer, s text, b integer, i jsonb)
        ON r.n = t.{s("slot_number")} AND r.h = here.serial
)"""  # nosec B608


def _compared_banks(b: _Names) -> str:
    """Lock the banks that are here or shown, and compare them as they are then; one that somebody
    holds is missing among them."""
    in_place = (
        f"t.{b('current_slot')} = slots.pk AND t.{b('status')} <> 'RENTED'"
        f" AND t.{b('absent_since')} IS NULL AND t.{b('missing_since')} IS NULL"
        f" AND (t.{b('located_at')} IS NULL OR t.{b('located_at')} <= here.event_time)"
    )
    return f"""locked AS MATERIALIZED (
    SELECT t.* FROM {b.table} t WHERE t.{b("serial_number")} = ANY(%s::text[])
        OR t.{b("current_station")} = ANY(ARRAY(SELECT id FROM here))
    ORDER BY t.{b("serial_number")} FOR UPDATE SKIP LOCKED
), banks AS MATERIALIZED (
    SELECT here.id AS here, here.event_time, here.now, t.{b.pk} AS pk, r.s, r.b, r.i, (
        r.s <> t.{b("status")}
        OR r.b <> coalesce(t.{b("battery_level")}, -1)
        OR r.i <> t.{b("hardware_info")}
    ) IS TRUE AS differs, ({in_place}) IS TRUE AS is_in_place
    FROM here JOIN locked t ON t.{b("current_station")} = here.id
    LEFT JOIN jsonb_to_recordset(%s::jsonb)
        AS r(h text, k text, n integer, s text, b integer, i jsonb)
        ON r.k = t.{b("serial_number")} AND r.h = here.serial
    LEFT JOIN slots ON slots.n = r.n AND slots.here = here.id
)"""  # nosec B608


def _found() -> str:
    """Tell the stations where all is in place."""
    return """found AS MATERIALIZED (
    SELECT here.* FROM here
    LEFT JOIN (SELECT here, count(*) FROM slots GROUP BY here) s ON s.here = here.id
    LEFT JOIN (SELECT here, count(*), bool_and(is_in_place) AS are_in_place FROM banks
        GROUP BY here) b ON b.here = here.id
    WHERE coalesce(s.count, 0) = here.slots AND coalesce(b.count, 0) = here.banks
        AND coalesce(b.are_in_place, true)
)"""


def _written_slots(s: _Names, of_many: bool) -> str:
    told = _among(f"t.{s.pk}", "SELECT pk FROM slots WHERE differs", of_many)
    return f"""written_slots AS (
    UPDATE {s.table} t SET {s("status")} = r.s,
        {s("battery_level")} = coalesce(r.b, t.{s("battery_level")}),
        {s("slot_metadata")} = coalesce(r.i, t.{s("slot_metadata")}){s.automatic("r.now")}
    FROM slots r JOIN found ON found.id = r.here WHERE t.{s.pk} = r.pk AND r.differs{told}
    RETURNING r.here
)"""  # nosec B608


def _written_banks(b: _Names, of_many: bool) -> str:
    """The event that tells something new of a bank is the one that places it."""
    told = _among(f"t.{b.pk}", "SELECT pk FROM banks WHERE differs", of_many)
    return f"""written_banks AS (
    UPDATE {b.table} t SET {b("status")} = coalesce(r.s, t.{b("status")}),
        {b("battery_level")} = coalesce(r.b, t.{b("battery_level")}),
        {b("hardware_info")} = coalesce(r.i, t.{b("hardware_info")}),
        {b("located_at")} = r.event_time, {b("placed_after")} = r.event_time{b.automatic("r.now")}
    FROM banks r JOIN found ON found.id = r.here WHERE t.{b.pk} = r.pk AND r.differs{told}
    RETURNING r.here
), counted AS MATERIALIZED (
    SELECT found.*, coalesce(s.count, 0) AS slots_written, coalesce(b.count, 0) AS banks_written
    FROM found
    LEFT JOIN (SELECT here, count(*) FROM written_slots GROUP BY here) s ON s.here = found.id
    LEFT JOIN (SELECT here, count(*) FROM written_banks GROUP BY here) b ON b.here = found.id
)"""  # nosec B608


def _written_station(t: _Names, of_many: bool) -> str:
    among = _among(f"t.{t.pk}", "SELECT id FROM found", of_many)
    told = "".join(f", {t(name)} = coalesce(r.{name}, t.{t(name)})" for name in TOLD)
    return f"""written_station AS (
    UPDATE {t.table} t SET {t("last_full_at")} = r.event_time, {t("last_report_at")} = r.event_time,
        {t("last_heard_at")} = greatest(t.{t("last_heard_at")}, r.heard_at),
        {t("last_heartbeat")} = greatest(t.{t("last_heartbeat")}, r.last_heartbeat)
        {told}{t.automatic("r.now")}
    FROM found r WHERE t.{t.pk} = r.id{among}
    RETURNING {columns(t.model)}
)"""  # nosec B608


RESULT = """jsonb_build_object('warnings', here.warnings, 'station_id', here.id::text,
        'station_serial', here.serial, 'slots_updated', here.slots_written,
        'powerbanks_updated', here.banks_written, 'offline_returns_processed', 0)"""
"""As ``Outcome.result`` has it."""

TAKEN = "clock_timestamp() - statement_timestamp()"


def _inserted_event(e: _Names, using: str) -> str:
    ours = {**SETTLED, "result": RESULT, "duration": TAKEN}
    kept = {field.name: f"%s::{sent_type(field, using)}" for field in kept_fields()}
    values = {**kept, **ours}
    named = ", ".join(e(name) for name in values)
    return f"""kept AS (
    INSERT INTO {e.table} ({named}) SELECT {", ".join(values.values())} FROM counted here
    RETURNING {e.pk} AS id, (SELECT id FROM counted) AS here
)"""  # nosec B608


def _updated_events(e: _Names) -> str:
    again = {name: value for name, value in SETTLED.items() if name != "dedup_key"}
    ours = {**again, "attempts": "t.attempts + 1", "result": RESULT, "duration": f"({TAKEN}) / %s"}
    changes = ", ".join(f"{e(name)} = {value}" for name, value in ours.items())
    among = _among(f"t.{e.pk}", "SELECT event FROM counted", of_many=True)
    return f"""kept AS (
    UPDATE {e.table} t SET {changes} FROM counted here WHERE t.{e.pk} = here.event{among}
    RETURNING t.{e.pk} AS id, here.id AS here
)"""  # nosec B608
