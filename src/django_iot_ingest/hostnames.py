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

from django_iot_ingest import logs
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
LONGEST_REFRESH = 600.0
"""Seconds between two look-ups, whatever the settings say: more would outlast a good answer."""

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
    attempted: float | None = None
    is_busy: bool = False
    is_tried: bool = False
    is_failing: bool = False


def resolve(name: str) -> Answer:
    """Ask the system for the addresses of ``name``; ``OSError`` if it has none or cannot say."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(_plain(ip_address(str(sockaddr[0]))) for *_, sockaddr in found)


def refresh_seconds() -> float:
    """Return ``HOSTNAME_REFRESH`` within its limits; its default if the host's is no number."""
    seconds = ingest_settings.HOSTNAME_REFRESH
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        seconds = IngestSettings.HOSTNAME_REFRESH
    # Compared this way round, NaN is the shortest.
    return float(min(seconds, LONGEST_REFRESH)) if seconds > SHORTEST_REFRESH else SHORTEST_REFRESH


class Resolver:
    """Keep the addresses of the watched names fresh.

    One daemon thread says which names are due. Each look-up runs in a short daemon thread of its
    own, never two for one name: a name server that hangs delays nobody else's name.
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
        self._waiting = threading.Lock()

    def watch(self, names: Iterable[str]) -> None:
        """Keep exactly these names fresh from now on, and forget all others."""
        with self._changed:
            self._records = {name: self._records.get(name) or Record() for name in names}
            if self._due():
                self._ensure_thread()
                self._changed.notify_all()

    def addresses(self, name: str) -> Answer:
        """Return the addresses of ``name``, which is watched from now on."""
        if name not in self._records:
            self.watch([*self._records, name])
        self._wait_until(lambda: not self._is_pending([name]))
        return self._answer(name)

    def resolves_to(self, names: Collection[str], address: Address) -> bool:
        """Return whether one of the watched ``names`` has this address.

        However many names are pending, the wait is one, and it ends where the address is found.
        """

        def is_found() -> bool:
            return any(address in self._answer(name) for name in names)

        self._wait_until(lambda: is_found() or not self._is_pending(names))
        return is_found()

    def _wait_until(self, is_over: Callable[[], bool]) -> None:
        """Wait for first look-ups, but with one request at a time: a host has few workers."""
        if is_over() or not self._waiting.acquire(blocking=False):
            return
        try:
            with self._changed:
                self._changed.wait_for(is_over, self._longest_wait)
        finally:
            self._waiting.release()

    def _is_pending(self, names: Iterable[str]) -> bool:
        with self._changed:
            records = [self._records[name] for name in names if name in self._records]
        return not all(record.is_tried for record in records)

    def _answer(self, name: str) -> Answer:
        """Return the last good answer, unless it is too old."""
        with self._changed:
            record = self._records.get(name)
            if record is None or self._clock() - record.obtained > KEEP:
                return frozenset()
            return record.answer

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = _start(self._run, "iot-ingest-hostnames")

    def _run(self) -> None:
        """Start the look-ups that are due, until no name is left."""
        while True:
            try:
                with self._changed:
                    if not self._records:
                        self._thread = None
                        return
                    if not self._start_due():
                        self._changed.wait(self._pause())
            except Exception as error:  # noqa: BLE001 - told by its trace
                logger.error(
                    "The resolver of host names goes on after an error%s", logs.trace(error)
                )
                time.sleep(SHORTEST_REFRESH)

    def _start_due(self) -> bool:
        """Start a look-up of each name that is due; return whether there was one."""
        due = self._due()
        for name, record in due:
            record.attempted = self._clock()
            look_up = partial(self._look_up, name, record)
            record.is_busy = _start(look_up, f"iot-ingest-hostname-{name}") is not None
            record.is_tried |= not record.is_busy
        return bool(due)

    def _due(self) -> list[tuple[str, Record]]:
        return [item for item in self._records.items() if self._seconds_left(item[1]) <= 0]

    def _seconds_left(self, record: Record) -> float:
        """Return the seconds until the next look-up: none before the running one has ended."""
        if record.is_busy:
            return float("inf")
        if record.attempted is None:
            return 0.0
        return record.attempted + self._refresh() - self._clock()

    def _pause(self) -> float | None:
        """Return the seconds until a name is due, or None to wait for a look-up to end."""
        left = min(map(self._seconds_left, self._records.values()))
        return None if left == float("inf") else max(left, 0.0)

    def _look_up(self, name: str, record: Record) -> None:
        """Write the answer down; a failure leaves the last good one where it is."""
        answer: Answer = frozenset()
        reason = "no address"
        try:
            answer = self._lookup(name)
        except Exception as error:  # noqa: BLE001 - the thread lives on, whatever was answered
            reason = type(error).__name__
        with self._changed:
            if answer:
                record.answer, record.obtained = answer, self._clock()
            is_news = record.is_failing == bool(answer)
            record.is_failing = not answer
            record.is_tried, record.is_busy = True, False
            self._changed.notify_all()
        if is_news:
            _tell(name, reason if record.is_failing else "")


def watch(names: Iterable[str]) -> None:
    """Keep exactly these names fresh in this process; without names there is no thread."""
    _resolver.watch(names)


def addresses(name: str) -> Answer:
    """Return the addresses that ``name`` has now; none if it is no host name or has no answer.

    Only before its first look-up has ended does a request wait, one at a time, up to 2 s.
    """
    try:
        return _resolver.addresses(HostName.parse(name))
    except ValueError:
        return frozenset()


def resolves_to(names: Collection[str], address: Address) -> bool:
    """Return whether one of the watched names has this address; waits as ``addresses`` does."""
    return _resolver.resolves_to(names, address)


def _renew() -> None:
    """Start afresh in a forked process: it has none of our threads, and perhaps their locks."""
    global _resolver
    _resolver = Resolver()


def _start(target: Callable[[], None], name: str) -> threading.Thread | None:
    """Start a daemon thread, which keeps no process from ending; None if there can be no more."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        if logs.throttle.take("no thread") is not None:
            logger.error("No thread can be started to look up host names%s", logs.trace(error))
        return None
    return thread


def _tell(name: str, reason: str) -> None:
    """Log that the look-up of a name began to fail, or works again."""
    if reason:
        logger.warning("Host name %s of ALLOWED_IPS cannot be resolved: %s", name, reason)
    else:
        logger.info("Host name %s of ALLOWED_IPS is resolved again", name)


def _plain(address: Address) -> Address:
    """Return the address without a zone; IPv4-mapped IPv6 is IPv4."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


_resolver = Resolver()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
