"""Sign events and send them: ``python sender.py URL FILE``, Python 3.9 or newer and no package."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import sys
import time
from urllib.parse import urljoin, urlsplit

# Seconds: before each try, at most for Retry-After, and for an answer.
*PAUSES, LONGEST_PAUSE, TIMEOUT = map(float, os.environ.get("IOT_SECONDS", "0 2 4 30 15").split())


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the X-Signature of exactly these bytes, followed by the text of X-Timestamp."""
    message = body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


class Sender:  # ``account`` is ``email`` and ``password``: for a token, and for the next one
    def __init__(self, url: str, secret: str, token: str = "", **account: str) -> None:
        self.url, self.secret, self.token, self.account = url, secret, token.strip(), account

    def deliver(self, body: bytes) -> bool:
        """Send an event until it is answered 200, or never will be; return whether it was."""
        may_log_in, later = bool(self.token and self.account.get("email")), 0
        for pause in PAUSES:
            time.sleep(max(pause, min(later, LONGEST_PAUSE)))
            status, later = self.send(body)
            if status == 401 and may_log_in:  # once for an event, or it might never end
                self.token, may_log_in = "", False
                status, later = self.send(body)
            if status not in (0, 408, 429) and status < 500:
                return status == 200
        return False

    def send(self, body: bytes) -> tuple[int, int]:
        """Send the bytes under a new signature, after a log-in if there is no token."""
        if not self.token:
            url, account = urljoin(self.url, "/api/admin/login"), json.dumps(self.account).encode()
            status, later, self.token = post(url, account, {}, "access_token")
            if not self.token:
                return (401 if status == 200 else status), later
        now = str(int(time.time()))
        signed = {"X-Timestamp": now, "X-Signature": sign(body, now, self.secret)}
        return post(self.url, body, {"Authorization": f"Bearer {self.token}", **signed})[:2]


def post(
    url: str, body: bytes, headers: dict[str, str], name: str = "state|error"
) -> tuple[int, int, str]:
    """Return an answer's status (0 for none), Retry-After, and the text of that name in it."""
    to, status, later, text = urlsplit(url), 0, "", b""
    kind = http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
    link = kind(to.netloc, timeout=TIMEOUT)  # it follows no redirect
    with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
        link.request("POST", to.path, body, {"Content-Type": "application/json", **headers})
        answer = link.getresponse()
        status, later, text = answer.status, answer.getheader("Retry-After", ""), answer.read()
    found = re.search(rb'"(?:%b)"\s*:\s*"([\w.~+/=-]+)"' % name.encode(), text)
    word = found[1].decode() if found else ""
    print(status, "log-in" if name == "access_token" else word, flush=True)
    return status, int(later) if later.isdecimal() else 0, word


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file:
        event = file.read()
    account = {name: os.environ.get(f"IOT_{name.upper()}", "") for name in ("email", "password")}
    secret, token = os.environ["IOT_SYSTEM_SIGNATURE_SECRET"], os.environ.get("IOT_TOKEN", "")
    sys.exit(not Sender(sys.argv[1], secret, token, **account).deliver(event))
