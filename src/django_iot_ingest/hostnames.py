"""Resolve the host names of the allow-list, outside of requests (contract, section 6)."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address

from django_iot_ingest.conf import IngestSettings, ingest_settings

Address = IPv4Address | IPv6Address
Answer = frozenset[Address]

# The host name belongs to the allow-list, so what is said about it goes where its readers look.
logger = logging.getLogger("django_iot_ingest.network")

KEEP = 15 * 60.0
"""Seconds that a good answer counts after it was obtained."""

LONGEST_WAIT = 2.0
"""Seconds that one request waits for the first look-up of a name."""

SHORTEST_REFRESH = 1.0
"""Seconds between two look-ups of one name, whatever the settings say."""

LONGEST_NAME = 253
"""Characters (RFC 1035, section 2.3.4)."""

NAME_SHAPE = re.compile(
    r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII | re.IGNORECASE
)
"""Labels of letters, digits and inner hyphens (RFC 1123, section 2.1)."""

NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII | re.IGNORECASE)
"""As a last label: ``getaddrinfo`` takes ``0x7f.1`` and ``127.1`` for addresses, without asking."""


class HostName(str):
    """A valid host name in lower case; internationalised ones as ``xn--`` (A-labels) only."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> HostName:
        """Return ``text`` as a host name, or raise ``ValueError``."""
        if len(text) > LONGEST_NAME or NAME_SHAPE.fullmatch(text) is None:
            raise ValueError(f"{text[:64]!a} is no host name such as gateway.example.com")
        if NUMBER.fullmatch(text.rpartition(".")[2]) or re.search("[a-zA-Z]", text) is None:
            raise ValueError(f"{text[:64]!a} is a number, neither a host name nor an address")
        return cls(text.lower())


@dataclass(slots=True)
class Record:
    """What is known of one name; times are readings of the resolver's clock, in seconds."""

    answer: Answer = frozenset()
    obtained: float = 0.0
    next_attempt: float | None = None
    busy: bool = False
    tried: bool = False
    failing: bool = False


def resolve(name: str) -> Answer:
    """Ask the system for the addresses of ``name``; raise ``OSError`` if there is none."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(_plain(str(sockaddr[0])) for *_, sockaddr in found)


def refresh_seconds() -> float:
    """Return ``HOSTNAME_REFRESH``, or its default where the host's value is no number."""
    seconds = ingest_settings.HOSTNAME_REFRESH
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        seconds = IngestSettings.HOSTNAME_REFRESH
    # A timeout has an upper limit in Python, and a comparison with NaN none.
    return min(float(seconds), KEEP) if seconds >= SHORTEST_REFRESH else SHORTEST_REFRESH


class Resolver:
    """Keep the addresses of the watched names fresh.

    One daemon thread per process says when a name is due. Each look-up then runs in a short-lived
    daemon thread of its own, at most one per name, so a slow name delays only itself.
    """

    def __init__(
        self,
        lookup: Callable[[str], Answer] = resolve,
        clock: Callable[[], float] = time.monotonic,
        refresh: Callable[[], float] = refresh_seconds,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._refresh = refresh
        self._longest_wait = longest_wait
        self._records: dict[str, Record] = {}
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._may_wait = threading.Lock()

    def watch(self, names: Iterable[str]) -> None:
        """Look up these names from now on, and forget all others."""
        with self._changed:
            self._records = {name: self._records.get(name) or Record() for name in names}
            if not self._due():
                return
            self._start_thread()
            self._changed.notify_all()

    def addresses(self, name: str) -> Answer:
        """Return the addresses of a watched name; the first look-up is waited for by one request."""
        self._wait_until(lambda: not self._is_pending((name,)))
        return self._current(name)

    def resolves_to(self, names: Collection[str], address: Address) -> bool:
        """Return whether one of the watched names has this address; wait as ``addresses`` does.

        However many names are pending, the wait is one, and ends as soon as the address is found.
        """

        def is_known() -> bool:
            return any(address in self._current(name) for name in names)

        self._wait_until(lambda: is_known() or not self._is_pending(names))
        return is_known()

    def _wait_until(self, is_over: Callable[[], bool]) -> None:
        """Wait a little, but never with two requests at a time: workers are few."""
        with self._changed:
            if is_over():
                return
        if not self._may_wait.acquire(blocking=False):
            return
        try:
            with self._changed:
                self._changed.wait_for(is_over, self._longest_wait)
        finally:
            self._may_wait.release()

    def _is_pending(self, names: Collection[str]) -> bool:
        records = [self._records.get(name) for name in names]
        return any(record is not None and not record.tried for record in records)

    def _current(self, name: str) -> Answer:
        """Return the last good answer unless it is too old."""
        record = self._records.get(name)
        if record is None or self._clock() - record.obtained > KEEP:
            return frozenset()
        return record.answer

    def _start_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = _started(self._run, "iot-ingest-hostnames")

    def _run(self) -> None:
        """Start the look-ups that are due until no name is left."""
        while True:
            with self._changed:
                if not self._records:
                    self._thread = None
                    return
            self._tick()
