"""Bearers that were verified a moment ago, so that not every request asks for their user again.

Only successes are remembered, by the digest of the header and never by the token, for
``PRINCIPAL_CACHE_SECONDS`` and no longer than the token itself says that it lives. For so long a user
who was deleted, or lost a right, is still let in by a process that has seen the token.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from django_iot_ingest.conf import IngestSettings, configured, ingest_settings

MAX_BEARERS = 1024
"""Bearers that one process remembers; the one verified first is forgotten for a new one."""

DEFAULT_CLASSES = IngestSettings.AUTHENTICATION_CLASSES

Principal = tuple[Any, Any]
"""The user, and what the host's class returned beside it."""


class PrincipalCache:
    """Remember who was verified, for a while."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: dict[bytes, tuple[float, Principal]] = {}

    def find(self, key: bytes) -> Principal | None:
        """Return who was verified under a key, if that is not too long ago."""
        if seconds_to_keep() <= 0:
            return None
        until, principal = self._known.get(key, (0.0, None))
        return principal if time.monotonic() < until else None

    def remember(self, key: bytes, principal: Principal) -> None:
        """Keep who was verified just now, if ``PRINCIPAL_CACHE_SECONDS`` says so."""
        seconds = min(seconds_to_keep(), seconds_left(principal[1]))
        if seconds <= 0:
            return
        with self._guard:
            self._known.pop(key, None)
            while len(self._known) >= MAX_BEARERS:
                del self._known[next(iter(self._known))]
            self._known[key] = (time.monotonic() + seconds, principal)

    def clear(self) -> None:
        """Forget everybody, in this process."""
        with self._guard:
            self._known.clear()


cache = PrincipalCache()
"""The one of this process."""


def seconds_to_keep() -> float:
    """Return ``PRINCIPAL_CACHE_SECONDS``, whose default is for the default classes alone.

    Those know a bearer by its token and nothing else. A host's own may look at a certificate, an
    address or a tenant too: for them it has to be set.
    """
    settings = configured()
    is_own = settings.get("AUTHENTICATION_CLASSES", DEFAULT_CLASSES) != DEFAULT_CLASSES
    if is_own and "PRINCIPAL_CACHE_SECONDS" not in settings:
        return 0.0
    seconds: float = ingest_settings.PRINCIPAL_CACHE_SECONDS
    return seconds


def key_of(header: str, asking: type, classes: Sequence[str]) -> bytes:
    """Return the key of an ``Authorization`` header, under the class of ours that asks which."""
    asks = f"{asking.__module__}.{asking.__qualname__}"
    return hashlib.sha256("\n".join([header, asks, *classes]).encode()).digest()


def seconds_left(token: Any) -> float:
    """Return how long a token says that it still lives, by its claim ``exp``; 0 if that is odd."""
    try:
        expires = token.get("exp") if hasattr(token, "get") else None
        return math.inf if expires is None else float(expires) - time.time()
    except (TypeError, ValueError, OverflowError):
        return 0.0
