"""The database: one for all tables, and settings under which concurrent requests do well.

Nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections, models, router

from django_iot_ingest.checks.models import fitting_models
from django_iot_ingest.checks.values import TAG, attempt, show
from django_iot_ingest.models import IngestEvent

WRITE_LOCKING_MODES = ("IMMEDIATE", "EXCLUSIVE")
FULL_UNICODE = "utf8mb4"
LOW_ISOLATION = ("read committed", "read uncommitted")


@register(TAG)
def check_one_database(**kwargs: Any) -> list[CheckMessage]:
    """Expect the host's models beside the inbox: an event is applied in one transaction."""
    inbox = _alias(IngestEvent)
    return [
        Error(
            f"{model._meta.label} is written to the database {show(alias)}, the inbox "
            f"(django_iot_ingest.IngestEvent) to {show(inbox)}.",
            hint=f"Let db_for_write of DATABASE_ROUTERS return {show(alias)} for the app "
            "django_iot_ingest too.",
            obj=model,
            id="iot_ingest.E033",
        )
        for _, model in fitting_models()
        if inbox and (alias := _alias(model)) and alias != inbox
    ]


@register(TAG)
def check_sqlite_transactions(**kwargs: Any) -> list[CheckMessage]:
    """Warn where SQLite refuses a transaction that reads first and writes later."""
    mode = str(_option("transaction_mode")).upper()
    if _vendor() != "sqlite" or mode in WRITE_LOCKING_MODES:
        return []
    return [
        Warning(
            f'DATABASES["{_alias(IngestEvent)}"] is SQLite without transaction_mode IMMEDIATE: of '
            "two requests at the same time, one is answered 503.",
            hint='Write "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 8}.',
            id="iot_ingest.W090",
        )
    ]


@register(TAG)
def check_mysql_charset(**kwargs: Any) -> list[CheckMessage]:
    """Warn where the connection cannot carry all of Unicode; Django's default can."""
    charset = _option("charset")
    if _vendor() != "mysql" or charset is None or str(charset).lower() == FULL_UNICODE:
        return []
    return [
        Warning(
            f'DATABASES["{_alias(IngestEvent)}"] has the charset {show(charset)}: an emoji in the '
            "name of a station's Wi-Fi cannot be stored.",
            hint=f'Write "OPTIONS": {{"charset": "{FULL_UNICODE}"}}.',
            id="iot_ingest.W091",
        )
    ]


@register(TAG)
def check_mysql_isolation(**kwargs: Any) -> list[CheckMessage]:
    """Warn where a transaction reads old rows or locks gaps; None leaves it to the server."""
    level = _option("isolation_level", LOW_ISOLATION[0])
    if _vendor() != "mysql" or str(level).lower() in LOW_ISOLATION:
        return []
    return [
        Warning(
            f'DATABASES["{_alias(IngestEvent)}"] has the isolation_level {show(level)}: requests '
            "at the same time can deadlock or see old rows, and are answered 503.",
            hint='Write "OPTIONS": {"isolation_level": "read committed"}, or leave it out.',
            id="iot_ingest.W092",
        )
    ]


def _alias(model: type[models.Model]) -> str | None:
    """Return where the model is written; None if the host's router fails."""
    return attempt(router.db_for_write, model)[0]


def _vendor() -> str | None:
    """Return the vendor of the inbox's database; None if Django itself cannot load it."""
    return attempt(lambda: connections[str(_alias(IngestEvent))].vendor)[0]


def _option(name: str, default: object = None) -> object:
    """Return one of the OPTIONS of the inbox's database."""
    options = attempt(lambda: connections.settings[str(_alias(IngestEvent))]["OPTIONS"])[0]
    return options.get(name, default) if isinstance(options, Mapping) else default
