"""``manage.py iot_mark_offline``: stations that fell silent are OFFLINE."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from django_iot_ingest import silence


class Command(BaseCommand):
    """Run it every minute."""

    help = "Mark stations OFFLINE that were not heard for OFFLINE_AFTER seconds."

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark them, and print how many."""
        self.stdout.write(f"{silence.mark_offline()} stations marked OFFLINE")
