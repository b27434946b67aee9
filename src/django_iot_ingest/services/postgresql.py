"""A snapshot's rows on PostgreSQL: few statements, prepared, each round trip with all that it can.

Building and compiling an ORM statement costs more than running it. What is read here is turned into
the host's model instances by the models' own fields, and what is written goes through them too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, time
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.models.signals import post_save, pre_save

from django_iot_ingest.database import PostgresqlTimeouts, timeouts
from django_iot_ingest.events import FullReport
from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    IngestEvent,
)
from django_iot_ingest.models.fields import SerialNumberField
from django_iot_ingest.services import in_place, rows, statements
from django_iot_ingest.services.in_place_sql import settling_sql
from django_iot_ingest.services.outcome import Outcome
from django_iot_ingest.services.statements import Model, Statement, host_models
from django_iot_ingest.services.tables import Banks, Slots, Tables

try:
    import psycopg
except ImportError:  # psycopg2, or none: the ORM serves
    psycopg = None  # type: ignore[assignment]

RawCursor = getattr(psycopg, "RawCursor", None)
"""Of psycopg 3.2 and newer."""

KEY_FIELDS = (
    models.AutoField,
    models.BigAutoField,
    models.BigIntegerField,
    models.CharField,
    models.IntegerField,
    models.SmallAutoField,
    models.UUIDField,
)

WITHOUT_LOOPS = "SELECT set_config('enable_nestloop', 'off', true)"
"""Until the transaction ends. PostgreSQL cannot know how many rows a JSON list has, and where it
expects few, it compares every row of many stations with every other."""

PLAIN_FIELDS = (
    SerialNumberField,
    models.CharField,
    models.DateTimeField,
    models.ForeignKey,
    models.PositiveSmallIntegerField,
    models.TextField,
)
"""What the abstract models are made of: a host's own kinds of field prepare their values."""


def tables(using: str) -> PostgresqlTables | None:
    """Return the tables of one event, if set statements can serve this database and the models."""
    connection: Any = connections[using]
    host = host_models()
    is_usable = (
        has_pipeline()
        and connection.Database is psycopg
        and all(type(wrapper) is PostgresqlTimeouts for wrapper in connection.execute_wrappers)
        and all(is_plain(model) for model in host)
    )
    return PostgresqlTables(using, host) if is_usable else None


@cache
def has_pipeline() -> bool:
    """Return whether this is psycopg 3, with a library that can send statements together."""
    return psycopg is not None and psycopg.Pipeline.is_supported()


@cache
def is_plain(model: Any) -> bool:
    """Return whether rows of a model can be read and written without asking its fields and managers.

    One table holds all of it, its base manager sees every row, and what the sync writes is of
    the kinds that the abstract models have.
    """
    fields = model._meta.concrete_fields
    return (
        not model._meta.parents
        and type(model._base_manager) is models.Manager
        and type(model._meta.pk) in KEY_FIELDS
        and all(is_read_plainly(field) for field in fields)
        and all(is_plain_value(model._meta.get_field(name)) for name in device_owned(model))
    )


def device_owned(model: Any) -> list[str]:
    """Return the columns that the abstract models declare, but for the operator's flag."""
    abstract = (AbstractStation, AbstractPowerBank, AbstractStationSlot)
    (base,) = (base for base in abstract if issubclass(model, base))
    names = [field.name for field in base._meta.local_fields]
    return [name for name in names if name != "out_of_service"]


def is_read_plainly(field: Any) -> bool:
    """Return whether a column is selected by its name."""
    kind = type(field)
    return kind is models.ForeignKey or (
        kind.get_col is models.Field.get_col and kind.select_format is models.Field.select_format
    )


