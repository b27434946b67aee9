"""A PostgreSQL of the measurement's own, set up as docs/explanation/scale.md advises for a large fleet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import psycopg

from tests.nemesis.servers import PostgreSQL

SETTINGS = {
    "default_toast_compression": "lz4",
    "checkpoint_timeout": "30min",
    "max_wal_size": "8GB",
    "shared_buffers": "2GB",
    "wal_compression": "lz4",
}


def run(module: str, arguments: Sequence[str]) -> int:
    """Run a benchmark on such a server; return its exit code."""
    with PostgreSQL() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            for name, value in SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.kill()
        server.start()
        environment = {**os.environ, "DATABASE_URL": server.url, "BENCH_TUNED": "1"}
        return subprocess.call([sys.executable, "-m", module, *arguments], env=environment)
