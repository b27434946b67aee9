"""The whole way: log-in, snapshot, rental, return, status, refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.testing import BANK, STATION, GatewayClient, full_snapshot, returned, status
from fleet.models import PowerBank, Rental, Station
from fleet.rentals import rent
from fleet.tests.gateway import GatewayTestCase


class StationDataTests(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = timezone.now()

    def ago(self, minutes: int) -> datetime:
        return self.now - timedelta(minutes=minutes)

    def snapshot_at(self, minutes_ago: int) -> PowerBank:
        self.gateway.send(full_snapshot(at=self.ago(minutes_ago)))
        return PowerBank.objects.get(serial_number=BANK)

    def test_a_snapshot_creates_station_slots_and_bank(self) -> None:
        self.assertEqual(self.gateway.send(full_snapshot())["state"], "applied")
        station = Station.objects.get(serial_number=STATION)
        self.assertEqual((station.status, station.name), ("ONLINE", f"New station {STATION}"))
        bank = PowerBank.objects.get(serial_number=BANK)
        self.assertEqual((bank.current_station, bank.current_slot.slot_number), (station, 2))

    def test_a_snapshot_leaves_the_columns_of_the_operator(self) -> None:
        self.snapshot_at(20)
        Station.objects.update(name="Main square", out_of_service=True)
        self.snapshot_at(0)
        station = Station.objects.get()
        self.assertEqual((station.name, station.out_of_service), ("Main square", True))

    def test_a_return_sent_three_times_ends_and_bills_the_rental_once(self) -> None:
        bank = self.snapshot_at(100)
        rental = rent(bank, self.renter, self.ago(95))
        event = returned(slot=1, at=self.now)
        states = [self.gateway.send(event)["state"] for _ in range(3)]
        self.assertEqual(states, ["applied", "duplicate", "duplicate"])
        rental.refresh_from_db()
        self.assertEqual(rental.status, Rental.Status.COMPLETED)
        self.assertEqual(rental.amount, Decimal("6.00"))
        bank.refresh_from_db()
        self.assertEqual((bank.status, bank.current_slot.slot_number), ("AVAILABLE", 1))
        self.assertEqual(IngestEvent.objects.filter(event_type="returned").count(), 1)

    def test_a_late_return_ends_only_the_rental_that_had_begun(self) -> None:
        bank = self.snapshot_at(100)
        late = returned(at=self.ago(30))
        rental = rent(bank, self.renter, self.ago(10))
        self.assertEqual(self.gateway.send(late)["state"], "applied")
        rental.refresh_from_db()
        bank.refresh_from_db()
        self.assertEqual((rental.status, bank.status), (Rental.Status.ACTIVE, "RENTED"))

    def test_a_return_that_comes_40_minutes_late_is_billed_to_its_own_minute(self) -> None:
        bank = self.snapshot_at(100)
        rental = rent(bank, self.renter, self.ago(65))
        returned_at = self.ago(40)
        event = returned(at=returned_at)
        self.assertEqual(self.gateway.send(event)["state"], "applied")
        rental.refresh_from_db()
        self.assertEqual((rental.ended_at, rental.amount), (returned_at, Decimal("1.50")))

    def test_a_replay_after_the_bank_was_rented_again_leaves_that_rental(self) -> None:
        bank = self.snapshot_at(100)
        first = rent(bank, self.renter, self.ago(65))
        event = returned(at=self.ago(40))
        self.gateway.send(event)
        bank.refresh_from_db()
        second = rent(bank, self.renter, self.ago(30))
        self.assertEqual(self.gateway.send(event)["state"], "duplicate")
        for rental, ends in ((first, Rental.Status.COMPLETED), (second, Rental.Status.ACTIVE)):
            rental.refresh_from_db()
            self.assertEqual(rental.status, ends)

    def test_a_snapshot_from_before_a_rental_leaves_it(self) -> None:
        bank = self.snapshot_at(100)
        rental = rent(bank, self.renter, self.ago(20))
        self.snapshot_at(30)
        rental.refresh_from_db()
        bank.refresh_from_db()
        self.assertEqual((rental.status, bank.status), (Rental.Status.ACTIVE, "RENTED"))
        self.assertIsNone(bank.current_slot)

    def test_a_status_changes_the_station(self) -> None:
        self.snapshot_at(1)
        self.gateway.send(status("OFFLINE"))
        self.assertEqual(Station.objects.get().status, "OFFLINE")

    def test_a_bad_signature_changes_nothing(self) -> None:
        answer = self.gateway.post(full_snapshot(), secret="another-secret-of-at-least-32-bytes")
        self.assertEqual((answer.status_code, answer.json()["error"]), (403, "INVALID_SIGNATURE"))
        self.assertFalse(Station.objects.exists() or IngestEvent.objects.exists())

    def test_a_bad_token_is_the_only_401(self) -> None:
        answer = GatewayClient(token="x.y.z").post(full_snapshot())
        self.assertEqual((answer.status_code, answer.json()["error"]), (401, "NOT_AUTHENTICATED"))
