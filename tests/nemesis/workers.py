"""The application under gunicorn, whose workers are there to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.nemesis.servers import HOST, ServerFailed

START_SECONDS = 60
STOP_SECONDS = 40
CONFIG = Path(__file__).with_name("gunicorn_conf.py")


class Application:
    """A context in which the design under test answers on ``port``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.log = folder / "application.log"
        with socket.create_server((HOST, 0), backlog=256) as listener:
            self.port: int = listener.getsockname()[1]
            self.master = self._start(listener.fileno())

    def __enter__(self) -> Self:
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def workers(self) -> list[int]:
        """Return the process ids of the workers: the children of our own master, no others."""
        return children(self.master.pid)

    def stop(self) -> None:
        """End the server; requests that are running end first."""
        self.master.terminate()
        try:
            self.master.wait(STOP_SECONDS)
        finally:
            if self.master.poll() is None:
                os.killpg(self.master.pid, signal.SIGKILL)
                self.master.wait()

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "example_project.wsgi:application"),
                    *("--config", str(CONFIG), "--bind", f"fd://{descriptor}"),
                ],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                start_new_session=True,
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if self.master.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(self.log.read_text(errors="replace")[-1500:])
            time.sleep(0.1)

    def _is_healthy(self) -> bool:
        connection = HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def children(parent: int) -> list[int]:
    """Return the ids of a process's living children, as Linux tells them."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is(pid, parent)]


def _is(pid: int, parent: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False  # ended meanwhile
    state, parent_id = stat.rpartition(")")[2].split()[:2]
    return int(parent_id) == parent and state != "Z"
