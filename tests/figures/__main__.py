"""Measure, and print or write the tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.nemesis.servers import PostgreSQL

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "explanation" / "scale.md"


def main(arguments: list[str]) -> int:
    """Start a server, measure on it; return the exit code."""
    with PostgreSQL() as server:
        os.environ.update(DATABASE_URL=server.url, DJANGO_SETTINGS_MODULE="tests.settings")
        import django

        django.setup()
        from tests.figures import commits, events, fleet, partitions, pruning, updates

        # It would write log of its own, at any time.
        fleet.run("ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")

        for measure in (events, updates, partitions, pruning, commits):
            table = measured(measure.table)
            name = measure.__name__.rpartition(".")[2]
            print(f"\n{name}\n\n{table}", flush=True)
            if "--write" in arguments:
                write(name, table)
    return 0


def measured(measure: Callable[[], str]) -> str:
    """Return a table that is measured in an empty database."""
    from django.db import connection

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return measure()
    finally:
        connection.close()
        connection.creation.destroy_test_db(name, verbosity=0)


def write(name: str, table: str) -> None:
    """Put a table between its marks in the page."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    text = PAGE.read_text()
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}{table}\n{end}{after}")


sys.exit(main(sys.argv[1:]))
