"""The request is the gateway's: a signature over the body, under the user's own authentication."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig, ValidationError
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import DatabaseError, DataError, InterfaceError
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.module_loading import import_string
from rest_framework.authentication import (
    BaseAuthentication,
    BasicAuthentication,
    RemoteUserAuthentication,
    SessionAuthentication,
)
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from django_iot_ingest import (
    captures,
    event_types,
    faults,
    logs,
    principals,
    signing,
    strict_json,
    telemetry,
)
from django_iot_ingest.conf import get_admin_predicate, ingest_settings, signature_secrets
from django_iot_ingest.database import replace_lost_connection
from django_iot_ingest.events import Receipt
from django_iot_ingest.exceptions import (
    InvalidSignature,
    NotAuthenticated,
    NotPermitted,
    PayloadTooLarge,
    Refusal,
    StaleTimestamp,
    TemporarilyUnavailable,
)
from django_iot_ingest.patience import hold_on

logger = logging.getLogger(__name__)

WITHOUT_BEARER = (BasicAuthentication, RemoteUserAuthentication, SessionAuthentication)
"""Ways in that need no bearer token; they are never asked, even if they are configured."""

BAD_TOKEN_ERRORS = (
    DataError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValidationError,
    ValueError,
)
"""What a class raises over an odd token that it should have refused by itself.

``RecursionError`` is PyJWT's, before 2.14, over a header that is nested too deep.
"""

_BEARER = re.compile(r"bearer [\x21-\x7e]+", re.ASCII | re.IGNORECASE)


class Arrival(NamedTuple):
    """When a request came, on two clocks, in seconds: however long it is held, that stays."""

    unix: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What ``request.auth`` is: the verified bytes, and what the bearer's class returned."""

    receipt: Receipt
    token: Any
    arrived: float
    """When the request came, on the monotonic clock."""


