"""Sign events and send them, the way that a gateway does. Needs nothing of Django but this package.

One call is one new connection, no redirect is followed, and an answer is waited for as long as the
real gateway waits (contract, section 1). What goes wrong on the way is an ``Answer`` of status 0; only
what cannot be sent at all - no URL, a token that no header can hold - raises ``ValueError``.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django_iot_ingest import __version__, logs, signing

TIMEOUT = 15.0
"""Seconds that the gateway waits for an answer."""

PAUSES = (0.0, 2.0, 4.0)
"""Seconds before each of its tries: at 0, +2 and +6 s. Then it forgets the event."""

SUCCESS = 200
"""The only status that it takes for success."""

LONGEST_ANSWER = 1_000_000
"""Bytes of an answer that are read."""

TOO_LATE = "no answer in time"

_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``status`` is 0 if nothing did; then ``trouble`` says why.

    ``headers`` have their names in lower case; ``seconds`` is how long it took.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    trouble: str = ""
    seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Return whether the gateway would take this for success."""
        return self.status == SUCCESS

    @property
    def is_redirect(self) -> bool:
        """Return whether somebody sends us elsewhere, which the gateway takes for a failure."""
        return 300 <= self.status < 400

    def json(self) -> dict[str, Any]:
        """Return the object that the body holds; an empty one if it holds none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Sender:
    """Send signed bodies to one endpoint.

    ``headers`` are sent besides ours, or instead; ``context`` is of TLS, None for the usual one.
    """

    url: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    timeout: float = TIMEOUT
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    context: ssl.SSLContext | None = None

    def send(self, body: bytes, timestamp: str | int | None = None) -> Answer:
        """Sign a body and send it once; ``timestamp`` is unix seconds, now if it is None."""
        signed = {**signed_headers(body, self.secret, self.token, timestamp), **self.headers}
        return post(self.url, body, signed, timeout=self.timeout, context=self.context)

    def deliver(
        self, body: bytes, wait: Callable[[float], object] = time.sleep
    ) -> Iterator[Answer]:
        """Yield the answer to each try: as many, and so far apart, as the gateway's."""
        for pause in PAUSES:
            wait(pause)
            answer = self.send(body)
            yield answer
            if answer.is_success:
                return


def send(url: str, body: bytes, secret: str, token: str = "", **options: Any) -> Answer:
    """Sign a body and send it once; ``options`` are those of ``Sender``."""
    return Sender(url, secret, token, **options).send(body)


def signed_headers(
    body: bytes, secret: str, token: str = "", timestamp: str | int | None = None
) -> dict[str, str]:
    """Return the headers of a signed request, of which none is left out but an empty token's."""
    stamp = str(int(time.time()) if timestamp is None else timestamp)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {_checked_token(token)}"
    return headers | {"X-Timestamp": stamp, "X-Signature": signing.sign(body, stamp, secret)}


def log_in(url: str, email: str, password: str, **options: Any) -> tuple[str, Answer]:
    """Return the access token, empty if there is none, and the answer that the log-in gave."""
    body = json.dumps({"email": email, "password": password}).encode()
    answer = post(url, body, {"Content-Type": "application/json"}, **options)
    data = answer.json().get("data") if answer.is_success else None
    token = data.get("access_token") if isinstance(data, dict) else None
    return (token if isinstance(token, str) else ""), answer


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float = TIMEOUT,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """Post bytes over a new connection, and follow no redirect."""
    parts = check_url(url)
    sent = {"User-Agent": f"django-iot-ingest/{__version__}", **headers}
    connection = _connection(parts, timeout, context)
    started = time.monotonic()
    try:
        connection.connect()
        with _ended_after(connection.sock, timeout - (time.monotonic() - started)):
            connection.request("POST", _target(parts), body, sent)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            content = response.read(LONGEST_ANSWER)
        found = Answer(response.status, received, content)
    except (OSError, HTTPException) as error:
        found = Answer(0, trouble=_in_words(error))
    finally:
        connection.close()
    seconds = time.monotonic() - started
    # What had to be ended may look whole.
    found = found if seconds < timeout else Answer(0, trouble=TOO_LATE)
    return replace(found, seconds=seconds)


def check_url(url: str) -> SplitResult:
    """Return the parts of a URL that a request can go to, or raise ``ValueError``."""
    if not _VISIBLE.fullmatch(url):
        raise ValueError("the URL has to be of visible ASCII characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL has to begin with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL may hold no user name and no password")
    _ = parts.port  # raises for what is no port
    return parts


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _connection(
    parts: SplitResult, timeout: float, context: ssl.SSLContext | None
) -> HTTPConnection:
    host = str(parts.hostname)
    if parts.scheme == "https":
        return HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    return HTTPConnection(host, parts.port, timeout=timeout)


@contextmanager
def _ended_after(sock: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection after so many seconds: its own timeout begins anew with every byte."""
    timer = threading.Timer(max(seconds, 0), _end, [sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _checked_token(token: str) -> str:
    if not _VISIBLE.fullmatch(token):
        raise ValueError("the token has a character that no header can hold, often a line end")
    return token


def _in_words(error: Exception) -> str:
    """Return what kept an answer away, safe for a terminal: a server's own bytes may be in it.

    No error of these classes holds a header.
    """
    if isinstance(error, TimeoutError):
        return TOO_LATE
    return f"{type(error).__name__}: {logs.escaped(error)}".rstrip(": ")
