"""The operator's side: what he changes, and what he sees of an event."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.testing import BANK, STATION, full_snapshot, returned, status
from fleet.models import PowerBank, Station
from fleet.tests.gateway import GatewayTestCase


class AdminTests(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.gateway.send(full_snapshot(at=timezone.now() - timedelta(minutes=1)))
        self.station = Station.objects.get()
        self.address = reverse("admin:fleet_station_change", args=[self.station.pk])
        self.client.force_login(self.admin)

    def test_a_station_shows_its_cabinet(self) -> None:
        page = self.client.get(self.address)
        bank = PowerBank.objects.get(serial_number=BANK)
        self.assertContains(page, reverse("admin:fleet_powerbank_change", args=[bank.pk]))
        self.assertContains(page, "Slot 2")
        self.assertContains(page, "Latest events")

    def test_an_operator_names_a_station_and_undoes_no_report(self) -> None:
        self.client.get(self.address)
        self.gateway.send(status("OFFLINE"))
        answer = self.client.post(self.address, {"name": "Main square", "out_of_service": "on"})
        self.assertEqual(answer.status_code, 302)
        self.station.refresh_from_db()
        found = (self.station.name, self.station.out_of_service, self.station.status)
        self.assertEqual(found, ("Main square", True, "OFFLINE"))

    def test_the_inbox_finds_a_return_by_its_bank(self) -> None:
        self.gateway.send(returned())
        page = self.client.get(
            reverse("admin:django_iot_ingest_ingestevent_changelist"), {"q": BANK}
        )
        (row,) = page.context["cl"].result_list
        self.assertEqual((row.event_type, row.device_serial), ("returned", STATION))
        address = reverse("admin:django_iot_ingest_ingestevent_change", args=[row.pk])
        self.assertContains(self.client.get(address), "The tables say it.")
        self.assertEqual(IngestEvent.objects.count(), 2)
