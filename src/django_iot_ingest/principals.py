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

from django_iot_ingest.conf import ingest_settings

MAX_BEARERS = 1024
"""Bearers that one process remembers; the one verified first is forgotten for a new one."""

Principal = tuple[Any, Any]
"""The user, and what the host's class returned beside it."""


class PrincipalCache:
    """Remember who was verified, for a while."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: dict[bytes, tuple[float, Principal]] = {}

    def find(self, key: bytes) -> Principal | None:
        """Return who was verified under a key, if that is not too long ago."""
        if ingest_settings.PRINCIPAL_CACHE_SECONDS <= 0:
            return None
        until, principal = self._known.get(key, (0.0, None))
        return principal if time.monotonic() < until else None

    def remember(self, key: bytes, principal: Principal) -> None:
        """Keep who was verified just now, if ``PRINCIPAL_CACHE_SECONDS`` says so."""
        seconds = min(ingest_settings.PRINCIPAL_CACHE_SECONDS, seconds_left(principal[1]))
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


def key_of(header: str, classes: Sequence[str]) -> bytes:
    """Return the key of an ``Authorization`` header under the configured classes."""
    return hashlib.sha256("\n".join([header, *classes]).encode()).digest()


def seconds_left(token: Any) -> float:
    """Return how long a token says that it still lives: its claim ``exp``, if it has claims."""
    get = getattr(token, "get", None)
    expires = get("exp") if callable(get) else None
    if isinstance(expires, int | float) and not isinstance(expires, bool):
        return expires - time.time()
    return math.inf
