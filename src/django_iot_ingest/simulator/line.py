"""The gateway's line to us: one new connection for each call, a log-in for each thread.

The sending itself is ``client``'s. What is added here is what goes wrong with connections.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Protocol
from urllib.parse import urlsplit

from django_iot_ingest import client
from django_iot_ingest.client import Answer

NOT_AUTHENTICATED = 401
MOST_LOG_INS = 3
"""Log-ins for one try. The real gateway has no bound."""

TOKEN_SECONDS = 55 * 60
"""How long the gateway keeps a token, whatever that says of itself."""

CUT_SECONDS = 0.05
"""Within so many seconds the connection is reset, if that is not done in the middle of an answer."""


class LogInFailed(Exception):
    """The log-in gave no token; the text says what it gave."""


class Bearers(Protocol):
    """Where tokens come from."""

    def token(self) -> str:
        """Return the token of this thread."""

    def renew(self) -> bool:
        """Get another one after a 401; False if there is none to be had."""


@dataclass(frozen=True, slots=True)
class OneToken:
    """A token that somebody gave."""

    value: str = field(repr=False)

    def token(self) -> str:
        """Return the token that was given."""
        return self.value

    def renew(self) -> bool:
        """Return that there is no other."""
        return False


class LogIns:
    """Log in once for each thread, and again when the token is old or refused."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url, self.email = url, email
        self._password = password
        self._own = threading.local()
        self._ready: deque[tuple[str, float]] = deque()
        """Tokens that no thread has taken yet."""

    def token(self) -> str:
        """Return this thread's token; log in first if there is none, or it is old."""
        known: tuple[str, float] | None = getattr(self._own, "known", None)
        if known is None and self._ready:
            known = self._own.known = self._ready.popleft()
        if known is None or time.monotonic() - known[1] > TOKEN_SECONDS:
            self.renew()
            known = self._own.known
        return known[0]

    def renew(self) -> bool:
        """Log in anew; False if that gives no token."""
        token, _ = client.log_in(self.url, self.email, self._password)
        self._own.known = (token, time.monotonic())
        return bool(token)

    def prepare(self, threads: int) -> None:
        """Log in for each thread, before the clock runs: a good password hash is slow on purpose.

        ``LogInFailed`` if that gives no token.
        """
        for _ in range(threads):
            token, answer = client.log_in(self.url, self.email, self._password)
            if not token:
                said = answer.status or answer.trouble
                raise LogInFailed(f"the log-in at {self.url} gave no token: {said}")
            self._ready.append((token, time.monotonic()))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one try has heard, and how often its connection was reset before."""

    answers: tuple[Answer, ...]
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """Send events to one endpoint, from any thread."""

    url: str
    secret: str = field(repr=False)
    bearers: Bearers = field(repr=False)

    def attempt(self, body: bytes, cuts: int = 0) -> Attempt:
        """Sign a body with the time of this try and send it; after a 401 log in and resend.

        A connection that is reset, ``cuts`` times on purpose, sends the same bytes again.
        """
        signed = client.signed_headers(body, self.secret)
        for _ in range(cuts):
            cut(self.url, body, signed | self._bearer())
        answers = [self._post(body, signed)]
        for _ in range(MOST_LOG_INS):
            if answers[-1].status != NOT_AUTHENTICATED or not self.bearers.renew():
                break
            answers.append(self._post(body, signed))
        return Attempt(tuple(answers), cuts)

    def _post(self, body: bytes, signed: Mapping[str, str]) -> Answer:
        return client.post(self.url, body, {**signed, **self._bearer()})

    def _bearer(self) -> dict[str, str]:
        token = self.bearers.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


def cut(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a request and reset its connection: in the middle of the answer, or before there is one."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=client.TIMEOUT)
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("POST", target, body, dict(headers))
        if random.random() < 0.5:  # nosec B311
            connection.sock.recv(1)
        else:
            time.sleep(random.uniform(0, CUT_SECONDS))  # nosec B311
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    except (OSError, HTTPException):
        return  # somebody else has cut it
    finally:
        connection.close()
