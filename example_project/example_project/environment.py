"""What the example reads from the environment, or from ``.env``, and how it says what is missing.

A variable of the environment wins over ``.env`` in the working folder, and that one over ``.env``
beside ``manage.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

TEST_VALUES = {
    "SECRET_KEY": "only-for-the-integration-tests-of-the-example-project",
    "IOT_SYSTEM_SIGNATURE_SECRET": "only-for-integration-tests-of-the-example",
}
"""What ``manage.py test`` brings along; of the environment it takes ``DATABASE_URL`` alone."""

NOT_FOR_TESTS = ("IOT_SYSTEM_", "LANGUAGE_CODE", "SECURE_SSL_REDIRECT", "SECRET_KEY")

SQLITE_OPTIONS = {
    # A transaction that reads first and writes later cannot wait for the lock: take it at once.
    "transaction_mode": "IMMEDIATE",
    "timeout": 8,
    # Readers go on while somebody writes. The default of synchronous, FULL, stays: a return that
    # was answered with 200 survives a power cut.
    "init_command": "PRAGMA journal_mode=WAL",
}

env = environ.Env()


def is_testing() -> bool:
    """Return whether this is ``manage.py test``."""
    return sys.argv[1:2] == ["test"]


def load() -> None:
    """Read ``.env``, unless this is a test run: that one brings its own values."""
    if is_testing():
        for name in [name for name in os.environ if name.startswith(NOT_FOR_TESTS)]:
            del os.environ[name]
        os.environ.update(TEST_VALUES)
        return
    for folder in (Path.cwd(), BASE_DIR):
        if (folder / ".env").is_file():
            env.read_env(folder / ".env")


def secrets(*names: str) -> tuple[str, ...]:
    """Return the values of variables that have no default; say all that are missing at once.

    They are not read through django-environ: it takes a value that begins with ``$`` for the name
    of another variable, and shows it in the error.
    """
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ImproperlyConfigured(
            f"{' and '.join(missing)} must be set, in the environment or in a file .env in the "
            f"working folder (start from {BASE_DIR.name}/.env.example). For a good value, each its "
            'own: python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    return tuple(os.environ[name] for name in names)


def text(name: str) -> str:
    """Return a text from the environment as it stands there; empty without."""
    return os.environ.get(name, "")


def integer(name: str, default: int) -> int:
    """Return a whole number from the environment."""
    text = os.environ.get(name, "").strip()
    try:
        return int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} must be a whole number such as {default}, not {text!r}."
        ) from None


def names(name: str, default: list[str] | None = None) -> list[str]:
    """Return a comma-separated list from the environment, without blanks and empty items."""
    items = os.environ.get(name, ",".join(default or [])).split(",")
    return [item.strip() for item in items if item.strip()]


def database() -> dict[str, Any]:
    """Return Django's configuration for ``DATABASE_URL``; SQLite in the working folder without."""
    url = os.environ.get("DATABASE_URL") or "sqlite:///db.sqlite3"
    config: dict[str, Any] = env.db_url_config(url)
    config.setdefault("CONN_MAX_AGE", 60)
    config.setdefault("CONN_HEALTH_CHECKS", True)
    _COMPLETIONS.get(config["ENGINE"], _leave)(config)
    return config


def _complete_sqlite(config: dict[str, Any]) -> None:
    config["OPTIONS"] = SQLITE_OPTIONS | config.get("OPTIONS", {})
    if config["NAME"] != ":memory:":
        # A server may change its folder later on.
        config["NAME"] = str(Path(config["NAME"]).resolve())


def _complete_mysql(config: dict[str, Any]) -> None:
    """Use PyMySQL under the name of the driver that Django asks for; it needs no compiler."""
    import pymysql

    pymysql.install_as_MySQLdb()
    config["OPTIONS"] = {"charset": "utf8mb4"} | config.get("OPTIONS", {})
    config["TEST"] = {"CHARSET": "utf8mb4"}


def _leave(config: dict[str, Any]) -> None:
    """Need nothing more."""


_COMPLETIONS = {
    "django.db.backends.sqlite3": _complete_sqlite,
    "django.db.backends.mysql": _complete_mysql,
}
