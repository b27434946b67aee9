"""Where machines read how it goes: the health report and the metrics."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import TransactionTestCase

from django_iot_ingest import metrics


class NumbersTests(TransactionTestCase):
    """Without a token in the environment both are for staff alone."""

    def test_everybody_is_told_whether_it_is_up(self) -> None:
        answer = self.client.get("/healthz/ingest")
        self.assertEqual((answer.status_code, answer.json()), (200, {"status": "ok"}))

    def test_staff_is_told_more(self) -> None:
        self.client.force_login(User.objects.create_superuser("somebody"))
        self.assertIn("backlog", self.client.get("/healthz/ingest").json())

    def test_metrics_are_for_staff_where_they_are_installed(self) -> None:
        told, status = ("iot_ingest_database_up 1.0", 200) if metrics.is_installed() else ("", 404)
        self.assertEqual(self.client.get("/metrics").status_code, 403 if told else 404)
        self.client.force_login(User.objects.create_superuser("somebody"))
        self.assertContains(self.client.get("/metrics"), told, status_code=status)