class PostgresqlTables(Tables):
    """Settles a snapshot in one statement, or reads a station, its banks and slots in one round
    trip and writes them in another."""

    settles_many = True

    def __init__(self, using: str, host: tuple[Model, Model, Model] | None = None) -> None:
        super().__init__(using)
        self.connection: Any = connections[using]
        self.host = host or host_models()
        self.waiting: list[tuple[Any, str, list[Any]]] = []

    # A snapshot at once

    def settle(
        self, report: FullReport, kept: Mapping[str, Any], arrived: float | None, *, is_shown: bool
    ) -> tuple[int, Outcome] | None:
        """Apply it outside of any transaction, so that the statement is one."""
        self.connection.ensure_connection()
        is_alone = self.connection.get_autocommit() and not self.connection.in_atomic_block
        if not is_alone or not self.may_settle(report):
            return None
        limits = timeouts(arrived)
        sql = settling_sql(*self.host, self.using, False, is_shown)
        values = in_place.values(report, kept, limits)
        found = self.execute(self.connection.connection, sql, values).fetchall()
        for _, event_id, *values in found:
            return event_id, self.outcome(report, values)
        return None

    def settle_many(
        self, kept: Sequence[tuple[FullReport, int]], *, is_shown: bool
    ) -> list[tuple[FullReport, int, Outcome]]:
        """Take the stations that nobody holds."""
        told = [(report, event_id) for report, event_id in kept if self.may_settle(report)]
        if not told:
            return []
        sql = settling_sql(*self.host, self.using, True, is_shown)
        values = in_place.values_of_many(told)
        _, found = self.run([(WITHOUT_LOOPS, []), (sql, values)])
        reports = {report.device_serial: report for report, _ in told}
        return [
            (reports[serial], event_id, self.outcome(reports[serial], values))
            for serial, event_id, *values in found
        ]

    def may_settle(self, report: FullReport) -> bool:
        """Return whether one statement may apply a snapshot to this host's tables."""
        return (
            in_place.may_be(report)
            and in_place.is_possible(*self.host)
            and not is_watched(self.host[0])
            and not is_watched(IngestEvent)
        )

    def outcome(self, report: FullReport, values: Sequence[Any]) -> Outcome:
        """Return what was done, from a row of the statement."""
        slots, power_banks, is_awaited, station_id, *columns = values
        station = self.instances(self.host[0], [columns])[0] if columns else None
        return Outcome(
            station=station,
            station_id=station_id,
            slots_updated=slots,
            power_banks_updated=power_banks,
            warnings=list(report.warnings),
            is_awaited=is_awaited,
        )

    # Reading and locking

    def lock_cabinet(
        self, serial: str, reported: Collection[str]
    ) -> tuple[AbstractStation | None, Banks, Slots]:
        """As the ORM does, statement by statement, each of which sees what the locks before gave."""
        serials = sorted(reported)
        parameters: list[list[Any]] = [[serial], [serials, serial], [serial], [serial, serials]]
        sql = statements.cabinet_sql(*self.host)
        *found, [(self.is_awaited,)] = self.run(list(zip(sql, parameters, strict=True)))
        stations, banks, slots = map(self.instances, self.host, found)
        station = stations[0] if stations else None
        self.confirm(banks, here=station)
        by_serial = {bank.serial_number: bank for bank in banks}
        return station, by_serial, {slot.slot_number: slot for slot in slots}

    def instances(self, model: type[models.Model], found: Iterable[Sequence[Any]]) -> list[Any]:
        """Return model instances as the ORM makes them."""
        names, converters = statements.loading(model, self.using)
        made = []
        for values in found:
            values = list(values)
            for position, expression, convert in converters:
                values[position] = convert(values[position], expression, self.connection)
            made.append(model.from_db(self.using, names, values))
        return made

    # Writing

    def update(self, row: Any, fields: Iterable[str]) -> None:
        """Write one row with the others, unless the host listens or has a ``save`` of its own."""
        names = set(fields)
        if names and is_watched(type(row)):
            super().update(row, names)
        elif names:
            self.update_all({row.pk: (row, names)})

    def update_all(self, changes: Mapping[Any, tuple[Any, set[str]]]) -> int:
        """Keep one statement for all rows, until ``flush``."""
        changed = [(row, fields) for row, fields in changes.values() if fields]
        if changed:
            model: Any = type(changed[0][0])
            automatic = rows.automatic_fields(model)
            names = sorted(set().union(automatic, *(fields for _, fields in changed)))
            told = self.told([row for row, _ in changed], [*map(model._meta.get_field, names)])
            sql = statements.update_sql(model, tuple(names), self.using)
            self.waiting.append((model, sql, [told, [row.pk for row, _ in changed]]))
        return len(changed)

    def told(self, changed: Sequence[Any], fields: Sequence[Any]) -> str:
        """Return rows as a JSON list of objects: one parameter, which costs least to send."""
        names = [(field.column, field.attname) for field in fields]
        for field in fields:
            if not is_plain_value(field):  # the host's time stamps, ``auto_now``
                for row in changed:
                    field.pre_save(row, add=False)
        told = [
            {"pk": row.pk, **{column: getattr(row, name) for column, name in names}}
            for row in changed
        ]
        return json.dumps(told, default=text_of)

    def record(self, event: IngestEvent) -> None:
        """Insert the row of the inbox, unless the host listens."""
        if is_watched(IngestEvent):
            super().record(event)
            return
        fields = [field for field in IngestEvent._meta.concrete_fields if not field.primary_key]
        sql, values = (
            statements.insert_sql(IngestEvent),
            rows.prepared(event, fields, self.connection),
        )
        self.waiting.append((IngestEvent, sql, values))
        [(event.pk,)] = self.write()
        event._state.adding, event._state.db = False, self.using

    def flush(self) -> None:
        """Write what waits, in one round trip."""
        self.write()

    def write(self) -> list[Sequence[Any]]:
        """Write what waits, in one round trip; return what the last statement returned."""
        waiting, self.waiting = self.waiting, []
        if len({model for model, _, _ in waiting}) == len(waiting) > 1:
            # One statement costs less than several; it must not write a row twice.
            sql = statements.together(tuple(sql for _, sql, _ in waiting))
            return self.run([(sql, [value for *_, values in waiting for value in values])])[0]
        return self.run([(sql, values) for _, sql, values in waiting])[-1] if waiting else []

    # Round trips

    def run(self, sent: Sequence[Statement]) -> list[list[Sequence[Any]]]:
        """Send statements together; return the rows of each.

        They are prepared as the project says by ``OPTIONS["prepare_threshold"]``, and by default
        not at all: behind a pooler that gives each transaction another session, a prepared name
        may stand for another process's statement.
        """
        self.connection.ensure_connection()
        raw = self.connection.connection
        with self.connection.wrap_database_errors, raw.pipeline():
            cursors = [self.execute(raw, *statement) for statement in sent]
        return [cursor.fetchall() if cursor.pgresult.nfields else [] for cursor in cursors]

    def execute(self, raw: Any, sql: str, parameters: Sequence[Any]) -> Any:
        """Send one statement through Django's own wrappers, with parameters bound by the server."""
        if RawCursor and not self.connection.features.uses_server_side_binding:
            cursor = self.connection._prepare_cursor(RawCursor(raw))
            cursor.execute(statements.numbered(sql), parameters)
        else:  # Django logs a statement of such a connection by its %s
            cursor = self.connection._prepare_cursor(psycopg.Cursor(raw))
            cursor.execute(sql, parameters)
        return cursor


def is_plain_value(field: Any) -> bool:
    """Return whether a column's value is sent as the attribute holds it."""
    if type(field) is models.JSONField:
        return field.encoder is None
    return type(field) in PLAIN_FIELDS and not getattr(field, "auto_now", False)


def text_of(value: Any) -> str:
    """Return what JSON does not know, as PostgreSQL reads it."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def is_watched(model: type[models.Model]) -> bool:
    """Return whether a host sees each row of a model saved: by signals or a ``save`` of its own."""
    return (
        pre_save.has_listeners(model)
        or post_save.has_listeners(model)
        or model.save is not models.Model.save
        or model.save_base is not models.Model.save_base
    )
