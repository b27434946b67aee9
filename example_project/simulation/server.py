"""The server: gunicorn as a child process, ended on every way out."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from simulation.surroundings import PROJECT

HOST = "127.0.0.1"
MAX_PORT = 65535
START_SECONDS = 60
STOP_SECONDS = 10


class PortInUse(Exception):
    """Somebody else listens on the port."""


class ServerFailed(Exception):
    """The server did not start, or ended by itself."""


def reserve(port: int) -> socket.socket:
    """Listen on the port, so that nobody takes it until the server does; ``PortInUse``."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        reason = "in use" if error.errno == errno.EADDRINUSE else "not to be had"
        raise PortInUse(
            f"port {port} of {HOST} is {reason} ({os.strerror(error.errno or 0)}). "
            f"Choose another one, for example: make demo PORT={port % MAX_PORT + 1}"
        ) from None


class Server:
    """A context in which the server answers on the listener's port."""

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        self.listener = listener
        self.port: int = listener.getsockname()[1]
        self.folder = folder
        self.log = folder / "logs" / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.process = self._start()
            self._wait_until_healthy(self.process)
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

    def wait(self) -> None:
        """Wait until the server ends by itself, which it should not: ``ServerFailed``."""
        assert self.process is not None
        self.process.wait()
        raise ServerFailed(self._last_words())

    def stop(self) -> None:
        """End the server: politely, then for certain, its workers too."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"demo: the server did not end in {STOP_SECONDS} s", file=sys.stderr)
        finally:
            # Also when somebody was impatient and pressed Ctrl-C again.
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self.listener.fileno()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "example_project.wsgi:application"),
                    *("--pythonpath", str(PROJECT), "--bind", f"fd://{descriptor}"),
                    *("--config", str(PROJECT / "simulation" / "gunicorn_conf.py")),
                ],
                cwd=self.folder,
                env={name: os.environ[name] for name in os.environ if not _is_gunicorns(name)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                # Ctrl-C in the terminal is for us; we end the server.
                start_new_session=True,
            )
        # Were it open here too, a dead server would still seem to listen.
        self.listener.close()
        return process

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(self._last_words())
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

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"the server failed; {self.log} ends with:", *lines])


def _is_gunicorns(name: str) -> bool:
    """Return whether a variable of the surrounding shell would change how gunicorn runs."""
    return name in ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "PORT")
