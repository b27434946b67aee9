"""Database trouble, told apart by its code; transactions that are bounded and begun again."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from django_iot_ingest import database, faults
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.faults import ConcurrentChange


def postgresql(state: str | None, kind: type[Exception] = OperationalError) -> Exception:
    """Return what Django raises for a psycopg error with this SQLSTATE."""
    cause = type("Error", (Exception,), {"sqlstate": state, "__module__": "psycopg.errors"})()
    error = kind("told by the server")
    error.__cause__ = cause
    return error


def mysql(number: int, kind: type[Exception] = OperationalError, state: str = "HY000") -> Exception:
    """Return what Django raises for a MariaDB or MySQL error of this number."""
    error = kind(number, "told by the server")
    error.__cause__ = type("Error", (Exception,), {"sqlstate": state})()
    return error


LOST = [
    postgresql("57P01"),
    postgresql("57P02"),
    postgresql("57P03"),
    postgresql("08006"),
    postgresql("08001"),
    postgresql(None),
    postgresql(None, InterfaceError),
    mysql(2002),
    mysql(2006),
    mysql(2013),
    mysql(1053),
    mysql(1927, state="70100"),
    mysql(0, InterfaceError),
]
BUSY = [
    postgresql("53100"),
    postgresql("53300"),
    postgresql("55P03"),
    postgresql("57014"),
    postgresql("25006"),
    mysql(1205),
    mysql(1040, state="08004"),
    mysql(1114),
    mysql(1792),
    mysql(1836),
    mysql(1969, state="70100"),
]
CONFLICTS = [
    postgresql("40001"),
    postgresql("40P01"),
    mysql(1213, state="40001"),
    mysql(1020),
    OperationalError("database is locked"),
    ConcurrentChange(),
]
OTHERS = [
    postgresql("23505", IntegrityError),
    postgresql("42P01", ProgrammingError),
    postgresql("22003", DataError),
    mysql(1062, IntegrityError, "23000"),
    mysql(1146, ProgrammingError),
    OperationalError("no such table: station"),
    OperationalError(),
    RuntimeError("no"),
    ValueError(2006),
]


@pytest.mark.once
@pytest.mark.parametrize("error", LOST, ids=repr)
def test_a_lost_connection_is_an_outage(error: Exception) -> None:
    assert (faults.is_lost(error), faults.is_outage(error)) == (True, True)
    assert not faults.is_conflict(error)


@pytest.mark.once
@pytest.mark.parametrize("error", BUSY, ids=repr)
def test_a_busy_database_is_an_outage(error: Exception) -> None:
    assert (faults.is_lost(error), faults.is_outage(error)) == (False, True)
    assert not faults.is_conflict(error)


@pytest.mark.once
@pytest.mark.parametrize("error", CONFLICTS, ids=repr)
def test_a_conflict_is_begun_again(error: Exception) -> None:
    assert faults.is_conflict(error)
    assert not faults.is_outage(error)


@pytest.mark.once
@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_anything_else_is_neither(error: Exception) -> None:
    assert not (faults.is_lost(error) or faults.is_outage(error) or faults.is_conflict(error))


@pytest.mark.once
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (postgresql("40001"), "OperationalError:40001"),
        (OperationalError(2006, "gone"), "OperationalError:2006"),
        (RuntimeError(7), "RuntimeError"),
        (OperationalError("secret text"), "OperationalError"),
    ],
)
def test_the_code_of_an_error_holds_no_text_of_it(error: Exception, code: str) -> None:
    assert faults.code_of(error) == code


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_transaction_is_begun_again_twice_at_most(failures: int) -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        get_station_model().objects.create(serial_number=f"s{len(calls)}")
        if len(calls) <= failures:
            raise ConcurrentChange
        return "done"

    assert database.in_transaction(work) == "done"
    serials = get_station_model().objects.values_list("serial_number", flat=True)
    assert list(serials) == [f"s{failures + 1}"], "what failed was rolled back"


@pytest.mark.django_db(transaction=True)
def test_the_third_conflict_is_real() -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        raise ConcurrentChange

    with pytest.raises(ConcurrentChange):
        database.in_transaction(work)
    assert len(calls) == database.MAX_ATTEMPTS


@pytest.mark.django_db(transaction=True)
def test_an_attempt_that_waited_long_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "QUICK", -1.0)
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        raise ConcurrentChange

    with pytest.raises(ConcurrentChange):
        database.in_transaction(work)
    assert len(calls) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_runs_inside_an_open_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        database.in_transaction(lambda: None)


def timeouts() -> tuple[Any, ...]:
    statements = {
        "postgresql": "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')",
        "mysql": "SELECT @@innodb_lock_wait_timeout, @@max_statement_time",
    }
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
        return tuple(str(value) for value in cursor.fetchone())


@pytest.mark.django_db(transaction=True)
def test_the_timeouts_hold_for_the_transaction_only() -> None:
    if connection.vendor == "sqlite":
        return  # it has one of its own, per connection
    before = timeouts()

    inside = database.in_transaction(timeouts)
    late = database.in_transaction(timeouts, arrived=time.monotonic() - 8.4)

    assert timeouts() == before
    expected = {
        "postgresql": (("2s", "4s"), ("200ms", "600ms")),
        "mysql": (("2", "4.0"), ("1", "1.0")),
    }
    assert inside == expected[connection.vendor][0]
    if connection.vendor == "mysql":
        assert late == expected["mysql"][1]
    else:
        assert all(value.endswith("ms") for value in late), late
