"""The inbox in partitions, by the very SQL that the documentation gives a host."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.db import connection, migrations
from django.db.migrations.state import ProjectState
from django.utils import timezone

from django_iot_ingest.models import IngestEvent

SQL = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "inbox_partitions.sql"
INBOX = IngestEvent._meta.db_table
FUNCTIONS = ("iot_inbox_add_days(date, integer)", "iot_inbox_drop_before(date)")


def make() -> None:
    """Turn the inbox into partitions as a host's migration does, and drop what was before."""
    operation = migrations.RunSQL(SQL.read_text())
    with connection.schema_editor() as editor:
        state = ProjectState()
        operation.database_forwards("host", editor, state, state)


def unmake() -> None:
    """Put the plain, empty table back."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {INBOX}, {INBOX}_before")
        for function in FUNCTIONS:
            cursor.execute(f"DROP FUNCTION {function}")
    with connection.schema_editor() as editor:
        editor.create_model(IngestEvent)


def add_days(first: date, days: int) -> int:
    """Make tables for days; return how many there were not."""
    return int(ask("SELECT iot_inbox_add_days(%s, %s)", first, days))


def drop_before(first_kept: date) -> int:
    """Drop the tables of the days before one; return how many rows were kept of them."""
    return int(ask("SELECT iot_inbox_drop_before(%s)", first_kept))


def tables() -> dict[str, int]:
    """Return how many rows are in each partition that has any, by the end of its name."""
    sql = f"SELECT tableoid::regclass::text, count(*) FROM {INBOX} GROUP BY 1"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {name.removeprefix(f"{INBOX}_"): count for name, count in cursor.fetchall()}


def days() -> list[str]:
    """Return the names' ends of the days that have a table, the first first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
            " ORDER BY 1",
            [f"{INBOX}_days"],
        )
        names = [name.removeprefix(f"{INBOX}_") for (name,) in cursor.fetchall()]
    return [name for name in names if name.isdigit()]


def name_of(age: int = 0) -> str:
    """Return the end of the name of the table of a day, ``age`` days ago (UTC)."""
    return f"{today() - timedelta(days=age):%Y%m%d}"


def today() -> date:
    return timezone.now().date()


def ask(sql: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]
