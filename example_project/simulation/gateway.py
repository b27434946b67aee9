"""The gateway, simulated: what it sends, how it signs, when it tries again.

Written from what was observed of the real one, with the standard library alone; it shares no code
with the plugin, so that the two agree because the signature is right and not because it is one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

HOST = "127.0.0.1"
LOGIN, STATIONS = "/api/admin/login", "/api/internal/stations/data"
SUCCESS = 200
TIMEOUT = 15
PAUSES = (0, 2, 4)
"""Seconds before each try: at 0, +2 and +6 s; then the event is forgotten for good."""

MAX_LOGINS = 3
"""The real gateway has no bound: it would log in and resend for ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when nothing did."""

    status: int
    headers: Mapping[str, str]
    body: Any


Listener = Callable[[str, Mapping[str, str], bytes, Answer], None]
"""Told of each call: path, headers, body, answer."""


@dataclass(slots=True)
class Gateway:
    """One thread of the gateway."""

    port: int
    secret: str
    email: str
    password: str
    listener: Listener
    token: str = field(default="", init=False)

    def log_in(self) -> Answer:
        """Log in, and keep the token if the answer is exactly 200."""
        body = _encode({"email": self.email, "password": self.password})
        answer = self._call(LOGIN, {}, body)
        if answer.status == SUCCESS and answer.body["success"]:
            self.token = answer.body["data"]["access_token"]
        return answer

    def deliver(self, payload: Mapping[str, Any], lost_answers: int = 0) -> list[Answer]:
        """Post an event, at most three times; return all answers.

        The first ``lost_answers`` of them got lost on the way back: the gateway tries again, and
        cannot know that the event has arrived.
        """
        body = _encode(payload)
        answers: list[Answer] = []
        for pause in PAUSES:
            time.sleep(pause)
            answers.append(self.attempt(body))
            if answers[-1].status == SUCCESS and len(answers) > lost_answers:
                break
        return answers

    def attempt(self, body: bytes) -> Answer:
        """Sign and post a body with the time of this try; after a 401 log in and resend at once."""
        timestamp = str(int(time.time()))
        signature = sign(body, timestamp, self.secret)
        answer = self._post(body, timestamp, signature)
        for _ in range(MAX_LOGINS):
            if answer.status != 401:
                break
            self.log_in()
            answer = self._post(body, timestamp, signature)
        return answer

    def _post(self, body: bytes, timestamp: str, signature: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-Timestamp": timestamp,
            "X-Signature": signature,
        }
        return self._call(STATIONS, headers, body)

    def _call(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one call on a new connection, as the real one does."""
        sent = {"Content-Type": "application/json", **headers}
        connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        try:
            connection.request("POST", path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.headers), _decode(response.read()))
        except (OSError, HTTPException) as error:
            answer = Answer(0, {}, repr(error))
        finally:
            connection.close()
        self.listener(path, sent, body, answer)
        return answer


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return Base64 of HMAC-SHA256 over the body and the timestamp."""
    digest = hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
