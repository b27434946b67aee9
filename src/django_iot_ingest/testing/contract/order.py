"""What is older than what was applied changes nothing."""

from __future__ import annotations

from django_iot_ingest.testing.contract import rows
from django_iot_ingest.testing.contract.case import (
    BANK,
    FREE_SLOT,
    OTHER,
    OTHER_SLOT,
    SLOT,
    STATION,
    ContractCase,
)
from django_iot_ingest.testing.contract.faults import RENTED_UNDONE, STALE_ACCEPTED
from django_iot_ingest.testing.payloads import status

SECONDS = 1 / 60
"""In minutes."""

LINGER = 4 * SECONDS
"""How long after an eject a station was seen to show the bank still."""


class Order(ContractCase):
    """Staleness, and the status of a bank that is rented."""

    def test_an_older_full_changes_nothing(self) -> None:
        """It comes late, and has everything otherwise."""
        self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=20)
        before = rows.device_rows()
        self.snapshot({FREE_SLOT: BANK, SLOT: OTHER}, minutes=30, status="OFFLINE", battery=7)
        self.expect_same(STALE_ACCEPTED, before, rows.device_rows(), "after an older full")

    def test_an_older_status_changes_nothing(self) -> None:
        """The station has said otherwise since."""
        self.gateway.send(status("MAINTENANCE", station=STATION, at=self.ago(20)))
        before = rows.device_rows()
        self.gateway.send(status("OFFLINE", station=STATION, at=self.ago(30)))
        self.expect_same(STALE_ACCEPTED, before, rows.device_rows(), "after an older status")

    def test_a_full_that_is_older_than_a_status_leaves_the_status(self) -> None:
        """All else of it is applied: the two have a clock each."""
        self.gateway.send(status("MAINTENANCE", station=STATION, at=self.ago(10)))
        self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=20, status="ONLINE")
        station = self.bank(OTHER).current_station
        told = getattr(station, "status", None)
        if told != "MAINTENANCE":
            when = "after a full that is older than the status MAINTENANCE"
            self.blame(STALE_ACCEPTED, f"{when}: the status of the station is {told}")

    def test_a_status_leaves_a_rented_bank(self) -> None:
        """The station goes off and comes back."""
        self.rent()
        for minutes, value in ((20, "OFFLINE"), (19, "MAINTENANCE"), (18, "ONLINE")):
            self.gateway.send(status(value, station=STATION, at=self.ago(minutes)))
            self.expect_away(f"after a status {value}")

    def test_a_snapshot_right_after_the_eject_leaves_a_rented_bank(self) -> None:
        """It still shows the bank in its slot; the next shows the slot empty."""
        self.rent(minutes=20)
        self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=20 - LINGER)
        self.expect_away("after a snapshot 4 s after the rental began")
        self.snapshot({OTHER_SLOT: OTHER}, minutes=18)
        self.expect_away("after a snapshot without the bank")

    def expect_away(self, when: str) -> None:
        """Expect that the bank is rented, and nowhere."""
        bank = self.bank()
        if not self.is_rented():
            self.blame(RENTED_UNDONE, f"{when}: its status is {bank.status}")
        if bank.current_station or bank.current_slot:
            self.blame(RENTED_UNDONE, f"{when}: it is rented, and at a station")
        self.assertEqual(self.watch.committed, [], when)
