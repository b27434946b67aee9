"""Sign events with httpx: ``httpx.Client(auth=SignedAuth(secret, token))``, and ``AsyncClient`` alike."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Generator, Iterator

import httpx

PAUSES, LONGEST_PAUSE = (0.0, 2.0, 4.0), 30.0  # seconds; the longest that Retry-After may ask for
TIMEOUT, JSON = 15.0, {"Content-Type": "application/json"}


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the X-Signature of exactly these bytes, followed by the text of X-Timestamp."""
    mac = hmac.digest(secret.encode(), body + timestamp.encode(), hashlib.sha256)
    return base64.b64encode(mac).decode()


class SignedAuth(httpx.Auth):
    requires_request_body = requires_response_body = True

    def __init__(self, secret: str, token: str = "", **account: str) -> None:
        """Take an account (``email``, ``password``) for a token, and for the next one."""
        self.secret, self.token, self.account = secret, token.strip(), account

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign anew for each call; if the token is refused, log in and send the same bytes, once."""
        may_log_in = bool(self.token and self.account.get("email"))
        if self.token or (yield from self.log_in(request)):
            response = yield self.signed(request)
            if response.status_code == 401 and may_log_in and (yield from self.log_in(request)):
                yield self.signed(request)

    def log_in(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, str]:
        url, limits = request.url.join("/api/admin/login"), request.extensions
        answer = yield httpx.Request("POST", url, json=self.account, extensions=limits)
        self.token = found("access_token", answer)
        if answer.status_code == 200 and not self.token:  # or it would pass for the event's answer
            raise httpx.DecodingError("the log-in gave no token")
        return self.token

    def signed(self, request: httpx.Request) -> httpx.Request:
        now = str(int(time.time()))
        request.headers["Authorization"] = f"Bearer {self.token}"
        request.headers["X-Timestamp"] = now
        request.headers["X-Signature"] = sign(request.content, now, self.secret)
        return request


def deliver(client: httpx.Client, url: str, body: bytes) -> Iterator[int]:
    """Yield the status of each try (0 for no answer): ``if 200 in deliver(client, url, body)``."""
    later = ""
    for pause in PAUSES:
        time.sleep(max(pause, min(int(later or 0), LONGEST_PAUSE)))
        try:  # with a redirect a stranger would get the event, and the account
            options = {"headers": JSON, "timeout": TIMEOUT, "follow_redirects": False}
            answer = client.post(url, content=body, **options)
            status, later = answer.status_code, answer.headers.get("Retry-After", "")
            later = later if re.fullmatch("[0-9]{1,9}", later) else ""
        except httpx.TransportError:
            status, later = 0, ""
        yield status
        if status not in (0, 408, 429) and status < 500:  # 200, or it never will be
            break


def found(name: str, answer: httpx.Response) -> str:
    match = re.search(
        rf'"(?:{name})"\s*:\s*"([\w.~+/=-]+)"', answer.read().decode(errors="replace")
    )
    return match[1] if match else ""
