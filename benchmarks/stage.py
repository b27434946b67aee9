"""A database of its own, with the example host's tables, for the length of one measurement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import psycopg

SETTINGS = "benchmarks.settings"


def prepare() -> None:
    """Load Django with the example host; the database is ``DATABASE_URL``'s server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/iot_ingest")
    django.setup()


@contextmanager
def database() -> Iterator[None]:
    """Make an empty database of the host's tables, and drop it in the end."""
    from django.db import connection

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        close()
        connection.close()
        connection.creation.destroy_test_db(name, verbosity=0)


_connections: list[psycopg.Connection[Any]] = []


def own_connection() -> psycopg.Connection[Any]:
    """Return psycopg's connection of this process, to the database that Django uses."""
    if not _connections:
        from django.db import connection

        options = connection.get_connection_params()
        names = ("host", "port", "user", "password", "dbname")
        parameters = {name: options[name] for name in names if options.get(name)}
        _connections.append(psycopg.connect(**parameters, autocommit=True))
    return _connections[0]


def close() -> None:
    """Close it."""
    while _connections:
        _connections.pop().close()
