"""The gateway's double: the retry rules that were observed, over real HTTP, from many threads.

An event is tried at 0, +2 and +6 s; only 200 is success; after 15 s without an answer the next try
comes while the first may still run; each try signs the same body anew; after a 401 it logs in and
resends; a reset connection resends the same bytes up to three times more: twelve copies in all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.nemesis.servers import HOST

LOGIN, STATIONS = "/api/admin/login", "/api/internal/stations/data"
SUCCESS, NOT_LOGGED_IN = 200, 401
TIMEOUT = 15.0
PAUSES = (0.0, 2.0, 4.0)
"""Seconds before each try; then the event is forgotten for good."""

RESENDS = 3
MAX_LOGINS = 3
"""The real gateway has no bound."""

RESET, NO_ANSWER = -1, 0
"""What stands for a status where none came back."""

CUT_AFTER = (0.0, 0.15)
"""Seconds after which the network resets a connection, if it does."""


@dataclass(slots=True)
class Delivery:
    """One return, and all that the gateway saw of it: the history that the tables are held to."""

    number: int
    bank: str
    occurred_at: str
    tries: list[list[int]] = field(default_factory=list)
    """For each try the status of each copy; ``RESET`` or ``NO_ANSWER`` where none came."""

    begun: float = 0.0
    seconds: float = 0.0
    """From the first try to the last answer."""

    @property
    def is_accepted(self) -> bool:
        """Whether the gateway got its 200."""
        return bool(self.tries) and self.tries[-1][-1:] == [SUCCESS]

    @property
    def copies(self) -> int:
        """How often it was sent."""
        return sum(len(statuses) for statuses in self.tries)

    def as_json(self) -> str:
        """Return one line of the history file."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Gateway:
    """One thread of the gateway. ``resets`` is how often the network cuts a try short."""

    port: int
    secret: str
    email: str
    password: str
    dice: random.Random
    resets: float = 0.0
    token: str = field(default="", init=False)

    def log_in(self) -> None:
        """Log in, and keep the token if the answer is exactly 200."""
        body = json.dumps({"email": self.email, "password": self.password}).encode()
        status, answer = self.call(LOGIN, body, {})
        if status == SUCCESS:
            self.token = json.loads(answer)["data"]["access_token"]

    def deliver(self, delivery: Delivery, body: bytes) -> None:
        """Post an event by the rules and write down what came back."""
        delivery.begun = time.time()
        started = time.monotonic()
        for pause in PAUSES:
            time.sleep(pause)
            delivery.tries.append(self.attempt(body))
            delivery.seconds = time.monotonic() - started
            if delivery.is_accepted:
                break

    def attempt(self, body: bytes) -> list[int]:
        """Sign a body with the time of this try and send it; return the status of each copy."""
        signed = self.sign(body)
        statuses = self.send(body, signed)
        for _ in range(MAX_LOGINS):
            if statuses[-1] != NOT_LOGGED_IN:
                break
            self.log_in()
            statuses += self.send(body, signed)
        return statuses

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers that sign a body now."""
        timestamp = str(int(time.time()))
        digest = hmac.new(self.secret.encode(), body + timestamp.encode(), hashlib.sha256).digest()
        return {"X-Timestamp": timestamp, "X-Signature": base64.b64encode(digest).decode()}

    def send(self, body: bytes, signed: Mapping[str, str]) -> list[int]:
        """Send the bytes, and again the same bytes while the connection is reset."""
        cuts = self.dice.randint(1, RESENDS) if self.dice.random() < self.resets else 0
        statuses: list[int] = []
        while len(statuses) <= RESENDS and statuses[-1:] in ([], [RESET]):
            cut = self.dice.uniform(*CUT_AFTER) if len(statuses) < cuts else None
            bearer = {"Authorization": f"Bearer {self.token}"}
            statuses.append(self.call(STATIONS, body, {**signed, **bearer}, cut)[0])
        return statuses

    def call(
        self, path: str, body: bytes, headers: Mapping[str, str], cut: float | None = None
    ) -> tuple[int, bytes]:
        """Make one call on a new connection; return its status and answer.

        ``cut`` is after how many seconds the network resets it: the server goes on with it alone.
        """
        connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            if cut is not None:
                time.sleep(cut)
                reset(connection)
                return RESET, b""
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionError:
            return RESET, b""  # a worker was killed
        except (OSError, HTTPException):
            return NO_ANSWER, b""
        finally:
            connection.close()


def returned(number: int, station: str, bank: str, slot: int) -> tuple[Delivery, bytes]:
    """Return the event of a bank that was put into a slot just now, and its body.

    The number is a field that the plugin does not know: it reaches the hook with the raw payload.
    """
    now = datetime.now(UTC)
    stamp = f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z"
    payload: dict[str, Any] = {
        "type": "returned",
        "timestamp": int(now.timestamp()),
        "device": {"serial_number": station, "last_heartbeat": stamp},
        "return_event": {
            "power_bank_serial": bank,
            "slot_number": slot,
            "battery_level": 85,
            "returned_at": stamp,
            "condition": "NORMAL",
            "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
            "number": number,
        },
    }
    return Delivery(number, bank, now.isoformat()), json.dumps(payload).encode()


def reset(connection: HTTPConnection) -> None:
    """Close a connection so that the other side sees it reset."""
    if connection.sock is not None:
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
