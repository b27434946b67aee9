"""Which bank has which slot while one snapshot is applied."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from django_iot_ingest.events import PowerBankReport
from django_iot_ingest.models import AbstractPowerBank, AbstractStationSlot

NEWER = sys.maxsize
"""Rank of a bank that an event newer than the snapshot put into its slot."""

EARLIER = -1
"""Rank of a bank that was in its slot before, and that the snapshot does not name."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A bank that is to be in a slot. The higher ``rank`` has it."""

    rank: int
    bank: AbstractPowerBank


@dataclass(frozen=True, slots=True, eq=False)
class Sighting(Claim):
    """A bank that a row of the snapshot shows, and the slot, if the station has it.

    ``rank`` is the row's index: of two rows the later one has the slot.
    """

    told: PowerBankReport
    slot: AbstractStationSlot | None


class SlotContest:
    """Settle claims one by one: of two banks for one slot the higher rank has it.

    Only a bank that really is placed may claim: one that is not must not take a slot from another.
    """

    def __init__(self) -> None:
        self._holders: dict[Any, Claim] = {}

    def claim(self, slot_id: Any, claim: Claim) -> Claim | None:
        """Return who is without the slot from here on: this claim, the holder so far, or nobody."""
        holder = self._holders.get(slot_id)
        if holder is not None and holder.rank > claim.rank:
            return claim
        self._holders[slot_id] = claim
        return holder

    def give_back(self, slot_id: Any, holder: Claim | None) -> None:
        """Undo a claim: the slot is its former holder's again, or nobody's."""
        if holder is None:
            self._holders.pop(slot_id, None)
        else:
            self._holders[slot_id] = holder

    def is_held_by(self, slot_id: Any, claim: Claim) -> bool:
        """Return whether a claim has the slot."""
        return self._holders.get(slot_id) is claim

    def held(self) -> set[Any]:
        """Return the ids of the slots that hold a bank."""
        return set(self._holders)
