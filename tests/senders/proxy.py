"""A proxy before the host that does to each request what its script says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.senders.host import Host

HANG_SECONDS = 10
"""How long a request is left without an answer: longer than the sender that is tested waits."""


class Answer(NamedTuple):
    """An answer, of the host or of the proxy's own."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class Heard:
    """A request as it came; ``at`` is a monotonic clock's, ``headers`` have small letters."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


Step = Callable[[Host, Heard], Answer | None]
"""What is done to a request; None is no answer."""


def let_by(host: Host, heard: Heard) -> Answer:
    """Ask the host."""
    connection = HTTPConnection("127.0.0.1", host.port, timeout=30)
    kept = {name: text for name, text in heard.headers.items() if name != "connection"}
    connection.request("POST", heard.path, heard.body, kept)
    answer = connection.getresponse()
    found = Answer(answer.status, answer.read(), dict(answer.getheaders()))
    connection.close()
    return found


def lose(host: Host, heard: Heard) -> None:
    """Let the host do all of it, and hang up on the sender."""
    answer = let_by(host, heard)
    assert answer.status == 200, answer


def hang(host: Host, heard: Heard) -> None:
    """Say nothing until the sender has given up."""
    time.sleep(HANG_SECONDS)


def trouble(station: str) -> Step:
    """Return a step that has the host's database refuse a station, and lets by what it says."""

    def step(host: Host, heard: Heard) -> Answer:
        with host.trouble(station):
            return let_by(host, heard)

    return step


def say(status: int, body: bytes = b"", **headers: str) -> Step:
    """Return a step that answers itself."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda host, heard: Answer(status, body, named)


@contextmanager
def standing_before(host: Host, *steps: Step) -> Iterator[tuple[str, list[Heard]]]:
    """Listen; yield the origin's URL and what is heard. The last step is that of all later requests."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            heard.append(Heard(self.path, headers, body))
            step = steps[min(len(heard), len(steps)) - 1]
            answer = step(host, heard[-1])
            if answer is not None:
                self.tell(answer)

        def do_GET(self) -> None:
            """Note it: who comes here has followed a redirect."""
            heard.append(Heard(f"GET {self.path}", {}, b""))
            self.tell(Answer(200))

        def tell(self, answer: Answer) -> None:
            self.send_response(answer.status)
            left = ("connection", "content-length", "date", "server", "transfer-encoding")
            for name, text in answer.headers.items():
                if name.lower() not in left:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()


class Quiet(ThreadingHTTPServer):
    """Say nothing of senders that have hung up; wait for no thread that hangs."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def handle_error(self, request: Any, client_address: Any) -> None:
        with suppress(OSError):
            request.close()
