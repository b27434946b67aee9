"""A return runs its hook exactly once, whatever the network does."""

from __future__ import annotations

from django_iot_ingest.testing.chaos import ChaosGateway
from django_iot_ingest.testing.contract import rows
from django_iot_ingest.testing.contract.case import (
    BANK,
    OTHER,
    OTHER_SLOT,
    RETURNED_AGO,
    SLOT,
    ContractCase,
)
from django_iot_ingest.testing.contract.faults import HOOK_TWICE, NO_EFFECT, RENTAL_NOT_BEGUN

REPEATS = 3
CHAOTIC = 4
"""Returns of each bank that are delivered in chaos."""

SEED = 5
"""Of a chaos that has trouble of every kind."""


class Returns(ContractCase):
    """Exactly once, one event after the other."""

    def test_a_repeated_return_runs_its_hook_once(self) -> None:
        """The gateway sends it again, since the first answer was lost."""
        free = self.effects()
        self.rent()
        rented = self.effects()
        event = self.a_return()
        self.gateway.send(event)
        self.expect_calls(1, "one return")
        effects = self.effects()
        if rows.differences(free, rented) and not rows.differences(rented, effects):
            self.blame(NO_EFFECT, "a rental left rows, and its return changed nothing")
        for _ in range(REPEATS):
            self.gateway.send(event)
        self.expect_calls(1, "one return and its copies")
        self.expect_same(HOOK_TWICE, effects, self.effects(), "after copies of a return")

    def test_a_copy_that_comes_after_the_next_rental_ends_nothing(self) -> None:
        """The bank was rented again meanwhile."""
        self.rent()
        event = self.a_return()
        self.gateway.send(event)
        self.rent(minutes=RETURNED_AGO - 5)
        effects = self.effects()
        self.gateway.send(event)
        when = "after a copy of a return, with the bank rented again"
        self.expect_same(HOOK_TWICE, effects, self.effects(), when)
        if not self.is_rented():
            self.blame(HOOK_TWICE, f"{when}: the bank is not rented any more")

    def test_a_late_return_leaves_a_rental_that_began_after_it(self) -> None:
        """It is the first that is heard of this return; somebody else has the bank by now."""
        self.rent(minutes=RETURNED_AGO - 5)
        before = rows.host_rows()
        self.gateway.send(self.a_return())
        changed = list(rows.changes(before, rows.host_rows()))
        if not self.is_rented():
            changed.append("the bank is not rented any more")
        if changed:
            when = "after a return from before the rental began"
            self.blame(RENTAL_NOT_BEGUN, f"{when}: {rows.listed(changed)}")

    def test_a_return_that_only_a_snapshot_shows_runs_its_hook_once(self) -> None:
        """Nobody heard the return itself; the next snapshot shows the bank again."""
        self.rent()
        for minutes in (RETURNED_AGO, RETURNED_AGO - 1):
            self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=minutes)
        self.expect_calls(1, "two snapshots that show a bank that was rented")

    def test_in_chaos_each_return_runs_its_hook_once(self) -> None:
        """Copies, lost answers, and another order."""
        places = {BANK: SLOT, OTHER: OTHER_SLOT}
        for serial in places:
            self.rent(serial)
        events = [
            self.a_return(serial, slot, RETURNED_AGO - number)
            for number in range(CHAOTIC)
            for serial, slot in places.items()
        ]
        chaos = ChaosGateway(self.gateway, SEED)
        chaos.deliver(events)
        self.expect_calls(len(events), f"{len(events)} returns in chaos ({chaos})")
