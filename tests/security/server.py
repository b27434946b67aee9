"""A real server for security tests, and a client that puts any bytes on its socket."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from django_iot_ingest import signing
from tests import leaks
from tests.gateway import URL
from tests.nemesis.surroundings import environment
from tests.nemesis.workers import Application
from tests.payloads import SECRET, encode, status

ALLOWED = "127.0.0.0/29"
GATEWAY, PROXY, STRANGER = "127.0.0.3", "127.0.0.1", "127.0.0.9"
"""Who connects: on Linux all of 127.0.0.0/8 is here. Gunicorn believes what ``PROXY`` forwards."""

SECONDS = 15
"""How long an answer may take."""

GUNICORN = "--workers 1 --threads 8 --access-logfile - --access-logformat 'answer %(s)s %(a)s'"
"""One worker, so that it is the one that has heard all; the log says whom it answered what."""

Value = str | bytes | None | list[str | bytes] | Callable[[str], Any]
"""What a header is: a text, nothing, several lines of that name, or made of the good text."""


class Answer(NamedTuple):
    """One answer, as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Known(NamedTuple):
    """What was prepared in the server's database."""

    token: str
    session: str
    csrf: str


class RealServer:
    """A running server, what is known about its admin, and a look at its inbox and log."""

    def __init__(self, application: Application, known: Known) -> None:
        self.application = application
        self.known = known

    def message(
        self,
        headers: dict[str, Value] | None = None,
        *,
        method: str = "POST",
        target: str = URL,
        version: str = "HTTP/1.1",
        framed: Callable[[bytes], bytes] = bytes,
        closes: bool = True,
    ) -> bytes:
        """Return a good request, changed; ``framed`` makes what is sent out of the body."""
        body = encode(status())
        good = self.good_headers(body, closes)
        lines = [
            b"%s: %s" % (name.encode("latin-1"), as_bytes(text))
            for name, text in pairs(good, headers or {})
        ]
        first = f"{method} {target} {version}".rstrip().encode("latin-1")
        return b"\r\n".join([first, *lines, b"", framed(body)])

    def good_headers(self, body: bytes, closes: bool) -> dict[str, Any]:
        """Return the headers of a signed request of the admin."""
        timestamp = str(int(time.time()))
        signature = signing.sign(body, timestamp, SECRET)
        leaks.are_sensitive(signature, self.known.token)
        return {
            "Host": f"127.0.0.1:{self.application.port}",
            "Authorization": f"Bearer {self.known.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Timestamp": timestamp,
            "X-Signature": signature,
            "Connection": "close" if closes else None,
        }

    def connect(self, source: str = GATEWAY) -> socket.socket:
        """Return a new connection from one of the loopback addresses."""
        address = ("127.0.0.1", self.application.port)
        return socket.create_connection(address, SECONDS, source_address=(source, 0))

    def ask(self, data: bytes | Iterable[bytes], source: str = GATEWAY) -> list[Answer]:
        """Send bytes, end our side, and return every answer until the server ends its own."""
        with self.connect(source) as connection:
            for piece in [data] if isinstance(data, bytes) else data:
                send(connection, piece)
            with suppress(OSError):  # if the server has hung up already
                connection.shutdown(socket.SHUT_WR)
            return list(answers(receive(connection)))

    def ask_and_wait(self, data: bytes) -> list[Answer]:
        """Send bytes and return every answer, while our side stays open for more."""
        with self.connect() as connection:
            send(connection, data)
            return list(answers(receive(connection)))

    def drop(self, data: bytes) -> None:
        """Send bytes and reset the connection."""
        with self.connect() as connection:
            connection.sendall(data)
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def rows(self) -> int:
        """Return how many rows the inbox has."""
        with closing(sqlite3.connect(self.application.folder / "db.sqlite3")) as database:
            query = "SELECT COUNT(*) FROM django_iot_ingest_ingestevent"
            return int(database.execute(query).fetchone()[0])

    def log(self) -> str:
        """Return all that the server has logged."""
        return self.application.log.read_text(errors="replace")

    def answered(self, agent: str) -> str:
        """Wait until the server has answered whoever calls himself so; return with what."""
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(rf"^answer (\d+) {agent}$", self.log(), re.MULTILINE)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return found[1]


def pairs(good: dict[str, Any], changes: dict[str, Value]) -> list[tuple[str, str | bytes]]:
    """Return the lines of good headers, changed by name; ``X_Timestamp`` knows its good text."""
    changed = dict(good)
    for name, value in changes.items():
        text = good.get(name.replace("_", "-").title(), "")
        changed[name] = value(text) if callable(value) else value
    return [
        (name, text)
        for name, value in changed.items()
        for text in (value if isinstance(value, list) else [value])
        if text is not None
    ]


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def send(connection: socket.socket, data: bytes) -> None:
    """Send what the server will hear: once it has heard enough, its answer is there all the same."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)


def receive(connection: socket.socket) -> bytes:
    data = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            data += piece
    return data


def answers(data: bytes) -> Iterator[Answer]:
    """Take apart what came over one connection. Chunks are the host's: ours says its length."""
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        status_code = int(first.split()[1])
        if headers.get("transfer-encoding") == "chunked":
            body, _, data = data.partition(b"0\r\n\r\n")
        else:
            length = int(headers.get("content-length", 0))
            body, data = data[:length], data[length:]
        yield Answer(status_code, headers, body)


def told(answer: Answer) -> str:
    """Return what was answered, and by whom: ours, the host's Django, or the web server alone."""
    if answer.status == 100:
        return "100"
    if answer.headers.get("content-type") != "application/json":
        return f"{answer.status} by the {'host' if 'server' in answer.headers else 'server'}"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.status < 500 or answer.status == 503
    if not answer.body:
        return f"{answer.status}, no body"
    said = json.loads(answer.body)
    return f"{answer.status} {said['data']['state'] if said['success'] else said['error']}"


@contextmanager
def real_server(folder: Path) -> Iterator[RealServer]:
    """Run the example project under gunicorn, with a database and an admin of its own."""
    variables = {
        **environment(f"sqlite:///{folder / 'db.sqlite3'}", {}),
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "SECRET_KEY": "only-for-the-real-server-and-long-enough-for-hs256",
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
        "IOT_SYSTEM_ALLOWED_IPS": ALLOWED,
        "IOT_SYSTEM_TRUSTED_PROXIES": "",
        "DEBUG": "False",
        "GUNICORN_CMD_ARGS": GUNICORN,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.prepare"],
        cwd=folder,
        env=variables,
        check=True,
        capture_output=True,
        text=True,
    )
    with Application(folder, variables) as application:
        yield RealServer(application, Known(*json.loads(done.stdout)))
