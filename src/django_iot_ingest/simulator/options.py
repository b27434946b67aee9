"""What is asked for, read from the command line's words; what is wrong with it is said in words."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import urlsplit

from django_iot_ingest.simulator.chaos import Chaos

MOST_STATIONS, MOST_THREADS, MOST_RATE = 10_000, 128, 1000
SMALLEST, LARGEST = 4, 48
MIXED = ((4, 20), (8, 60), (24, 15), (48, 5))
"""Sizes of a mixed fleet, and how many of a hundred stations have each."""

DEFAULT_PREFIX = "SIM-"
DEFAULT_SECONDS = 60.0
DEFAULT_THREADS = 8
STATIONS_PER_EVENT = 10
"""One event a second for so many stations, if no rate is asked for: each is heard every 10 s."""

_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,40}", re.ASCII)


class Unusable(Exception):
    """The run cannot be begun: the text says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How many slots a station has: always the same, or ``None``, a mixture."""

    number: int | None

    @classmethod
    def parse(cls, text: str) -> Slots:
        """Read ``8`` or ``mixed``; ``ValueError`` says what it may be."""
        if text == "mixed":
            return cls(None)
        if not text.isdecimal() or not SMALLEST <= int(text) <= LARGEST:
            raise ValueError(f"{text!r} is not 'mixed', nor {SMALLEST} to {LARGEST}")
        return cls(int(text))

    def size(self, dice: Random) -> int:
        """Return the number of slots of the next station."""
        if self.number is not None:
            return self.number
        sizes, weights = zip(*MIXED, strict=True)
        return int(dice.choices(sizes, weights)[0])


@dataclass(frozen=True, slots=True)
class Rentals:
    """How often somebody rents: so many a minute, or as a share of the events."""

    per_minute: float = 0.0
    share: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Rentals:
        """Read ``30`` (a minute) or ``10%`` (of the events); ``ValueError`` says what it may be."""
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1.0
        highest = 50.0 if text.endswith("%") else 60_000.0
        if not 0 < number <= highest:
            raise ValueError(f"{text!r} is neither rentals a minute (30) nor a share, at most 50%")
        return cls(share=number / 100) if text.endswith("%") else cls(per_minute=number)

    def per_second(self, rate: float) -> float:
        """Return the pace at so many events a second."""
        return self.per_minute / 60 + self.share * rate


@dataclass(frozen=True, slots=True)
class Options:
    """A run that can be begun."""

    stations: int
    slots: Slots
    rate: float
    seconds: float | None
    events: int | None
    rentals: Rentals | None
    seed: int
    threads: int
    chaos: frozenset[Chaos]
    prefix: str
    keep_going: bool = False


def checked(options: Options) -> Options:
    """Return the options, or raise ``Unusable``."""
    for is_wrong, text in _faults(options):
        if is_wrong:
            raise Unusable(text)
    return options


def _faults(options: Options) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule is broken, and what it is; NaN keeps none."""
    stations, rate, seconds = options.stations, options.rate, options.seconds
    yield not 1 <= stations <= MOST_STATIONS, f"--stations is 1 to {MOST_STATIONS}"
    yield not 1 <= options.threads <= MOST_THREADS, f"--threads is 1 to {MOST_THREADS}"
    yield not 0 < rate <= MOST_RATE, f"--rate is more than 0 and at most {MOST_RATE}"
    too_much = f"--rate {rate:g} is too much for {stations} stations: one sends an event a second"
    yield rate > stations, too_much
    yield seconds is not None and not 0 < seconds < math.inf, "--seconds is more than 0"
    yield options.events is not None and options.events < 1, "--events is 1 or more"
    letters = "--prefix is 1 to 40 letters, digits, '.', '_', ':' or '-'"
    yield not _PREFIX.fullmatch(options.prefix), letters


def default_rate(stations: int) -> float:
    """Return the rate of a fleet if none is asked for: it is the same fleet, faster."""
    return min(max(1.0, stations / STATIONS_PER_EVENT), 100.0, float(max(stations, 1)))


def chaos_named(names: Collection[str]) -> frozenset[Chaos]:
    """Return the kinds of these names; ``all`` is every kind. ``Unusable`` names what is none."""
    unknown = sorted(set(names) - {str(kind) for kind in Chaos} - {"all"})
    if unknown:
        known = ", ".join([*Chaos, "all"])
        raise Unusable(f"--chaos {unknown[0]!r} is not known; it may be {known}")
    return frozenset(Chaos) if "all" in names else frozenset(map(Chaos, names))


def without(options: Options, kinds: Collection[Chaos]) -> tuple[Options, list[Chaos]]:
    """Return the options without some kinds of chaos, and which of these were asked for."""
    return replace(options, chaos=options.chaos - set(kinds)), sorted(options.chaos & set(kinds))


def endpoint(url: str, default_path: str) -> str:
    """Return the endpoint that a URL means: a URL without a path is that of the server."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_usable = False
    if not is_usable:
        raise Unusable(f"--url {url!r} is no http:// or https:// URL")
    if parts.path not in ("", "/"):
        return url
    return f"{parts.scheme}://{parts.netloc}{default_path}"
