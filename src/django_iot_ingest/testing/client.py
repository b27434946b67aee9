"""A gateway for tests: sign a payload and post it through Django's test client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils.module_loading import import_string

from django_iot_ingest.client import SUCCESS, signed_headers
from django_iot_ingest.conf import INLINE, SETTING_NAME, ingest_settings, signature_secrets
from django_iot_ingest.testing.payloads import encode
from django_iot_ingest.testing.sentinels import value_of

EMAIL = "gateway@example.com"

HINTS = {
    "IP_NOT_ALLOWED": "The test client calls from 127.0.0.1: give GatewayClient(Client(REMOTE_ADDR="
    "...)) an address on ALLOWED_IPS, or override that setting.",
    "NOT_AUTHENTICATED": "Give GatewayClient(token=...) a bearer token that your authentication "
    "takes, or override its log_in().",
    "NOT_PERMITTED": "The user of the token does not satisfy ADMIN_PREDICATE.",
    "INVALID_SIGNATURE": "The request was signed with another secret than SIGNATURE_SECRETS has.",
    "TEMPORARILY_UNAVAILABLE": "The database failed, or a hook raised: the log has its traceback.",
}
"""What to do about an answer, by its ``error``."""


class GatewayClient:
    """Post payloads the way the gateway does, unless a test says otherwise.

    ``client`` is Django's, a new one by default. ``token`` is a bearer token; without one
    ``log_in`` gets it at the first request. ``url`` is the endpoint's path; without one the URLconf
    is asked.
    """

    def __init__(self, client: Client | None = None, *, token: str = "", url: str = "") -> None:
        self.client = client or Client()
        self._token = token
        self._url = url

    @property
    def url(self) -> str:
        """The path of the endpoint."""
        return self._url or reverse("django_iot_ingest:station-data")

    @property
    def token(self) -> str:
        """The bearer token."""
        if not self._token:
            self._token = self.log_in()
        return self._token

    @property
    def secret(self) -> str:
        """The first secret of the settings."""
        secrets = signature_secrets()
        if not secrets:
            raise ImproperlyConfigured(
                'IOT_INGEST["SIGNATURE_SECRETS"] has no secret to sign with.'
            )
        return secrets[0]

    def log_in(self) -> str:
        """Return a new bearer token. Override it where simplejwt is not the authentication."""
        if not uses_simplejwt():
            raise ImproperlyConfigured(
                "GatewayClient logs in by simplejwt alone. Give it token=..., or override log_in()."
            )
        from rest_framework_simplejwt.tokens import AccessToken

        return str(AccessToken.for_user(self.make_user()))

    def make_user(self) -> Any:
        """Return the user of the gateway, a superuser that is made at the first call."""
        if not hasattr(mail, "outbox"):  # Django's test runner and pytest-django set it up
            raise ImproperlyConfigured(
                "GatewayClient makes a user in tests only: give it token=..."
            )
        users: Any = get_user_model()
        try:
            with transaction.atomic():
                return user_of(users)
        except (LookupError, DatabaseError) as error:
            raise ImproperlyConfigured(
                f"GatewayClient cannot make a user ({error}): override make_user(), or give token=..."
            ) from error

    def headers(
        self,
        body: bytes,
        *,
        secret: str | None = None,
        timestamp: str | float | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> dict[str, str]:
        """Return the headers of a signed request, their names in lower case.

        ``timestamp`` is in unix seconds, now by default. ``headers`` replaces what is sent; one that
        is None is left out.
        """
        moment = int(timestamp) if isinstance(timestamp, float) else timestamp
        signed = signed_headers(
            body, self.secret if secret is None else secret, self.token, timestamp=moment
        )
        sent: dict[str, str | None] = {name.lower(): value for name, value in signed.items()}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        return {name: value for name, value in sent.items() if value is not None}

    def post(self, payload: Any, **options: Any) -> Any:
        """Sign a payload, or bytes as they are, and post it; return the response.

        ``options`` are those of ``headers``.
        """
        body = encode(payload)
        return self.post_signed(body, self.headers(body, **options))

    def post_signed(self, body: bytes, headers: Mapping[str, str]) -> Any:
        """Post bytes with these headers, over HTTPS where the project insists on it."""
        others = {name: value for name, value in headers.items() if name != "content-type"}
        return self.client.generic(
            "POST",
            self.url,
            body,
            content_type=headers.get("content-type", ""),
            secure=settings.SECURE_SSL_REDIRECT,
            headers=others,
        )

    def send(self, payload: Any, **options: Any) -> dict[str, Any]:
        """Post a payload that has to be accepted; return the answer's ``data``."""
        response = self.post(payload, **options)
        if response.status_code != SUCCESS:
            raise AssertionError(in_words(response))
        return cast(dict[str, Any], response.json()["data"])


def user_of(users: Any) -> Any:
    """Return the gateway's user, whatever columns the host's users have."""
    name = users.USERNAME_FIELD
    fields = {
        each: EMAIL if "email" in each else value_of(users._meta.get_field(each), 1)
        for each in users.REQUIRED_FIELDS
    }
    field = users._meta.get_field(name)
    is_short = len(EMAIL) > (field.max_length or len(EMAIL))
    fields[name] = value_of(field, 1) if is_short else EMAIL
    known = users._default_manager.filter(**{name: fields[name]}).first()
    return known or users._default_manager.create_superuser(**fields, password=None)


def applied_at_once() -> override_settings:
    """Return settings under which an event is applied before its answer, whatever it names."""
    ours = {"PROCESSING": INLINE, "AUTO_CREATE_STATIONS": True, "AUTO_CREATE_POWER_BANKS": True}
    configured = getattr(settings, SETTING_NAME)
    return override_settings(**{SETTING_NAME: {**configured, **ours}})


def uses_simplejwt() -> bool:
    """Return whether a class of simplejwt checks the bearer token."""
    try:
        from rest_framework_simplejwt.authentication import JWTAuthentication
    except ImportError:
        return False
    classes = [import_string(path) for path in ingest_settings.AUTHENTICATION_CLASSES]
    return any(issubclass(found, JWTAuthentication) for found in classes)


def in_words(response: Any) -> str:
    """Return what an answer that is no success says, and what to do about it."""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    answer = response.json() if is_json else {}
    error = answer.get("error", "")
    told = {name: answer[name] for name in ("error", "errors", "request_id") if name in answer}
    return f"The gateway was answered {response.status_code} {told or ''}. {HINTS.get(error, '')}"
