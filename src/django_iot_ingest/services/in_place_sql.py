"""The statement that settles snapshots which move nothing: see ``in_place``, which fills it.

For one snapshot it is a transaction of its own: the station is told by values, and whatever is in a
list is the station's. For many, what is told names its station, and rows are found by an index
where PostgreSQL was told to make no loops.
"""

from __future__ import annotations

from functools import cache

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

TOLD_TYPES = {
    "serial": "text",
    "event_time": "{moment}",
    "heard_at": "{moment}",
    "last_heartbeat": "{moment}",
    "status": "text",
    "imei": "text",
    "total_slots": "integer",
    "signal_strength": "text",
    "wifi_ssid": "text",
    "hardware_info": "jsonb",
    "slots": "integer",
    "banks": "integer",
    "warnings": "jsonb",
}
"""What is told of a station, in this order, and its types; ``moment`` is the host's."""

KEPT = (
    "event_type",
    "device_serial",
    "power_bank_serial",
    "event_time",
    "received_at",
    "signed_at",
    "body",
    "sha256",
)
"""Columns of the inbox whose values the new row brings, in this order."""

SETTLED = {
    "state": "'applied'",
    "last_error_code": "''",
    "applied_at": "here.now",
    "retry_at": "NULL",
    "result": """jsonb_build_object('warnings', here.warnings, 'station_id', here.id::text,
        'station_serial', here.serial, 'slots_updated', here.slots_written,
        'powerbanks_updated', here.banks_written, 'offline_returns_processed', 0)""",
}
"""Columns of the inbox that an applied snapshot has; the result is as ``Outcome.result`` has it."""

TAKEN = "clock_timestamp() - statement_timestamp()"


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
def settling_sql(
    station: Model, power_bank: Model, slot: Model, using: str, of_many: bool, is_shown: bool
) -> str:
    """Return the SQL; ``is_shown``: with all columns of the station, not its key alone."""
    return _Settling(station, power_bank, slot, using, of_many).sql(is_shown)


