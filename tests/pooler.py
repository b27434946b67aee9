"""A PgBouncer of our own in transaction mode, before the database that Django uses."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.nemesis.servers import HOST, START_SECONDS, DatabaseServer, ServerFailed

SERVER_CONNECTIONS = 2
PREPARES_SINCE = (1, 21)
"""The version that began to keep track of prepared statements."""


class PgBouncer(DatabaseServer):
    """A context in which the pooler answers; ``database`` is Django's dictionary of settings.

    ``options`` are lines of its section ``[pgbouncer]``.
    """

    programs = ("pgbouncer",)
    folders = ("usr/sbin", "usr/local/sbin", "usr/local/bin")
    account = "postgres"

    def __init__(self, database: Mapping[str, Any], options: Mapping[str, object]) -> None:
        super().__init__()
        self.database = database
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def version(cls) -> tuple[int, ...]:
        """Return the version of the program that is here; ``MissingServer`` without one."""
        path = cls({}, {}).paths["pgbouncer"]
        told = subprocess.run([path, "--version"], check=True, capture_output=True, text=True)
        found = re.search(r"(\d+)\.(\d+)", told.stdout)
        assert found, told.stdout
        return tuple(map(int, found.groups()))

    @property
    def url(self) -> str:
        return f"postgres://pooled@{HOST}:{self.port}/{self.database['NAME']}"

    def create(self) -> None:
        names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
        target = {name: self.database[key] for name, key in names.items() if self.database[key]}
        own = {
            "listen_addr": HOST,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "admin_users": "pooled",
            "pool_mode": "transaction",
            "default_pool_size": SERVER_CONNECTIONS,
            **self.options,
        }
        lines = ["[databases]", "* = " + " ".join(f"{k}={v}" for k, v in target.items())]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in own.items())]
        (self.folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.paths["pgbouncer"], str(self.folder / "pgbouncer.ini")],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.identity(),
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.show("VERSION")
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailed(self.last_words("log")) from error
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def show(self, what: str) -> list[dict[str, Any]]:
        """Return the rows that the pooler's console tells by ``SHOW``."""
        with self.client("pgbouncer") as console:
            return console.cursor(row_factory=dict_row).execute(f"SHOW {what}").fetchall()

    @contextmanager
    def client(self, database: str = "") -> Iterator[psycopg.Connection[Any]]:
        """Yield a client's own connection, which is in a transaction only where it begins one."""
        name = database or self.database["NAME"]
        with psycopg.connect(
            host=HOST,
            port=self.port,
            user="pooled",
            dbname=name,
            autocommit=True,
            prepare_threshold=None,
        ) as connection:
            yield connection
