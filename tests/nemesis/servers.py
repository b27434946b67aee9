"""Database servers of our own: in a folder of their own, on a port of their own, to be killed.

Nothing here touches a server of the machine. Run as root, the servers run as the user that their
packages made, since PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

HOST = "127.0.0.1"
START_SECONDS = 60.0
NAME = "nemesis"


class MissingServer(Exception):
    """A program of the server is not on this machine."""


class ServerFailed(Exception):
    """The server did not start."""


class DatabaseServer(ABC):
    """A context in which a new, empty server answers at ``url``."""

    programs: ClassVar[Sequence[str]]
    folders: ClassVar[Sequence[str]]
    """Where packages put the programs, beside PATH: Debian's folders."""

    account: ClassVar[str]
    """The user to be when we are root."""

    def __init__(self) -> None:
        self.paths = {name: self.find(name) for name in self.programs}
        self.port = free_port()
        self.folder = Path()

    @property
    @abstractmethod
    def url(self) -> str:
        """The server's database as ``DATABASE_URL``."""

    @abstractmethod
    def create(self) -> None:
        """Make the data folder and what the first start needs."""

    @abstractmethod
    def start(self) -> None:
        """Start the server and wait until it answers."""

    @abstractmethod
    def kill(self) -> None:
        """End the server at once, without a checkpoint: it has to recover when it starts."""

    def restart(self) -> None:
        """Kill the server and start it again."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-db-"))
        try:
            if self.identity():
                shutil.chown(self.folder, self.account)
            self.create()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def find(self, name: str) -> str:
        """Return the path of a program, the newest version's; ``MissingServer`` without one."""
        found = [str(path) for folder in self.folders for path in sorted(Path("/").glob(folder))]
        path = shutil.which(name) or shutil.which(name, path=os.pathsep.join(reversed(found)))
        if path is None:
            raise MissingServer(f"{name} is neither on PATH nor in {', '.join(self.folders)}")
        return path

    def identity(self) -> dict[str, Any]:
        """Return the arguments of ``subprocess`` that make a program run as another user."""
        if os.geteuid() != 0:
            return {}
        try:
            group = pwd.getpwnam(self.account).pw_gid
        except KeyError:
            raise MissingServer(f"there is no user {self.account}") from None
        return {"user": self.account, "group": group, "extra_groups": []}

    def run(self, program: str, *arguments: str, check: bool = True) -> None:
        """Run a program to its end; ``ServerFailed`` with its last words."""
        with (self.folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(
                [self.paths[program], *arguments],
                check=False,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=START_SECONDS,
                **self.identity(),
            )
        if check and done.returncode:
            raise ServerFailed(f"{program} failed: {self.last_words(f'{program}.out')}")

    def last_words(self, name: str) -> str:
        """Return the end of a file in the server's folder."""
        path = self.folder / name
        return path.read_text(errors="replace")[-1500:] if path.exists() else "(nothing)"


class PostgreSQL(DatabaseServer):
    """PostgreSQL, by ``pg_ctl``."""

    programs = ("initdb", "pg_ctl")
    folders = ("usr/lib/postgresql/*/bin", "usr/local/pgsql/bin")
    account = "postgres"

    @property
    def url(self) -> str:
        return f"postgres://{NAME}@{HOST}:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def create(self) -> None:
        own = ("--username", NAME, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        self.run("initdb", "--pgdata", str(self.data), *own)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories="
        log = str(self.folder / "log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", log, "-o", options)

    def kill(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.data), check=False)


class MariaDB(DatabaseServer):
    """MariaDB; to be restarted at once it gets a SIGKILL."""

    programs = ("mariadb-install-db", "mariadbd")
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/mysql/bin")
    account = "mysql"

    def __init__(self) -> None:
        super().__init__()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mysql://{NAME}@{HOST}:{self.port}/{NAME}"

    def create(self) -> None:
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}")
        (self.folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {NAME}@'%';\n"
            f"GRANT ALL ON *.* TO {NAME}@'%';\n"
            f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4;\n"
        )

    def start(self) -> None:
        options = {
            "datadir": self.folder / "data",
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "init-file": self.folder / "init.sql",
            "bind-address": HOST,
            "port": self.port,
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.paths["mariadbd"], "--no-defaults", "--skip-name-resolve"),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.identity(),
            )
        self.wait_until_answering(self.process)

    def wait_until_answering(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the server's greeting, which it sends once it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"mariadbd did not start: {self.last_words('log')}")
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


SERVERS: dict[str, type[DatabaseServer]] = {"postgresql": PostgreSQL, "mariadb": MariaDB}


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Return whether a server sends anything on the port by itself."""
    try:
        with socket.create_connection((HOST, port), 1.0) as connection:
            connection.settimeout(1.0)
            return bool(connection.recv(1))
    except OSError:
        return False
