"""Hold the gateway's history to the tables: what became of each return."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tests.nemesis.gateway import Delivery


class Fate(StrEnum):
    """What became of one return; each has exactly one."""

    RIGHT = "closed once, at the right time"
    DOUBLE = "double"
    LOSS = "loss"
    WRONG_END = "wrong end"
    FORGOTTEN = "forgotten"
    """The gateway got no 200 and gave up, there is no receipt, and the rental goes on."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables after the sweeper; returns are known by their number."""

    rental_of: Mapping[int, int]
    ended_at: Mapping[int, datetime]
    billed: Mapping[int, Sequence[int | None]]
    """For each return the rentals that its hook calls ended; None for a call that ended none."""

    receipts: Mapping[int, str]

    @classmethod
    def read(cls, dumped: Mapping[str, Any]) -> Tables:
        """Return what ``tables.dump`` wrote."""
        billed: dict[int, list[int | None]] = defaultdict(list)
        for number, rental in dumped["billing"]:
            billed[number].append(rental)
        return cls(
            {int(number): rental for number, rental in dumped["outings"].items()},
            {int(rental): datetime.fromisoformat(end) for rental, end in dumped["ends"].items()},
            billed,
            {int(number): state for number, state in dumped["receipts"].items()},
        )


@dataclass(slots=True)
class Verdict:
    """The account of one run."""

    returns: int = 0
    copies: int = 0
    accepted: int = 0
    """Returns that got a 200 within the gateway's own tries."""

    closed_later: int = 0
    """Returns that got none, and closed their rental all the same."""

    fates: Counter[Fate] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    """One line for each double, loss and wrong end."""

    @property
    def is_clean(self) -> bool:
        """Whether every return that was accepted or kept closed one rental, rightly."""
        return not self.bad


def check(history: Sequence[Delivery], tables: Tables) -> Verdict:
    """Judge every return."""
    verdict = Verdict(returns=len(history))
    for delivery in history:
        fate = judge(delivery, tables)
        verdict.fates[fate] += 1
        verdict.copies += delivery.copies
        verdict.accepted += delivery.is_accepted
        verdict.closed_later += not delivery.is_accepted and fate == Fate.RIGHT
        if fate not in (Fate.RIGHT, Fate.FORGOTTEN):
            verdict.bad.append(f"{fate}: {describe(delivery, tables)}")
    return verdict


def judge(delivery: Delivery, tables: Tables) -> Fate:
    """Return what became of one return.

    A second call of the hook is a double, whatever it ended, and so is a call that ended the
    rental of another return.
    """
    rental = tables.rental_of[delivery.number]
    billed = tables.billed.get(delivery.number, ())
    if len(billed) > 1 or set(billed) - {rental, None}:
        return Fate.DOUBLE
    ended_at = tables.ended_at.get(rental)
    if ended_at is None:
        is_kept = delivery.is_accepted or delivery.number in tables.receipts
        return Fate.LOSS if is_kept else Fate.FORGOTTEN
    is_right = ended_at == datetime.fromisoformat(delivery.occurred_at) and billed
    return Fate.RIGHT if is_right else Fate.WRONG_END


def describe(delivery: Delivery, tables: Tables) -> str:
    """Return what is known of a return, for whoever has to find out why."""
    rental = tables.rental_of[delivery.number]
    ended_at = tables.ended_at.get(rental)
    return (
        f"{delivery.as_json()} receipt {tables.receipts.get(delivery.number)}, "
        f"rental {rental} ended {ended_at and ended_at.isoformat()}, "
        f"billed {list(tables.billed.get(delivery.number, ()))}"
    )
