"""Find what was signed, with which key, by which function: the fewest mistakes that explain a tag.

The ways to go wrong are independent of each other, so what is tried is their product: first every
single mistake, then every two, then three. Work is bounded, and whether the bound was met is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple, TypeVar

from django_iot_ingest.doctor import bodies, digests, keys, layouts, spellings, stamps
from django_iot_ingest.doctor.findings import Mistake

MOST_MISTAKES = 3
"""Mistakes that are searched for together; those of spelling, which are seen, do not count."""

MOST_TRIES = 1_000_000
"""Tags that are made for one request."""

MOST_BYTES = 2_000_000_000
"""Bytes that are hashed for one request: seconds."""

KEY, DIGEST, BODY, STAMP, LAYOUT = range(5)

Choice = TypeVar("Choice", bound=Any)


class Explanation(NamedTuple):
    """What was done: the position of the secret, the mistakes, and the bytes that were signed."""

    position: int
    mistakes: tuple[Mistake, ...]
    signed: bytes


@dataclass(slots=True)
class Budget:
    """How much work is left."""

    tries: int = MOST_TRIES
    size: int = MOST_BYTES

    def take(self, size: int) -> bool:
        """Return whether one more message of this size may be hashed, and count it."""
        self.tries -= 1
        self.size -= size
        return self.tries >= 0 and self.size >= 0


@dataclass
class Search:
    """One signature, and all that may explain it. ``body_time`` is the body's own timestamp."""

    body: bytes
    timestamp: str
    signature: str
    secrets: tuple[str, ...]
    body_time: object = None
    budget: Budget = field(default_factory=Budget)
    is_exhausted: bool = field(default=False, init=False)
    """Whether the search ended before all was tried."""
    tried: int = field(default=0, init=False)

    @cached_property
    def readings(self) -> dict[bytes, spellings.Reading]:
        """The tags that the signature may stand for."""
        return {reading.tag: reading for reading in spellings.readings(self.signature)}

    def run(self) -> Explanation | None:
        """Return the explanation with the fewest mistakes, or None."""
        if not self.readings:
            return None
        for level in range(MOST_MISTAKES + 1):
            for key, digest, body, stamp, layout in self._candidates(level):
                message = layout.join(body.value, stamp.value)
                if not self.budget.take(len(message)):
                    self.is_exhausted = True
                    return None
                self.tried += 1
                reading = self.readings.get(digest.make(key.value, message))
                if reading is not None:
                    told = (digest, layout, stamp, body, key)
                    mistakes = [mistake for choice in told for mistake in choice.mistakes]
                    return Explanation(key.position, (*reading.mistakes, *mistakes), message)
        return None

    def _candidates(self, level: int) -> Iterator[tuple[Any, ...]]:
        """Yield every combination of so many mistakes; those with many times come last.

        Left out is what is many and unlikely: three mistakes of which one is in the secret and one
        in the body, and other milliseconds than were sent over another body than was sent.
        """
        splits = [c for c in _splits(level) if level < MOST_MISTAKES or not (c[KEY] and c[BODY])]
        for costs in splits:
            yield from self._product(costs, self._near)
        far = [costs for costs in splits if costs[STAMP] == 1 and level < MOST_MISTAKES]
        for costs in far:
            yield from self._product(costs, {1: stamps.nearby(self.timestamp)})
        for costs in far:
            if not costs[BODY]:
                yield from self._product(costs, {1: stamps.milliseconds(self.timestamp)})

    def _product(self, costs: tuple[int, ...], times: dict[int, Any]) -> Iterator[tuple[Any, ...]]:
        found = product(
            self._keys.get(costs[KEY], ()),
            self._digests.get(costs[DIGEST], ()),
            # Before bodies are made of it: most requests are explained without.
            self._bodies.get(costs[BODY], ()) if costs[BODY] else [bodies.Body(self.body)],
            times.get(costs[STAMP], ()),
            self._layouts.get(costs[LAYOUT], ()),
        )
        for choice in found:
            layout: Any = choice[LAYOUT]
            if (layout.has_body or not costs[BODY]) and (layout.has_stamp or not costs[STAMP]):
                yield choice

    @cached_property
    def _keys(self) -> dict[int, list[keys.Key]]:
        return {0: keys.right_keys(self.secrets), 1: keys.wrong_keys(self.secrets)}

    @cached_property
    def _digests(self) -> dict[int, list[digests.Digest]]:
        return _by_cost(digests.digests({len(tag) for tag in self.readings}))

    @cached_property
    def _bodies(self) -> dict[int, list[bodies.Body]]:
        return {1: bodies.wrong_bodies(self.body)}

    @cached_property
    def _near(self) -> dict[int, list[stamps.Stamp]]:
        near = stamps.wrong_stamps(self.timestamp, self.body_time)
        return {0: stamps.right_stamps(self.timestamp), 1: near}

    @cached_property
    def _layouts(self) -> dict[int, list[layouts.Layout]]:
        return _by_cost([layouts.RIGHT, *layouts.WRONG])


def fingerprint(data: bytes) -> str:
    """Return four hexadecimal digits of a SHA-256: enough to compare, not to find out anything."""
    return hashlib.sha256(data).hexdigest()[:4]


def _by_cost(choices: Sequence[Choice]) -> dict[int, list[Choice]]:
    found: dict[int, list[Choice]] = {}
    for choice in choices:
        found.setdefault(len(choice.mistakes), []).append(choice)
    return found


def _splits(level: int) -> list[tuple[int, ...]]:
    """Return how so many mistakes can be shared out, in the order of what is likely."""
    most = (1, 2, 1, 1, 2)
    return [costs for costs in product(*(range(n + 1) for n in most)) if sum(costs) == level]