class SignatureAuthentication(BaseAuthentication):
    """Let in a request that an admin's bearer token carries and one of the secrets signed.

    The steps are in the order of the contract (section 2, checks 4 to 8); each can be overridden.
    Nothing is read from the body before the bearer holds. Errors: ``InvalidSignature``,
    ``NotAuthenticated``, ``NotPermitted``, ``StaleTimestamp``, ``PayloadTooLarge``.
    """

    def authenticate(self, request: Request) -> tuple[Any, SignedRequest]:
        """Return the user and the ``SignedRequest``; never None: there is no other way in."""
        arrival = Arrival(time.time(), time.monotonic())
        with telemetry.step("authenticate"):
            timestamp, signature = self.check_shape(request)
            with telemetry.step("bearer"):
                user, token = self.find_bearer(request, arrival)
                self.check_permitted(user)
            captures.admit(request._request, arrival.monotonic)
            with telemetry.step("signature"):
                receipt = self.verify(request, timestamp, signature, arrival)
        return user, SignedRequest(receipt, token, arrival.monotonic)

    def authenticate_header(self, request: Request) -> str:
        """Return what ``WWW-Authenticate`` says."""
        return "Bearer"

    def check_shape(self, request: Request) -> tuple[str, str]:
        """Return X-Timestamp and X-Signature, if they look like what a gateway sends."""
        timestamp = request.META.get("HTTP_X_TIMESTAMP")
        signature = request.META.get("HTTP_X_SIGNATURE")
        if not signing.has_valid_shape(timestamp, signature):
            raise InvalidSignature
        return str(timestamp), str(signature)

    def find_bearer(self, request: Request, arrival: Arrival) -> tuple[Any, Any]:
        """Return the user and token; hold a signed return while the database is away.

        Only then is the signature checked first: an answer is still given in the order of checks.
        """
        try:
            return self.authenticate_bearer(request)
        except (DatabaseError, InterfaceError) as error:
            lost = replace_lost_connection(error)
            if not lost and not faults.is_outage(error):
                raise
        held = arrival.monotonic if self.deserves_patience(request, arrival) else None
        return hold_on(lambda: self.authenticate_bearer(request), held)

    def deserves_patience(self, request: Request, arrival: Arrival) -> bool:
        """Return whether this is a signed event that is applied exactly once: a return."""
        try:
            receipt = self.verify(request, *self.check_shape(request), arrival)
            event_type = event_types.find(strict_json.load_object(receipt.body).get("type"))
        except Refusal:
            return False
        return event_type is not None and event_type.exactly_once

    def authenticate_bearer(self, request: Request) -> tuple[Any, Any]:
        """Return the user and token that the host's own classes find for the bearer token."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not isinstance(header, str) or not _BEARER.fullmatch(header):
            raise NotAuthenticated
        key = principals.key_of(header, type(self), ingest_settings.AUTHENTICATION_CLASSES)
        found = principals.cache.find(key)
        if found is None:
            found = self.ask_all(request)
            principals.cache.remember(key, found)
        return found

    def ask_all(self, request: Request) -> tuple[Any, Any]:
        """Return what the first of the host's classes says that knows the bearer."""
        authenticators = list(self.bearer_authenticators())
        if not authenticators:
            raise ImproperlyConfigured(
                "AUTHENTICATION_CLASSES has none that checks a bearer token."
            )
        for authenticator in authenticators:
            found = self.ask(authenticator, request)
            if found is not None:
                return found
        raise NotAuthenticated

    def bearer_authenticators(self) -> Iterator[BaseAuthentication]:
        """Yield the configured authenticators that check a bearer token."""
        for path in ingest_settings.AUTHENTICATION_CLASSES:
            authentication_class = import_string(path)
            if issubclass(authentication_class, SignatureAuthentication):
                raise ImproperlyConfigured("AUTHENTICATION_CLASSES names the class that asks them.")
            if not issubclass(authentication_class, WITHOUT_BEARER):
                yield authentication_class()

    def ask(self, authenticator: BaseAuthentication, request: Request) -> tuple[Any, Any] | None:
        """Return what an authenticator says; only a bad token is told as such.

        The gateway answers a 401 by logging in again, at once and without a bound: so 401 is for
        nothing else.
        """
        try:
            return authenticator.authenticate(request)
        except DjangoPermissionDenied as error:
            raise NotPermitted from error
        except APIException as error:
            answers = {401: NotAuthenticated, 403: NotPermitted}
            raise answers.get(error.status_code, TemporarilyUnavailable)() from error
        except BAD_TOKEN_ERRORS as error:
            self.note_failure(authenticator, error)
            raise NotAuthenticated from error

    def note_failure(self, authenticator: BaseAuthentication, error: Exception) -> None:
        """Log, once a minute, where a class failed: its own fault looks like an odd token."""
        if logs.throttle.take(("token", type(error))) is None:
            return
        logger.warning(
            "The bearer's class %s failed over a token, answered 401; with good tokens too, the "
            "class is at fault: %s%s",
            type(authenticator).__qualname__,
            type(error).__name__,
            logs.trace(error, with_words=False),
            extra={"reason": NotAuthenticated.error, "error_code": type(error).__name__},
        )

    def check_permitted(self, user: Any) -> None:
        """Refuse a user that the predicate does not know as an admin."""
        if get_admin_predicate()(user) is not True:
            raise NotPermitted

    def verify(self, request: Request, timestamp: str, signature: str, arrival: Arrival) -> Receipt:
        """Return the body and its times, if one of the secrets signed it just now."""
        body = self.read_body(request)
        self.check_signature(body, timestamp, signature)
        return Receipt(body, int(timestamp), self.check_fresh(int(timestamp), arrival.unix))

    def read_body(self, request: Request) -> bytes:
        """Return the raw body."""
        try:
            return bytes(request._request.body)
        except RequestDataTooBig as error:
            raise PayloadTooLarge from error
        except (RawPostDataException, UnreadablePostError) as error:
            raise TemporarilyUnavailable from error

    def check_signature(self, body: bytes, timestamp: str, signature: str) -> None:
        """Refuse a body that none of the secrets signed."""
        position = signing.matching_secret(body, timestamp, signature, signature_secrets())
        if position is None:
            raise InvalidSignature
        if logs.throttle.take(("secret", position)) is not None:
            line = "signature made with SIGNATURE_SECRETS[%d]; 0 is the current one"
            logger.info(line, position, extra={"secret_position": position})

    def check_fresh(self, timestamp: int, received: float) -> datetime:
        """Return the receipt time, if the timestamp is within ``SIGNATURE_TIMEOUT`` of it."""
        if abs(int(received) - timestamp) > ingest_settings.SIGNATURE_TIMEOUT:
            raise StaleTimestamp(server_time=int(received))
        return datetime.fromtimestamp(received, UTC)
