"""A fleet that sends through the view, and what the server counts meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import snapshots
from django.db import connection

from tests.gateway import Gateway

SLOTS = 8


def send(gateway: Gateway, stations: Iterable[int], turn: int) -> None:
    """Send each station's snapshot, in which every row differs from that of another ``turn``."""
    for index in stations:
        gateway.send(snapshots.body(index, SLOTS, turn))


def ask(sql: str, *parameters: Any) -> Any:
    """Return the first value that a statement gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def wal() -> int:
    """Return how many bytes of log the server has written."""
    return int(ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def count_of(table: str, column: str) -> int:
    """Return what the server has counted of a table."""
    run("SELECT pg_stat_force_next_flush()")
    return int(ask(f"SELECT {column} FROM pg_stat_user_tables WHERE relname = %s", table))


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table: the first column is text, the others are numbers."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
