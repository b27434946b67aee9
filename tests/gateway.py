"""A gateway for tests: signs each request anew and sends it through Django's test client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.dispatch import Signal
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest import signing
from tests import leaks
from tests.payloads import SECRET, encode

URL = "/api/internal/stations/data"


class Gateway:
    """Post payloads the way the real one does, unless a test says otherwise."""

    def __init__(self, token: str, client: Client | None = None) -> None:
        self.token = token
        self.client = client or Client()

    @classmethod
    def with_admin(cls, email: str = "gateway@example.com") -> Gateway:
        """Return a gateway that is logged in as a new superuser."""
        user = get_user_model().objects.create_superuser(username=email, email=email)
        return cls(str(AccessToken.for_user(user)))

    def headers(
        self, body: bytes, *, timestamp: Any = None, secret: str = SECRET, **changed: Any
    ) -> dict[str, Any]:
        """Return the headers of a signed request; a header given as None is left out."""
        timestamp = str(int(time.time()) if timestamp is None else timestamp)
        signature = signing.sign(body, timestamp, secret)
        leaks.are_sensitive(self.token, signature, secret)
        leaks.is_sensitive_body(body)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-Timestamp": timestamp,
            "X-Signature": signature,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return {name: value for name, value in headers.items() if value is not None}

    def post(self, payload: Any, *, content_type: str = "application/json", **options: Any) -> Any:
        """Sign and send a payload (an object, or bytes as they are); return the response."""
        body = encode(payload)
        headers = self.headers(body, **options)
        return self.client.post(URL, data=body, content_type=content_type, headers=headers)

    def send(self, payload: Any, **options: Any) -> dict[str, Any]:
        """Send a payload that has to be accepted; return the answer's ``data``."""
        response = self.post(payload, **options)
        assert response.status_code == 200, response.content
        data: dict[str, Any] = response.json()["data"]
        return data


@contextmanager
def listen(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Collect what a signal carries while the block runs; inside a test's own transaction the
    commit has to be played by ``django_capture_on_commit_callbacks``."""
    heard: list[dict[str, Any]] = []

    def receiver(**payload: Any) -> None:
        heard.append(payload)

    signal.connect(receiver)
    try:
        yield heard
    finally:
        signal.disconnect(receiver)
