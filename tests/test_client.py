"""Signing and sending the way that a gateway does, against servers that do as they are told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from django_iot_ingest import client, signing
from django_iot_ingest.client import Answer, Sender
from tests.payloads import SECRET

pytestmark = pytest.mark.once

BODY = b'{"type":"status"}'


class Server(ThreadingHTTPServer):
    """Give the answers that it was told, the last of them again and again, and keep what came."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/internal/stations/data"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        status, headers, content = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serving(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[Server]:
    server = Server(*answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_sent_is_signed_with_the_time_of_the_attempt() -> None:
    with serving((200, {}, b'{"success": true}')) as server:
        answer = client.send(server.url, BODY, SECRET, "abc.def")
    [(path, headers, body)] = server.seen
    assert (path, body) == ("/api/internal/stations/data", BODY)
    assert headers["Authorization"] == "Bearer abc.def"
    assert headers["Content-Type"] == "application/json"
    assert signing.verify(body, headers["X-Timestamp"], headers["X-Signature"], [SECRET])
    assert answer.is_success and answer.json() == {"success": True}
    assert 0 < answer.seconds < 15


def test_a_time_and_headers_of_ones_own_are_sent() -> None:
    with serving((200, {}, b"")) as server:
        sender = Sender(server.url + "?a=1", SECRET, headers={"X-Forwarded-For": "192.0.2.1"})
        sender.send(b"", 1698345600)
    [(path, headers, body)] = server.seen
    assert path.endswith("data?a=1") and body == b""
    assert headers["X-Timestamp"] == "1698345600"
    assert headers["X-Forwarded-For"] == "192.0.2.1"
    assert "Authorization" not in headers


def test_no_redirect_is_followed() -> None:
    with serving((301, {"Location": "/elsewhere"}, b"")) as server:
        answer = client.send(server.url, BODY, SECRET)
    assert (answer.status, answer.is_redirect, answer.is_success) == (301, True, False)
    assert answer.headers["location"] == "/elsewhere"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("statuses", "tries", "waited"),
    [([200], 1, [0]), ([503, 200], 2, [0, 2]), ([201, 503, 401], 3, [0, 2, 4])],
)
def test_an_event_is_tried_as_the_gateway_tries(
    statuses: list[int], tries: int, waited: list[float]
) -> None:
    pauses: list[float] = []
    with serving(*[(status, {}, b"") for status in statuses]) as server:
        answers = list(Sender(server.url, SECRET).deliver(BODY, pauses.append))
    assert [answer.status for answer in answers] == statuses
    assert (len(server.seen), pauses) == (tries, waited)


def test_a_log_in_gives_the_token() -> None:
    content = b'{"success": true, "data": {"access_token": "abc", "refresh_token": "def"}}'
    with serving((200, {}, content)) as server:
        assert client.log_in(server.url, "gateway@example.com", "pw")[0] == "abc"
    assert server.seen[0][2] == b'{"email": "gateway@example.com", "password": "pw"}'


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (201, b'{"data": {"access_token": "abc"}}'),
        (200, b'{"data": {"access_token": 7}}'),
        (200, b'{"data": []}'),
        (200, b"[" * 100_000),
        (200, b"\xff"),
        (401, b""),
    ],
)
def test_a_log_in_that_fails_gives_no_token(status: int, content: bytes) -> None:
    with serving((status, {}, content)) as server:
        token, answer = client.log_in(server.url, "gateway@example.com", "pw")
    assert (token, answer.status) == ("", status)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_what_cannot_be_reached_is_an_answer_of_status_0() -> None:
    answer = client.send(f"http://127.0.0.1:{free_port()}/", BODY, SECRET)
    assert answer.status == 0 and "refused" in answer.trouble
    assert not answer.is_success and answer.json() == {}


def test_a_server_that_is_silent_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        answer = client.send(url, BODY, SECRET, timeout=0.05)
    assert (answer.status, answer.trouble) == (0, "no answer in time")


@contextmanager
def speaking(pieces: Iterable[bytes]) -> Iterator[str]:
    """Answer one request with these pieces, one after the other, until nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=speak)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_a_server_that_speaks_no_http_is_trouble_too() -> None:
    with speaking([b"SSH-2.0-x\x1b]0;owned\x07\r\n"]) as url:
        answer = client.send(url, BODY, SECRET)
    assert answer.status == 0 and answer.trouble.startswith("BadStatusLine")
    assert answer.trouble.isprintable() and "SSH-2.0-x" in answer.trouble


def test_a_line_without_an_end_is_told_short() -> None:
    with speaking([b"HTTP/1.1 " + 60_000 * b"9" + b"\r\n\r\n"]) as url:
        answer = client.send(url, BODY, SECRET)
    assert answer.status == 0 and len(answer.trouble) < 400


def slowly(first: bytes, again: bytes, pause: float = 0.02) -> Iterator[bytes]:
    """Yield a beginning, and then the same piece for ever."""
    yield first
    while True:
        time.sleep(pause)
        yield again


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "body", "length", "chunks", "continue"],
)
def test_a_server_that_never_ends_is_left_in_time(first: bytes, again: bytes) -> None:
    with speaking(slowly(first, again)) as url:
        started = time.monotonic()
        answer = client.send(url, BODY, SECRET, timeout=0.5)
        took = time.monotonic() - started
    assert (answer.status, answer.trouble, answer.body) == (0, "no answer in time", b"")
    assert took < 5 and answer.seconds >= 0.5


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.com/",
        "example.com/data",
        "http:///data",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://user:word@example.com/",
        "http://example.com/a b",
        "http://example.com/\r\nX: y",
        "http://exämple.com/",
        "http://[::1/",
    ],
)
def test_what_is_no_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ValueError):
        client.send(url, BODY, SECRET)


@pytest.mark.parametrize("token", ["abc\n", "a b", "é", "a\r\nX-Other: y"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError) as caught:
        client.send("http://127.0.0.1:1/", BODY, SECRET, token)
    assert token not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    shown = repr(Sender("http://127.0.0.1/", SECRET, "abc.def", headers={"Cookie": "chip"}))
    assert SECRET not in shown and "abc.def" not in shown and "chip" not in shown
    assert Answer(0).headers == {}
