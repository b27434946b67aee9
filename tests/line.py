"""A line to the endpoint that says exactly what it is told to, below what a client would let by."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from django.test.client import FakePayload
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest import signing
from tests import leaks
from tests.gateway import URL, Gateway
from tests.payloads import SECRET, encode, status


class Unreadable(FakePayload):
    """A body that must not be read."""

    def read(self, *_: Any, **__: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


class Line:
    """A line to the endpoint that says exactly what it is told to, good or not."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.gateway = Gateway.with_admin()
        clerk = get_user_model().objects.create_user("clerk", is_staff=True)
        self.tokens = {"admin": self.gateway.token, "clerk": str(AccessToken.for_user(clerk))}
        settings.IOT_INGEST = {**settings.IOT_INGEST, "ALLOWED_IPS": ["203.0.113.0/24"]}

    def call(self, **said: Any) -> Any:
        """Send a good ``status`` event, changed by faults; see ``environ``."""
        client = Client(raise_request_exception=False)
        return client.request(**self.environ(**said))

    def environ(
        self, *, stream: Any = None, extra: dict[str, str] | None = None, **said: Any
    ) -> dict[str, Any]:
        """Return what a server says of a request; ``stream`` is what the body is read of."""
        body = said.get("body", encode(status()))
        if "service" in said:
            changed = {"SYNC_SERVICE": said["service"]}
            self.settings.IOT_INGEST = {**self.settings.IOT_INGEST, **changed}
        signed = self.gateway.headers(
            body, timestamp=said.get("timestamp"), secret=said.get("secret", SECRET)
        )
        token = said.get("token", self.tokens[said.get("user", "admin")])
        leaks.are_sensitive(signing.sign(body, signed["X-Timestamp"], SECRET))
        environ = {
            "REQUEST_METHOD": said.get("method", "POST"),
            "PATH_INFO": URL,
            "REMOTE_ADDR": said.get("address", "203.0.113.5"),
            "CONTENT_TYPE": said.get("content_type", "application/json"),
            "CONTENT_LENGTH": said.get("length", str(len(body))),
            "HTTP_CONTENT_ENCODING": said.get("encoding"),
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "HTTP_X_TIMESTAMP": signed["X-Timestamp"],
            "HTTP_X_SIGNATURE": said.get("signature", signed["X-Signature"]),
            "wsgi.input": stream or FakePayload(body),
            **(extra or {}),
        }
        return {name: value for name, value in environ.items() if value is not None}
