"""SQL for PostgreSQL, built once for each of the host's models.

Nothing but names of tables, columns and types is written into it, quoted; every value is a
parameter. That is why bandit is told to let each statement be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any

from django.db import connections

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.models import IngestEvent

Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters."""

Model = Any
"""A model class: its fields are asked for more than Django's types tell of them."""

_SIGN = re.compile("%[s%]")
_LENGTH = re.compile(r"\([0-9, ]+\)")


def host_models() -> tuple[Model, Model, Model]:
    """Return the host's models of station, bank and slot."""
    return get_station_model(), get_power_bank_model(), get_station_slot_model()


@cache
def table(model: Model) -> str:
    """Return a model's table, quoted."""
    return quoted(model._meta.db_table)


@cache
def column(model: Model, name: str) -> str:
    """Return the column of a field, quoted."""
    return quoted(model._meta.get_field(name).column)


@cache
def primary_key(model: Model) -> str:
    """Return the column of the primary key, quoted."""
    return quoted(model._meta.pk.column)


@cache
def select(model: Model) -> str:
    """Return the SELECT of all columns of a model, from ``t``."""
    return f"SELECT {columns(model)} FROM {table(model)} t"  # nosec B608


@cache
def columns(model: Model) -> str:
    """Return the columns of a model, of ``t``, as ``loading`` expects them."""
    return ", ".join(f"t.{quoted(field.column)}" for field in model._meta.concrete_fields)


@cache
def loading(model: Model, using: str) -> tuple[list[str], list[tuple[int, Any, Any]]]:
    """Return the attributes that ``columns`` reads, and what converts some of their values."""
    connection = connections[using]
    converters = []
    read = model._meta.concrete_fields
    for position, field in enumerate(read):
        expression = field.get_col(model._meta.db_table)
        own = connection.ops.get_db_converters(expression) + expression.get_db_converters(
            connection
        )
        converters += [(position, expression, convert) for convert in own]
    return [field.attname for field in read], converters


@cache
def numbered(sql: str) -> str:
    """Return a statement with PostgreSQL's own signs for its parameters, ``$1`` and so on: then
    psycopg does not search it for them each time."""
    places = count(1)
    return _SIGN.sub(lambda sign: f"${next(places)}" if sign[0] == "%s" else "%", sql)


@cache
def cabinet_sql(station: Model, power_bank: Model, slot: Model) -> list[str]:
    """Return what locks a station, locks its banks and others, reads its slots, and asks whether
    returns wait for any of them."""
    serial = column(station, "serial_number")
    here = f"(SELECT s.{primary_key(station)} FROM {table(station)} s WHERE s.{serial} = %s)"  # nosec B608
    bank_serial = column(power_bank, "serial_number")
    return [
        f"{select(station)} WHERE t.{serial} = %s FOR UPDATE",
        (
            f"{select(power_bank)} WHERE t.{bank_serial} = ANY(%s)"
            f" OR t.{column(power_bank, 'current_station')} = {here}"
            f" ORDER BY t.{bank_serial} FOR UPDATE"
        ),
        f"{select(slot)} WHERE t.{column(slot, 'station')} = {here}",
        awaited_sql(),
    ]


@cache
def awaited_sql() -> str:
    """Return what asks whether returns wait for a station, or for one of a list of banks.

    Returns have a key: where the inbox is in partitions, those without one are not looked at.
    """
    return (
        f"SELECT EXISTS (SELECT 1 FROM {table(IngestEvent)} WHERE state = 'deferred'"  # nosec B608
        " AND event_type = 'returned' AND dedup_key IS NOT NULL"
        " AND (device_serial = %s OR power_bank_serial = ANY(%s::text[])))"
    )


@cache
def together(written: tuple[str, ...]) -> str:
    """Return one statement for several that write different tables; its rows are the last one's."""
    *first, last = written
    named = ", ".join(f"w{position} AS ({sql})" for position, sql in enumerate(first))
    return f"WITH {named} {last}"


@cache
def update_sql(model: Model, names: tuple[str, ...], using: str) -> str:
    """Return the UPDATE of many rows: from a list of objects with ``pk`` and the columns' values,
    and the list of those keys, without which PostgreSQL expects 100 rows and reads the table."""
    fields = [model._meta.get_field(name) for name in names]
    told_columns = [f"{quoted(field.column)} {sent_type(field, using)}" for field in fields]
    changes = ", ".join(f"{quoted(f.column)} = r.{quoted(f.column)}" for f in fields)
    told = ", ".join([f"pk {sent_type(model._meta.pk, using)}", *told_columns])
    return (
        f"UPDATE {table(model)} t SET {changes} FROM jsonb_to_recordset(%s::jsonb) AS r({told})"  # nosec B608
        f" WHERE t.{primary_key(model)} = r.pk"
        f" AND t.{primary_key(model)} = ANY(%s::{sent_type(model._meta.pk, using)}[])"
    )


@cache
def insert_sql(model: Model) -> str:
    """Return the INSERT of one row that returns its primary key."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    named = ", ".join(quoted(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {table(model)} ({named}) VALUES ({places}) RETURNING {primary_key(model)}"  # nosec B608


def sent_type(field: Any, using: str) -> str:
    """Return the type of a column's values, without a length: a cast would cut them."""
    own = field.rel_db_type if field.primary_key else field.db_type
    return _LENGTH.sub("", own(connections[using]))


def quoted(name: str) -> str:
    """Return a name in quotes, as Django does, with no sign of a parameter in it."""
    is_quoted = name.startswith('"') and name.endswith('"')
    return (name if is_quoted else f'"{name}"').replace("%", "%%")
