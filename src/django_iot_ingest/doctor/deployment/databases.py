"""The inbox's database: can it be reached, is it migrated, does its clock agree."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from django_iot_ingest.conf import is_deferred
from django_iot_ingest.database import alias
from django_iot_ingest.doctor.deployment.looks import Question, fault, host_models, ok, warning
from django_iot_ingest.doctor.findings import Finding, counted
from django_iot_ingest.models import IngestEvent

CLOCK_SLACK = 5.0
"""Seconds that two clocks may differ."""

LONG_AGO = timedelta(minutes=10)
"""How long an event may wait for a sweep or a drain that runs every minute."""

ISOLATION = {
    "postgresql": "SHOW transaction_isolation",
    "mysql": "SHOW VARIABLES WHERE variable_name IN ('tx_isolation', 'transaction_isolation')",
}
CLOCKS = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
}


def database(question: Question) -> Iterator[Finding]:
    """Yield which database it is, and how transactions run on it."""
    connection = connections[alias()]
    told = [f"{_product(connection)} {_version(connection)}", *_modes(connection)]
    yield ok("database", f"{', '.join(told)}.")


def fast_path(question: Question) -> Iterator[Finding]:
    """Yield whether a snapshot is applied in a few statements, and if not, why."""
    if connections[alias()].vendor != "postgresql":
        return
    from django_iot_ingest.services import postgresql

    if postgresql.tables(alias()):
        yield ok("fast_path", "snapshots are applied in a few statements, by psycopg 3.")
        return
    yield warning(
        "fast_path",
        f"Snapshots go through the ORM, which takes longer: {_why_slow(postgresql)}.",
        "Nothing has to be done; docs/explanation/design.md, Rows, says what the short way needs.",
    )


def migrations(question: Question) -> Iterator[Finding]:
    """Yield which migrations of ours, and of the host's models' apps, are not applied."""
    executor = MigrationExecutor(connections[alias()])
    labels = {"django_iot_ingest", *(model._meta.app_label for model in host_models())}
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] in labels]
    plan = [f"{migration}" for migration, _ in executor.migration_plan(leaves)]
    missing = _missing_tables()
    if plan:
        yield fault(
            "migrations",
            f"{counted(len(plan), 'migration')} not applied: {', '.join(plan)}.",
            "Run manage.py migrate.",
        )
    elif missing:
        yield fault(
            "migrations",
            f"There is no table {', '.join(missing)}.",
            "Run manage.py makemigrations and manage.py migrate.",
        )
    else:
        yield ok("migrations", f"all of {', '.join(sorted(labels))} are applied.")


def clocks(question: Question) -> Iterator[Finding]:
    """Yield how far this machine's clock and the database's are apart."""
    connection = connections[alias()]
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute(CLOCKS[connection.vendor])
        theirs = float(cursor.fetchone()[0])
        ours = (before + time.time()) / 2
    apart = theirs - ours
    told = f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this server's"
    if abs(apart) <= CLOCK_SLACK:
        yield ok("clocks", "this server's and the database's agree.")
    else:
        yield warning(
            "clocks",
            f"The database's clock is {told}.",
            "Set both by NTP: requests are judged by this server's, within SIGNATURE_TIMEOUT.",
        )


def waiting(question: Question) -> Iterator[Finding]:
    """Yield whether events wait that somebody should have applied: are the commands run?"""
    rows = IngestEvent.objects.using(alias())
    states = [IngestEvent.State.RECEIVED, IngestEvent.State.FAILED]
    before = timezone.now() - LONG_AGO
    due = rows.filter(state__in=states, received_at__lt=before)
    late = due.exclude(retry_at__gt=timezone.now()).count()
    mode = "deferred" if is_deferred() else "inline"
    if late:
        commands = "iot_drain and iot_sweep" if is_deferred() else "iot_sweep"
        yield warning(
            "waiting",
            f"{counted(late, 'event')} due for longer than {LONG_AGO} ({mode} mode).",
            f"See that {commands} run: from cron, as tasks, or iot_drain --forever.",
        )
    else:
        yield ok("waiting", f"no event waits for long ({mode} mode).")


def _product(connection: Any) -> str:
    is_mariadb = connection.vendor == "mysql" and connection.mysql_is_mariadb
    return "MariaDB" if is_mariadb else str(connection.display_name)


def _version(connection: Any) -> str:
    return ".".join(map(str, connection.get_database_version()))


def _modes(connection: Any) -> Iterator[str]:
    if connection.vendor in ISOLATION:
        with connection.cursor() as cursor:
            cursor.execute(ISOLATION[connection.vendor])
            yield str(cursor.fetchone()[-1]).lower().replace("-", " ")
    if connection.vendor == "sqlite":
        options = connection.settings_dict["OPTIONS"]
        mode = options.get("transaction_mode") or "DEFERRED"
        yield f"transactions {mode}, {options.get('timeout', 5):g} s for a lock"
    if connection.settings_dict["ATOMIC_REQUESTS"]:
        yield "ATOMIC_REQUESTS, which our view keeps out of"


def _why_slow(postgresql: Any) -> str:
    connection: Any = connections[alias()]
    if connection.Database is not postgresql.psycopg:
        return "the driver is not psycopg 3"
    if not postgresql.has_pipeline():
        return "the client library (libpq) is older than 14"
    odd = [model._meta.label for model in host_models() if not postgresql.is_plain(model)]
    if odd:
        return f"{', '.join(odd)} has fields, a manager or a parent of its own kind"
    return "an execute_wrapper of the project's is at work"


def _missing_tables() -> list[str]:
    connection = connections[alias()]
    present = set(connection.introspection.table_names())
    wanted = [IngestEvent._meta.db_table, *(model._meta.db_table for model in host_models())]
    return [name for name in wanted if name not in present]
