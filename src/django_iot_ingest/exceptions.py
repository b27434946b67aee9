"""What can go wrong: refusals that the gateway is told, and errors that a host meets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed


class AlreadyRented(Exception):
    """The power bank is rented; it has to be returned before it can be rented again."""


class Interrupted(Exception):
    """Attempts at an event were begun and never ended: each time its process died."""


class Refusal(APIException):
    """A request that is not accepted. The answer holds fixed texts only, never any input."""

    status_code: int = status.HTTP_403_FORBIDDEN  # type: ignore[assignment]
    error = "REFUSED"
    default_detail = "Request refused"
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        super().__init__(self.default_detail, self.error)

    def details(self) -> dict[str, Any]:
        """Return the keys that the answer has beside the fixed ones."""
        return {}


class MethodNotAllowed(Refusal):
    """Nothing but POST is answered (check 1)."""

    status_code = status.HTTP_405_METHOD_NOT_ALLOWED
    error = "METHOD_NOT_ALLOWED"
    default_detail = "Method not allowed"
    headers = {"Allow": "POST"}


class IpNotAllowed(Refusal):
    """The client's address is not on the allow-list (check 2)."""

    error = "IP_NOT_ALLOWED"


class UnsupportedMediaType(Refusal):
    """The body is said to be no plain JSON in UTF-8 (check 3)."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    error = "UNSUPPORTED_MEDIA_TYPE"
    default_detail = "Unsupported media type"


class LengthRequired(Refusal):
    """The body's length is not told, so it cannot be bounded (check 3)."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    error = "LENGTH_REQUIRED"
    default_detail = "Length required"


class PayloadTooLarge(Refusal):
    """The body is longer than ``MAX_BODY_BYTES`` (check 3)."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    error = "PAYLOAD_TOO_LARGE"
    default_detail = "Payload too large"


class NotAuthenticated(Refusal, AuthenticationFailed):
    """The one answer that makes the gateway log in again: never for anything but the bearer."""

    status_code = status.HTTP_401_UNAUTHORIZED
    error = "NOT_AUTHENTICATED"
    default_detail = "Not authenticated"
    headers = {"WWW-Authenticate": "Bearer"}


class NotPermitted(Refusal):
    """The bearer is good, and ``ADMIN_PREDICATE`` says no to its user (check 6)."""

    error = "NOT_PERMITTED"


class InvalidSignature(Refusal):
    """Anything is wrong with the signature; which thing is not told (checks 4 and 7)."""

    error = "INVALID_SIGNATURE"


class StaleTimestamp(Refusal):
    """X-Timestamp is further off than ``SIGNATURE_TIMEOUT``; the answer tells our time (check 8)."""

    error = "STALE_TIMESTAMP"
    default_detail = "Timestamp outside the accepted window"

    def __init__(self, server_time: int) -> None:
        super().__init__()
        self.server_time = server_time

    def details(self) -> dict[str, Any]:
        """Return our own time, in unix seconds, by which a wrong clock is found."""
        return {"server_time": self.server_time}


class InvalidJson(Refusal):
    """The verified bytes are no I-JSON object (check 9)."""

    status_code = status.HTTP_400_BAD_REQUEST
    error = "INVALID_JSON"
    default_detail = "Invalid JSON"


class UnknownType(Refusal):
    """No event type is registered for ``type`` (check 10)."""

    status_code = status.HTTP_400_BAD_REQUEST
    error = "UNKNOWN_TYPE"
    default_detail = "Unknown event type"


class InvalidPayload(Refusal):
    """Identity fields are wrong. ``errors`` maps a path to texts; at most 20 paths are told."""

    MAX_ERRORS = 20

    status_code = status.HTTP_400_BAD_REQUEST
    error = "INVALID_PAYLOAD"
    default_detail = "Invalid payload"

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.errors = {path: list(errors[path]) for path in list(errors)[: self.MAX_ERRORS]}

    def details(self) -> dict[str, Any]:
        """Return the errors by path."""
        return {"errors": self.errors}


class TemporarilyUnavailable(Refusal):
    """The database or a hook is in trouble: the event has to come again (check 11)."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    error = "TEMPORARILY_UNAVAILABLE"
    default_detail = "Temporarily unavailable"
    headers = {"Retry-After": "5"}
