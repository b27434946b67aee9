"""A bank has one place, and a slot holds one bank."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.database import alias
from django_iot_ingest.testing.contract.case import (
    BANK,
    ELSEWHERE,
    OTHER,
    OTHER_SLOT,
    SLOT,
    STATION,
    ContractCase,
)
from django_iot_ingest.testing.contract.faults import TWO_IN_A_SLOT
from django_iot_ingest.testing.payloads import bank_row, full_snapshot


class Places(ContractCase):
    """At most one bank is in a slot, whatever contradicts."""

    def test_a_return_into_a_slot_that_another_bank_has(self) -> None:
        """The bank that was there has left, which nobody has told."""
        self.rent()
        self.gateway.send(self.a_return(slot=OTHER_SLOT))
        self.expect_one_bank_per_slot("after a return into the slot of another bank")

    def test_a_full_that_shows_two_banks_in_one_slot(self) -> None:
        """The later row has the slot."""
        payload = full_snapshot({SLOT: BANK}, station=STATION, slots=4, at=self.ago(20))
        payload["power_banks"].append(bank_row(OTHER, SLOT))
        self.gateway.send(payload)
        self.expect_one_bank_per_slot("after a full with two banks in one slot")

    def test_two_stations_that_show_the_same_bank(self) -> None:
        """The newer one has it, and the rental that ended between them ended once."""
        self.rent()
        self.snapshot({SLOT: BANK}, minutes=20, station=ELSEWHERE)
        self.gateway.send(self.a_return())
        self.expect_one_bank_per_slot("after a return to a second station")
        self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=5)
        self.expect_one_bank_per_slot("after fulls of two stations with one bank")

    def expect_one_bank_per_slot(self, when: str) -> None:
        """Expect that no slot is the place of two banks."""
        banks: Any = get_power_bank_model()._base_manager.using(alias())
        placed = banks.exclude(current_slot=None).order_by("serial_number")
        held = Counter(placed.values_list("current_slot", flat=True))
        for slot_id, count in held.items():
            if count > 1:
                serials = placed.filter(current_slot=slot_id).values_list(
                    "serial_number", flat=True
                )
                self.blame(TWO_IN_A_SLOT, f"{when}: {' and '.join(serials)} are in the same slot")
