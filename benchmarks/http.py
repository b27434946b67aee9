"""Signed requests as bytes, made before the clock runs, and one connection for each, as the gateway
has it."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django_iot_ingest.signing import sign
from tests.payloads import SECRET

ANSWER_SECONDS = 15.0
"""Seconds that the gateway waits for an answer."""


def signed(body: bytes, path: str, port: int, token: str) -> bytes:
    """Return a whole request, signed just now."""
    stamp = str(int(time.time()))
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Authorization: Bearer {token}",
        f"X-Timestamp: {stamp}",
        f"X-Signature: {sign(body, stamp, SECRET)}",
        "Connection: close",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def exchange(port: int, request: bytes) -> bytes:
    """Send a request on a connection of its own and return the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def status_of(answer: bytes) -> int:
    """Return the status code of an answer, 0 of an empty one."""
    return int(answer[9:12] or 0)


def play(port: int, requests: Sequence[bytes], at_once: int) -> tuple[float, list[float]]:
    """Send requests, so many at once; return the seconds for all, and those of each."""

    def send(request: bytes) -> float:
        began = time.perf_counter()
        answer = exchange(port, request)
        if status_of(answer) != 200:
            raise SystemExit(f"{answer[:300]!r}")
        return time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        each = list(pool.map(send, requests))
    return time.perf_counter() - began, each
