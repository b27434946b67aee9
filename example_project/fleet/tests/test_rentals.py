"""Rentals and what they cost, the admin, and the command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings
from django.utils import timezone

from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.testing import BANK, STATION
from fleet.checks import check_secret_key
from fleet.models import PowerBank, Rental, Station
from fleet.rentals import end_rental, rent
from fleet.tariff import price
from fleet.tests.gateway import GatewayTestCase

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class TariffTests(SimpleTestCase):
    def test_every_started_interval_counts(self) -> None:
        for seconds, expected in [(-60, 1), (0, 1), (1, 1), (1800, 1), (1800.000001, 2), (5700, 4)]:
            with self.subTest(seconds=seconds):
                amount = price(NOON, NOON + timedelta(seconds=seconds))
                self.assertEqual(amount, expected * Decimal("1.50"))
                self.assertIsInstance(amount, Decimal)


class SecretKeyCheckTests(SimpleTestCase):
    def test_a_placeholder_or_a_short_key_is_caught(self) -> None:
        for key in ("change-me-to-a-long-random-text-of-40-or-more", "short"):
            with override_settings(SECRET_KEY=key):
                self.assertEqual([error.id for error in check_secret_key()], ["fleet.E001"])
        self.assertEqual(check_secret_key(), [])


class RentalTests(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bank = PowerBank.objects.create(serial_number=BANK)

    def test_renting_marks_the_bank_and_creates_one_rental(self) -> None:
        rental = rent(self.bank, self.renter, NOON)
        self.bank.refresh_from_db()
        self.assertEqual((self.bank.status, self.bank.rented_at), ("RENTED", NOON))
        self.assertEqual((rental.status, rental.started_at), (Rental.Status.ACTIVE, NOON))

    def test_a_rented_bank_cannot_be_rented(self) -> None:
        rent(self.bank, self.renter)
        with self.assertRaises(AlreadyRented):
            rent(self.bank, self.renter)
        self.assertEqual(Rental.objects.count(), 1)

    def test_a_rental_needs_only_a_bank_and_a_user(self) -> None:
        rental = Rental.objects.create(power_bank=self.bank, user=self.renter)
        rental.full_clean()

    def test_an_overdue_rental_ends_and_only_one_does(self) -> None:
        fields = {"power_bank": self.bank, "user": self.renter, "status": Rental.Status.OVERDUE}
        older = Rental.objects.create(started_at=NOON - timedelta(days=2), **fields)
        newer = Rental.objects.create(started_at=NOON - timedelta(days=1), **fields)
        self.assertEqual(end_rental(self.bank, NOON), newer)
        older.refresh_from_db()
        self.assertEqual((older.status, older.ended_at), (Rental.Status.OVERDUE, None))

    def test_a_rental_that_had_not_begun_goes_on(self) -> None:
        rent(self.bank, self.renter, NOON)
        self.assertIsNone(end_rental(self.bank, NOON - timedelta(seconds=1)))

    def test_the_command_rents(self) -> None:
        call_command("rent", BANK, "renter", "--minutes-ago", "95", stdout=StringIO())
        began = Rental.objects.get().started_at
        self.assertAlmostEqual((timezone.now() - began).total_seconds(), 95 * 60, delta=60)
        for arguments in [(BANK, "renter"), (BANK, "nobody"), ("nothing", "renter")]:
            with self.assertRaises(CommandError):
                call_command("rent", *arguments)


class AdminTests(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.admin)
        self.station = Station.objects.create(serial_number=STATION, status="ONLINE")

    def test_every_page_opens(self) -> None:
        for model in ("station", "stationslot", "powerbank", "rental"):
            for page in ("", "add/"):
                answer = self.client.get(f"/admin/fleet/{model}/{page}")
                self.assertEqual(answer.status_code, 200, f"{model}/{page}")

    def test_an_operator_changes_what_is_the_operators_alone(self) -> None:
        url = f"/admin/fleet/station/{self.station.pk}/change/"
        self.assertEqual(self.client.get(url).status_code, 200)
        form = {"name": "Main square", "out_of_service": "on", "status": "OFFLINE"}
        self.assertEqual(self.client.post(url, form).status_code, 302)
        self.station.refresh_from_db()
        self.assertEqual((self.station.name, self.station.status), ("Main square", "ONLINE"))
        self.assertTrue(self.station.out_of_service)
