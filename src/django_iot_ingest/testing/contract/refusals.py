"""A hook may refuse: then nothing of it stays, and the return is applied later."""

from __future__ import annotations

from django_iot_ingest import inbox
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.testing.contract import rows
from django_iot_ingest.testing.contract.case import BANK, OTHER, OTHER_SLOT, SLOT, ContractCase
from django_iot_ingest.testing.contract.faults import EFFECTS_STAY, RETURN_LOST


class Refusals(ContractCase):
    """The suite lets the host's hook do its work, and raises right after it."""

    def test_a_refused_return_waits_and_is_applied_later(self) -> None:
        """By the sweeper or an operator; a copy that the gateway sends then finds it applied."""
        self.rent()
        event = self.a_return()
        self.watch.refusals = 1
        status = self.gateway.post(event).status_code
        waiting = IngestEvent.objects.filter(event_type="returned", state__in=IngestEvent.WAITING)
        row = waiting.first()
        if row is None or not self.is_rented():
            what = "nothing waits in the inbox" if row is None else "the bank is back"
            self.blame(RETURN_LOST, f"a return whose hook raised was answered {status}, and {what}")
        inbox.apply(row.pk)
        self.gateway.send(event)
        self.expect_calls(1, "a return that was refused, applied later, and sent again")

    def test_a_refused_return_is_applied_by_the_next_try(self) -> None:
        """The gateway tries again, two seconds later."""
        self.rent()
        event = self.a_return()
        self.watch.refusals = 1
        self.gateway.post(event)
        self.gateway.send(event)
        if not self.watch.committed or self.is_rented():
            self.blame(RETURN_LOST, "a return whose hook raised was not applied by the next try")
        self.expect_calls(1, "a return that was refused once, and its next try")

    def test_a_refusal_undoes_what_the_hook_did(self) -> None:
        """The refused attempt leaves no row, charge or message behind."""
        self.rent()
        effects = self.effects()
        self.watch.refusals = 1
        self.gateway.post(self.a_return())
        self.expect_same(EFFECTS_STAY, effects, self.effects(), "after a hook that raised")

    def test_a_refusal_in_a_snapshot_is_tried_again_by_the_next(self) -> None:
        """It undoes that bank alone; the snapshot is applied."""
        self.rent()
        effects = self.effects()
        self.watch.refusals = 1
        banks = {SLOT: BANK, OTHER_SLOT: OTHER}
        self.snapshot(banks, minutes=20)
        when = "after a hook that raised in a snapshot"
        # New rows may be the snapshot's own: it is applied, without that bank.
        changed = rows.changed(effects, self.effects())
        if changed:
            self.blame(EFFECTS_STAY, f"{when}: {rows.listed(changed)}")
        if not self.is_rented():
            self.blame(RETURN_LOST, f"{when}: the bank is not rented any more")
        self.snapshot(banks, minutes=19)
        if not self.watch.committed:
            self.blame(RETURN_LOST, f"{when}: the next snapshot did not try again")
        self.expect_calls(1, "two snapshots that show a bank that was rented")
