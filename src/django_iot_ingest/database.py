"""Transactions: one database, run again where the trouble is transient."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, router, transaction

from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Times that a transaction is tried before its trouble counts as real."""

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
TRANSIENT_STATES = frozenset({SERIALIZATION_FAILURE, DEADLOCK_DETECTED})
TRANSIENT_MYSQL_ERRORS = frozenset({1020, 1205, 1213})
"""Record changed since last read, lock wait timeout, deadlock."""

Result = TypeVar("Result")


class ConcurrentChange(Exception):
    """Somebody else created or changed what we were about to: begin the transaction again."""


def alias() -> str:
    """Return the database of the inbox; the host's three models have to live there too."""
    return router.db_for_write(IngestEvent)


def in_transaction(work: Callable[[], Result]) -> Result:
    """Run ``work`` in a transaction of its own and return what it returns.

    Deadlocks, serialization failures and ``ConcurrentChange`` begin it again, ``MAX_ATTEMPTS`` times
    in all. ``RuntimeError`` if a transaction is open already: then nothing here would be committed
    when the gateway is told so.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            with transaction.atomic(using=alias(), durable=True):
                return work()
        except (ConcurrentChange, DatabaseError) as error:
            if attempt == MAX_ATTEMPTS or not is_transient(error):
                raise
            logger.info("StationSyncService begins a transaction again: %s", error_code(error))
            time.sleep(random.uniform(0.01, 0.05) * attempt)
    raise AssertionError("unreachable")


def is_transient(error: BaseException) -> bool:
    """Return whether the same transaction may well succeed now, told by SQLSTATE or error number."""
    if isinstance(error, ConcurrentChange):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if _sqlstate(cause) in TRANSIENT_STATES:
        return True
    number = error.args[0] if error.args else None
    return number in TRANSIENT_MYSQL_ERRORS or number == "database is locked"


def error_code(error: BaseException) -> str:
    """Return a short name of an error for the inbox: its class, and the SQLSTATE or number."""
    name = type(error).__name__
    detail = _sqlstate(error.__cause__)
    if detail is None and isinstance(error, DatabaseError) and error.args:
        detail = str(error.args[0]) if isinstance(error.args[0], int) else None
    return f"{name}:{detail}" if detail else name


def is_database_fault(error: BaseException) -> bool:
    """Return whether the database failed, rather than a hook refusing."""
    return isinstance(error, DatabaseError | InterfaceError)


def _sqlstate(cause: BaseException | None) -> str | None:
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else None
