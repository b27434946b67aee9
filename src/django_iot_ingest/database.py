"""Transactions on the inbox's database: bounded in time, and begun again where that may help."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_iot_ingest import faults, logs, telemetry
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Times that a transaction is tried before its trouble counts as real."""

LOCK_TIMEOUT = 2.0
"""Seconds that one statement waits for a lock."""

STATEMENT_TIMEOUT = 4.0
"""Seconds that one statement may take."""

ANSWER_WITHIN = 9.0
"""Seconds after a request's arrival by which its last transaction should have ended."""

LOCKS_IN_A_ROW = 3
"""What an event waits for one after the other: the inbox row, the station, the banks."""

QUICK = 1.0
"""Seconds: an attempt that took longer has waited enough, and is not begun again."""

Result = TypeVar("Result")


def alias() -> str:
    """Return the database of the inbox; the host's three models have to live there too."""
    return router.db_for_write(IngestEvent)


def in_transaction(work: Callable[[], Result], *, arrived: float | None = None) -> Result:
    """Run ``work`` in a transaction of its own and return what it returns.

    Deadlocks, serialization failures and ``ConcurrentChange`` begin it again, and so does a lost
    connection, which is replaced: ``MAX_ATTEMPTS`` times in all. ``arrived``, on the monotonic
    clock, shortens the timeouts so that the answer is in time. ``RuntimeError`` if a transaction is
    open already: then nothing here would be committed when the gateway is told so.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        started = time.monotonic()
        done: list[Result] = []
        committed: list[bool] = []
        try:
            connection = connections[alias()]
            with (
                telemetry.step("transaction", attempt=attempt) as step,
                _bounded(connection, arrived),
            ):
                step.tell(database=system(connection))
                transaction.on_commit(partial(committed.append, True), using=alias(), robust=True)
                done.append(work())
            return done[0]
        except Exception as error:
            if committed:
                # Somebody else's callback, after the commit: what was done is done.
                told = {"error_code": faults.code_of(error)}
                line = "StationSyncService: a host's on_commit callback failed%s"
                logger.error(line, logs.trace(error), extra=told)
                return done[0]
            is_last = attempt == MAX_ATTEMPTS or time.monotonic() - started > QUICK
            if is_last or not (faults.is_conflict(error) or replace_lost_connection(error)):
                raise
            _note_retry(error, attempt)
            # The randomness spreads retries, and guards nothing.
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # nosec B311
    raise AssertionError("unreachable")


def _note_retry(error: Exception, attempt: int) -> None:
    code = faults.code_of(error)
    told = {"error_code": code, "attempts": attempt}
    logger.info("StationSyncService begins a transaction again: %s", code, extra=told)
    reason = "conflict" if faults.is_conflict(error) else "lost_connection"
    telemetry.count("transaction_retries", reason=reason)


def system(connection: BaseDatabaseWrapper) -> str:
    """Return the name of a connection's database system."""
    is_mariadb = getattr(connection, "mysql_is_mariadb", False)
    return "mariadb" if connection.vendor == "mysql" and is_mariadb else connection.vendor


def has_time(arrived: float | None) -> bool:
    """Return whether there is time left before the answer has to be given."""
    return arrived is None or time.monotonic() < arrived + ANSWER_WITHIN


def replace_lost_connection(error: BaseException) -> bool:
    """Close a connection that an error shows to be gone, so that the next query opens a new one."""
    if connections[alias()].in_atomic_block or not faults.is_lost(error):
        return False
    close_connections()
    return True


def close_connections() -> None:
    """Close all that are in no transaction: it may be another than ours that a hook has lost."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def timeouts(arrived: float | None) -> tuple[float, float]:
    """Return how many seconds a statement may wait for a lock, and how many it may take."""
    left = ANSWER_WITHIN - (time.monotonic() - arrived) if arrived is not None else ANSWER_WITHIN
    lock = max(min(LOCK_TIMEOUT, left / LOCKS_IN_A_ROW), 0.1)
    return lock, max(min(STATEMENT_TIMEOUT, left), 0.2)


@contextmanager
def _bounded(connection: BaseDatabaseWrapper, arrived: float | None) -> Iterator[None]:
    """Open a transaction in which no statement waits longer than there is time."""
    lock, statement = timeouts(arrived)
    is_mysql = connection.vendor == "mysql"
    session = _mysql_timeouts(connection, lock, statement) if is_mysql else nullcontext()
    with session, transaction.atomic(using=connection.alias, durable=True):
        if connection.vendor != "postgresql":
            yield
            return
        with connection.execute_wrapper(PostgresqlTimeouts(connection, lock, statement)):
            yield


class PostgresqlTimeouts:
    """Set both for this transaction only: right before its first statement, sent together with it
    where statements are."""

    def __init__(self, connection: BaseDatabaseWrapper, lock: float, statement: float) -> None:
        self.connection = connection
        self.milliseconds = [f"{lock * 1000:.0f}", f"{statement * 1000:.0f}"]
        self.are_set = False

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Run a statement; before the first one set both."""
        if not self.are_set:
            self.are_set = True
            with self.connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, true),"
                    " set_config('statement_timeout', %s, true)",
                    self.milliseconds,
                )
        return execute(*statement)


@contextmanager
def _mysql_timeouts(
    connection: BaseDatabaseWrapper, lock: float, statement: float
) -> Iterator[None]:
    """Set the session's, which are all there is, in whole seconds; put the host's back after."""
    if connection.in_atomic_block:
        yield
        return
    names = {"innodb_lock_wait_timeout": math.ceil(lock)}
    if getattr(connection, "mysql_is_mariadb", False):
        names["max_statement_time"] = math.ceil(statement)
    kept = ", ".join(f"@iot_ingest_{name} = @@{name}, {name} = {names[name]}" for name in names)
    back = ", ".join(f"{name} = @iot_ingest_{name}" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SET {kept}")
    try:
        yield
    finally:
        # A lost connection has lost them too.
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            cursor.execute(f"SET {back}")
