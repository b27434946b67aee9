"""Refused requests, kept as they came, so that ``iot_doctor`` can say what was wrong with them.

Nothing is kept of a sender whose bearer token did not hold: a stranger fills no table. Of the others
each process keeps at most ``MOST_A_MINUTE``, and in all the newest ``KEPT`` stay.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from django_iot_ingest import faults, logs, network
from django_iot_ingest.database import alias, has_time, in_transaction
from django_iot_ingest.exceptions import (
    InvalidJson,
    InvalidPayload,
    InvalidSignature,
    Refusal,
    StaleTimestamp,
    UnknownType,
)
from django_iot_ingest.models import RefusedRequest

logger = logging.getLogger(__name__)

KEPT = 200
"""Requests that are kept, the newest."""

MOST_A_MINUTE = 10
"""Requests that one process keeps in a minute: one after the other of somebody who tries."""

REASONS: tuple[type[Refusal], ...] = (
    InvalidSignature,
    StaleTimestamp,
    InvalidJson,
    UnknownType,
    InvalidPayload,
)
"""What can be said of a request only by looking at all of it."""

ADMITTED = "iot_ingest_admitted_at"

HEADERS = (
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTP_CONTENT_ENCODING",
    "HTTP_HOST",
    "HTTP_USER_AGENT",
    "HTTP_X_TIMESTAMP",
    "HTTP_X_SIGNATURE",
)
"""Keys of ``META`` that are kept: never the token, nor a cookie."""

LONGEST_HEADER = 512
"""Characters of a header that are kept."""


class Allowance:
    """So many in a minute, and no more."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._guard = threading.Lock()
        self._minute, self._taken = 0, 0

    def take(self) -> bool:
        """Return whether there is one left in this minute, and take it."""
        minute = int(time.monotonic()) // 60
        with self._guard:
            if minute != self._minute:
                self._minute, self._taken = minute, 0
            self._taken += 1
            return self._taken <= self.most

    def clear(self) -> None:
        """Forget what was taken."""
        with self._guard:
            self._taken = 0


allowance = Allowance(MOST_A_MINUTE)
"""The one of this process."""


def admit(request: HttpRequest, arrived: float) -> None:
    """Note on a request that its bearer token holds, so that something may be kept of it, and when
    it arrived, on the monotonic clock."""
    setattr(request, ADMITTED, arrived)


def arrival(request: HttpRequest) -> float | None:
    """Return when a request arrived whose bearer token was found to hold; None of any other."""
    arrived = getattr(request, ADMITTED, None)
    return arrived if isinstance(arrived, float) else None


def is_to_be_kept(request: HttpRequest, refusal: Refusal) -> bool:
    """Return whether a refused request is one of those that this minute keeps, and there is time."""
    arrived = arrival(request)
    is_of_kind = arrived is not None and isinstance(refusal, REASONS) and has_time(arrived)
    return is_of_kind and isinstance(getattr(request, "_body", None), bytes) and allowance.take()


def keep(request: HttpRequest, refusal: Refusal, request_id: str) -> None:
    """Keep a refused request whose body was read; trouble is logged, and no more."""
    values = {
        "reason": refusal.error,
        "received_at": timezone.now(),
        "client_address": str(network.client_address(request.META) or ""),
        "headers": _headers(request, refusal),
        "body": request.body,
    }
    try:
        in_transaction(lambda: _insert(request_id, values), arrived=arrival(request))
    except Exception as error:  # noqa: BLE001 - the answer does not depend on it
        if logs.throttle.take("capture") is not None:
            code = faults.code_of(error)
            told = {"request_id": request_id, "reason": refusal.error, "error_code": code}
            logger.warning("a refused request was not kept: %s", code, extra=told)


def _headers(request: HttpRequest, refusal: Refusal) -> dict[str, str]:
    """Return what is kept of the headers, by their names on the wire.

    A signature that is right is not kept: if its time is still to come it will be good.
    """
    found: dict[str, str] = {}
    for key in HEADERS:
        value: Any = request.META.get(key)
        is_good = key == "HTTP_X_SIGNATURE" and not isinstance(refusal, InvalidSignature)
        if isinstance(value, str) and value and not is_good:
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            found[name] = _storable(value[:LONGEST_HEADER])
    return found


def _storable(text: str) -> str:
    """Return a header's text without what a database refuses: NUL, lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _insert(request_id: str, values: dict[str, Any]) -> None:
    rows = RefusedRequest.objects.using(alias())
    rows.create(request_id=request_id, **values)
    older = rows.order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]
    for pk in list(older):
        rows.filter(pk__lte=pk).delete()
