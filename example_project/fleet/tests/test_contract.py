"""What the plugin promises, held against this host's models and sync service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import TransactionTestCase

from django_iot_ingest.testing import StationSyncContract
from fleet.rentals import rent


class ContractTests(StationSyncContract, TransactionTestCase):
    """Rentals begin and end here as the app does it."""

    def prepare_rental(self, power_bank: Any, at: datetime) -> None:
        renter, _ = User.objects.get_or_create(username="renter")
        rent(power_bank, renter, at)
