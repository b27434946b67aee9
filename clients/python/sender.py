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
JSON = {"Content-Type": "application/json"}


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the X-Signature of exactly these bytes, followed by the text of X-Timestamp."""
    mac = hmac.digest(secret.encode(), body + timestamp.encode(), hashlib.sha256)
    return base64.b64encode(mac).decode()


class Sender:  # ``account`` is ``email`` and ``password``: for a token, and for the next one
    def __init__(self, url: str, secret: str, token: str = "", **account: str) -> None:
        self.url, self.secret, self.account = url, secret, account
        self.token = re.sub("[^!-~]", "", token)  # what no header may hold

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
    kind = getattr(http.client, f"{to.scheme.upper()}Connection")  # it follows no redirect
    link = kind(to.netloc, timeout=TIMEOUT)
    with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
        link.request("POST", url.partition(to.netloc)[2], body, {**JSON, **headers})
        answer = link.getresponse()
        status, later, text = answer.status, answer.getheader("Retry-After", ""), answer.read()
    found = re.findall(rb'"(?:%b)"\s*:\s*"([\w.~+/=-]+)"' % name.encode(), text)
    word = found[0].decode() if found else ""
    print(status, "log-in" if name == "access_token" else word, flush=True)
    return status, int(later) if re.fullmatch("[0-9]{1,9}", later) else 0, word


if __name__ == "__main__":
    account = {name: os.environ.get(f"IOT_{name.upper()}", "") for name in ("email", "password")}
    secret, token = os.environ["IOT_SYSTEM_SIGNATURE_SECRET"], os.environ.get("IOT_TOKEN", "")
    with open(sys.argv[2], "rb") as file:
        sys.exit(not Sender(sys.argv[1], secret, token, **account).deliver(file.read()))
