"""What goes wrong between a gateway and us, one thing at most for each event."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from random import Random

SHARE = 0.06
"""Share of the events that each kind meets."""

MOST_COPIES = 3
"""Copies of an event beside the first; a reset connection resends as often."""


class Chaos(StrEnum):
    """A kind of trouble, by the name that ``--chaos`` takes."""

    DUPLICATES = "duplicates"
    LOST = "lost"
    REORDER = "reorder"
    LATE = "late"
    RESET = "reset"
    DROP = "drop"


OVERTAKING = frozenset({Chaos.REORDER, Chaos.LATE})
"""Later events of the same station may arrive first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong with one event."""

    kind: Chaos | None = None
    copies: int = 0
    """How often the same body comes again."""

    is_at_once: bool = False
    """Whether the copies are sent together with the first, and not one after the other."""

    unheard: int = 0
    """Tries, the first ones, whose answers get lost: the event has arrived all the same."""

    unsent: int = 0
    """Tries, the first ones, that never arrive."""

    cuts: int = 0
    """How often the connection is reset before the answer was read, and the same bytes come again."""

    @property
    def is_overtaken(self) -> bool:
        """Return whether the station's next events are sent before this one arrives."""
        return self.kind in OVERTAKING


CALM = Plan()


def draw(
    kinds: Collection[Chaos],
    dice: Random,
    *,
    possible: Collection[Chaos],
    share: float | None = None,
) -> Plan:
    """Return what goes wrong with the next event: mostly nothing, each kind in ``share`` of cases.

    A kind that is asked for, but is not ``possible`` for this event, leaves it alone.
    """
    place = int(dice.random() / (SHARE if share is None else share))
    asked = sorted(kinds)
    if place >= len(asked) or asked[place] not in possible:
        return CALM
    return _PLANS[asked[place]](dice)


def _duplicates(dice: Random) -> Plan:
    copies = dice.randint(1, MOST_COPIES)
    return Plan(Chaos.DUPLICATES, copies=copies, is_at_once=dice.random() < 0.5)


def _reset(dice: Random) -> Plan:
    return Plan(Chaos.RESET, cuts=dice.randint(1, MOST_COPIES))


_PLANS: dict[Chaos, Callable[[Random], Plan]] = {
    Chaos.DUPLICATES: _duplicates,
    Chaos.LOST: lambda dice: Plan(Chaos.LOST, unheard=dice.randint(1, 2)),
    Chaos.REORDER: lambda dice: Plan(Chaos.REORDER, unsent=1),
    Chaos.LATE: lambda dice: Plan(Chaos.LATE, unsent=2),
    Chaos.RESET: _reset,
    Chaos.DROP: lambda dice: Plan(Chaos.DROP, unsent=3),
}
