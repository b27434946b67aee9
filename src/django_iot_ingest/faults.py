"""Database trouble, told apart by SQLSTATE or error number and not by exception class.

PostgreSQL's codes are in appendix A of its manual; MariaDB's and MySQL's numbers are those of the
server (1000 and up) and of the client library (2000 and up).
"""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError

CONFLICT_STATES = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: the same transaction may well succeed at once."""

CONFLICT_NUMBERS = frozenset({1020, 1213})
"""Record changed since it was read, deadlock."""

LOST_STATES = frozenset({"57P01", "57P02", "57P03"})
"""Shut down by an administrator, by a crash, or just starting."""

LOST_NUMBERS = frozenset({0, 1053, 1927, 2002, 2003, 2006, 2013, 2055})
"""Connection closed, server shutting down, connection killed, cannot connect, gone away."""

BUSY_STATES = frozenset({"25006", "55P03", "57014"})
"""Read-only, lock not available in time, statement cancelled by its timeout."""

BUSY_NUMBERS = frozenset({1021, 1040, 1114, 1205, 1290, 1792, 1836, 1969, 3024})
"""Disk or table full, too many connections, lock wait, read-only (three), statement timeout (two)."""

SQLITE_BUSY = frozenset({"database is locked", "database table is locked"})


class ConcurrentChange(Exception):
    """Somebody else created or changed what we were about to: begin the transaction again."""


def is_fault(error: BaseException) -> bool:
    """Return whether the database failed, rather than a hook refusing."""
    return isinstance(error, DatabaseError | InterfaceError)


def is_conflict(error: BaseException) -> bool:
    """Return whether the same transaction may succeed when it is begun again at once."""
    if isinstance(error, ConcurrentChange):
        return True
    return is_fault(error) and (
        sqlstate(error) in CONFLICT_STATES
        or _first_argument(error) in CONFLICT_NUMBERS
        or _first_argument(error) in SQLITE_BUSY
    )


def is_lost(error: BaseException) -> bool:
    """Return whether the connection is gone, or the server cannot be reached."""
    if not is_fault(error):
        return False
    state, number = sqlstate(error), _first_argument(error)
    if isinstance(number, int):
        # Their SQLSTATE says less: a killed connection has the one of a cancelled statement.
        return number in LOST_NUMBERS
    if state is not None:
        return state in LOST_STATES or state.startswith("08")
    # psycopg knows no SQLSTATE for what happens on its own side of the connection.
    return type(error.__cause__).__module__.startswith("psycopg") and _is_operational(error)


def is_outage(error: BaseException) -> bool:
    """Return whether waiting a few seconds may help: unreachable, read-only, full, or too busy."""
    if is_lost(error):
        return True
    state = sqlstate(error) or ""
    is_busy = state in BUSY_STATES or state.startswith("53")
    return is_fault(error) and (is_busy or _first_argument(error) in BUSY_NUMBERS)


def code_of(error: BaseException) -> str:
    """Return a short name of an error for the inbox: its class, and the SQLSTATE or number."""
    name, number = type(error).__name__, _first_argument(error)
    detail = sqlstate(error) or (number if is_fault(error) and isinstance(number, int) else None)
    return name if detail is None else f"{name}:{detail}"


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE that the driver gave, if it gives any."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state if isinstance(state, str) else None


def _first_argument(error: BaseException) -> object:
    argument = error.args[0] if error.args else None
    return argument if isinstance(argument, int | str) else None


def _is_operational(error: BaseException) -> bool:
    return type(error).__name__ in ("OperationalError", "InterfaceError")