class _Settling:
    """The statement, part by part."""

    def __init__(
        self, station: Model, power_bank: Model, slot: Model, using: str, of_many: bool
    ) -> None:
        self.station, self.bank, self.slot = map(_Names, (station, power_bank, slot))
        self.event = _Names(IngestEvent)
        self.using, self.of_many = using, of_many
        self.moment = sent_type(station._meta.get_field("last_full_at"), using)

    def sql(self, is_shown: bool) -> str:
        parts = [
            self.told_of_many() if self.of_many else self.told(),
            self.here(),
            self.compared_slots(),
            self.compared_banks(),
            self.found(),
            self.written_slots(),
            self.written_banks(),
            self.counted(),
            self.written_station(is_shown),
            self.updated_events() if self.of_many else self.inserted_event(),
        ]
        awaited = "true" if self.of_many else f"({awaited_sql()})"
        kept = self.where("kept.here = found.id")
        station = self.where(f"t.{self.station.pk} = found.id")
        shown = columns(self.station.model) if is_shown else ""
        return f"""WITH {", ".join(parts)}
SELECT found.serial, kept.id, found.slots_written, found.banks_written, {awaited}, found.id::text
    {f", {shown}" if shown else ""}
FROM counted found JOIN kept ON {kept} {f"JOIN written_station t ON {station}" if shown else ""}
"""  # nosec B608

    def where(self, of_many: str, of_one: str = "true") -> str:
        """Return what is asked of rows of many stations; of one, all are its own."""
        return of_many if self.of_many else of_one

    def among(self, name: str, select: str) -> str:
        """Return a condition that finds rows of many by an index, and needs no loop for it."""
        return self.where(f"{name} = ANY(ARRAY({select}))")

    # What is there

    def told(self) -> str:
        types = {name: kind.format(moment=self.moment) for name, kind in TOLD_TYPES.items()}
        values = ", ".join(f"%s::{kind} AS {name}" for name, kind in types.items())
        return f"""timeouts AS MATERIALIZED (
    SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)
), told AS MATERIALIZED (SELECT {values})"""  # nosec B608

    def told_of_many(self) -> str:
        types = {name: kind.format(moment=self.moment) for name, kind in TOLD_TYPES.items()}
        named = ", ".join(f"{name} {kind}" for name, kind in types.items())
        return f"""told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%s::jsonb) AS r({named}, event bigint)
)"""  # nosec B608

    def here(self) -> str:
        """Lock the stations, and tell those that may be settled: not one that somebody holds, or
        has just written, of which this statement sees less than what was committed."""
        t = self.station
        # One station is looked up by a value, so that PostgreSQL expects one and not 100.
        serial = f"t.{t('serial_number')} {self.where('= ANY(%s)', '= %s')}"
        told = self.where(f"told.serial = t.{t('serial_number')}")
        seen = self.among(f"seen.{t.pk}", f"SELECT {t.pk} FROM station")  # nosec B608
        older = self.where("<", "<=")
        return f"""station AS MATERIALIZED (
    SELECT t.*, t.ctid AS iot_ingest_version
    FROM {self.where("", "timeouts, ")}{t.table} t WHERE {serial}
    ORDER BY t.{t("serial_number")} FOR UPDATE OF t SKIP LOCKED
), here AS MATERIALIZED (
    SELECT t.{t.pk} AS id, told.*, %s::{self.moment} AS now
    FROM station t JOIN told ON {told}
    JOIN {t.table} seen ON seen.{t.pk} = t.{t.pk} AND seen.ctid = t.iot_ingest_version
        AND {seen}
    WHERE (t.{t("last_full_at")} IS NULL OR t.{t("last_full_at")} {older} told.event_time)
        AND t.{t("silent_since")} IS NULL
        AND (told.status IS NULL OR told.status = t.{t("status")})
)"""  # nosec B608

    def compared_slots(self) -> str:
        s = self.slot
        metadata = f"t.{s('slot_metadata')}"
        station = self.among(f"t.{s('station')}", "SELECT id FROM here")
        return f"""slots AS MATERIALIZED (
    SELECT here.id AS here, here.now, t.{s.pk} AS pk, t.{s("slot_number")} AS n, r.s, r.b, r.i, (
        t.{s("status")} <> r.s
        OR r.b <> coalesce(t.{s("battery_level")}, -1)
        OR CASE WHEN r.i IS NULL THEN false
            WHEN jsonb_typeof({metadata}) = 'object'
            THEN {metadata} - 'last_updated' <> r.i - 'last_updated'
            ELSE true END
    ) IS TRUE AS differs
    FROM here JOIN {s.table} t ON t.{s("station")} = here.id AND {station}
    JOIN jsonb_to_recordset(%s::jsonb) AS r(h text, n integer, s text, b integer, i jsonb)
        ON r.n = t.{s("slot_number")} AND {self.where("r.h = here.serial")}
)"""  # nosec B608

    def compared_banks(self) -> str:
        """Lock the banks that are here, and compare them as they are then; one that somebody holds,
        or that is elsewhere, is missing among them."""
        b = self.bank
        in_place = (
            f"t.{b('current_slot')} = slots.pk AND t.{b('status')} <> 'RENTED'"
            f" AND t.{b('absent_since')} IS NULL AND t.{b('missing_since')} IS NULL"
            f" AND (t.{b('located_at')} IS NULL OR t.{b('located_at')} <= here.event_time)"
        )
        station = self.where(f"t.{b('current_station')} = here.id")
        return f"""locked AS MATERIALIZED (
    SELECT t.* FROM {b.table} t WHERE t.{b("current_station")} = ANY(ARRAY(SELECT id FROM here))
    FOR UPDATE SKIP LOCKED
), banks AS MATERIALIZED (
    SELECT here.id AS here, here.event_time, here.now, t.{b.pk} AS pk, r.s, r.b, r.i, (
        r.s <> t.{b("status")}
        OR r.b <> coalesce(t.{b("battery_level")}, -1)
        OR r.i <> t.{b("hardware_info")}
    ) IS TRUE AS differs, ({in_place}) IS TRUE AS is_in_place
    FROM here JOIN locked t ON {station}
    LEFT JOIN jsonb_to_recordset(%s::jsonb)
        AS r(h text, k text, n integer, s text, b integer, i jsonb)
        ON r.k = t.{b("serial_number")} AND {self.where("r.h = here.serial")}
    LEFT JOIN slots ON slots.n = r.n AND {self.where("slots.here = here.id")}
)"""  # nosec B608

    def found(self) -> str:
        """Tell the stations where all is in place."""
        if not self.of_many:
            return """found AS MATERIALIZED (
    SELECT here.* FROM here WHERE (SELECT count(*) FROM slots) = here.slots
        AND (SELECT count(*) FROM banks WHERE is_in_place) = here.banks
        AND NOT EXISTS (SELECT FROM banks WHERE NOT is_in_place)
)"""
        return """found AS MATERIALIZED (
    SELECT here.* FROM here
    LEFT JOIN (SELECT here, count(*) FROM slots GROUP BY here) s ON s.here = here.id
    LEFT JOIN (SELECT here, count(*), bool_and(is_in_place) AS are_in_place FROM banks
        GROUP BY here) b ON b.here = here.id
    WHERE coalesce(s.count, 0) = here.slots AND coalesce(b.count, 0) = here.banks
        AND coalesce(b.are_in_place, true)
)"""

    # What is written

    def written_slots(self) -> str:
        s = self.slot
        told = self.among(f"t.{s.pk}", "SELECT pk FROM slots WHERE differs")
        return f"""written_slots AS (
    UPDATE {s.table} t SET {s("status")} = r.s,
        {s("battery_level")} = coalesce(r.b, t.{s("battery_level")}),
        {s("slot_metadata")} = coalesce(r.i, t.{s("slot_metadata")}){s.automatic("r.now")}
    FROM slots r JOIN found ON {self.where("found.id = r.here")}
    WHERE t.{s.pk} = r.pk AND r.differs AND {told}
    RETURNING r.here
)"""  # nosec B608

    def written_banks(self) -> str:
        """The event that tells something new of a bank is the one that places it."""
        b = self.bank
        told = self.among(f"t.{b.pk}", "SELECT pk FROM banks WHERE differs")
        return f"""written_banks AS (
    UPDATE {b.table} t SET {b("status")} = coalesce(r.s, t.{b("status")}),
        {b("battery_level")} = coalesce(r.b, t.{b("battery_level")}),
        {b("hardware_info")} = coalesce(r.i, t.{b("hardware_info")}),
        {b("located_at")} = r.event_time, {b("placed_after")} = r.event_time{b.automatic("r.now")}
    FROM banks r JOIN found ON {self.where("found.id = r.here")}
    WHERE t.{b.pk} = r.pk AND r.differs AND {told}
    RETURNING r.here
)"""  # nosec B608

    def counted(self) -> str:
        """Tell how many rows of each station were written."""
        if not self.of_many:
            return """counted AS MATERIALIZED (
    SELECT found.*, (SELECT count(*) FROM written_slots) AS slots_written,
        (SELECT count(*) FROM written_banks) AS banks_written
    FROM found
)"""
        return """counted AS MATERIALIZED (
    SELECT found.*, coalesce(s.count, 0) AS slots_written, coalesce(b.count, 0) AS banks_written
    FROM found
    LEFT JOIN (SELECT here, count(*) FROM written_slots GROUP BY here) s ON s.here = found.id
    LEFT JOIN (SELECT here, count(*) FROM written_banks GROUP BY here) b ON b.here = found.id
)"""

    def written_station(self, is_shown: bool) -> str:
        t = self.station
        among = self.among(f"t.{t.pk}", "SELECT id FROM found")
        told = "".join(f", {t(name)} = coalesce(r.{name}, t.{t(name)})" for name in TOLD)
        return f"""written_station AS (
    UPDATE {t.table} t SET {t("last_full_at")} = r.event_time, {t("last_report_at")} = r.event_time,
        {t("last_heard_at")} = greatest(t.{t("last_heard_at")}, r.heard_at),
        {t("last_heartbeat")} = greatest(t.{t("last_heartbeat")}, r.last_heartbeat)
        {told}{t.automatic("r.now")}
    FROM found r WHERE t.{t.pk} = r.id AND {among}
    RETURNING {columns(t.model) if is_shown else "r.id"}
)"""  # nosec B608

    def inserted_event(self) -> str:
        e = self.event
        kept = {name: f"%s::{sent_type(field, self.using)}" for name, field in kept_fields()}
        values = {**kept, **SETTLED, "attempts": "1", "dedup_key": "NULL", "duration": TAKEN}
        named = ", ".join(e(name) for name in values)
        return f"""kept AS (
    INSERT INTO {e.table} ({named}) SELECT {", ".join(values.values())} FROM counted here
    RETURNING {e.pk} AS id
)"""  # nosec B608

    def updated_events(self) -> str:
        e = self.event
        values = {**SETTLED, "attempts": "t.attempts + 1", "duration": f"({TAKEN}) / %s"}
        changes = ", ".join(f"{e(name)} = {value}" for name, value in values.items())
        among = self.among(f"t.{e.pk}", "SELECT event FROM counted")
        return f"""kept AS (
    UPDATE {e.table} t SET {changes} FROM counted here WHERE t.{e.pk} = here.event AND {among}
    RETURNING t.{e.pk} AS id, here.id AS here
)"""  # nosec B608


@cache
def kept_fields() -> list[tuple[str, Model]]:
    """Return the names and fields of ``KEPT``."""
    return [(name, IngestEvent._meta.get_field(name)) for name in KEPT]
