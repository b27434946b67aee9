"""The host's hook, as unreliable as ``NEMESIS_*`` say: it raises, dawdles, or stalls."""

from __future__ import annotations

import random
import time
from typing import cast

from django.conf import settings

from django_iot_ingest.events import PowerBankReturned
from fleet.models import PowerBank
from fleet.rentals import end_rental
from fleet.sync import FleetSyncService
from tests.nemesis.models import BillingEntry

SLOW_SECONDS = (0.2, 1.0)

STALL_SECONDS = 16.0
"""A second more than the gateway waits: it tries again while its first try still runs."""


class HookRefused(Exception):
    """What a host's code may raise at any time."""


class NemesisSyncService(FleetSyncService):
    """End the rental, and bill without looking: the plugin promises one call for each return."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        raise_sometimes()
        rental = end_rental(cast(PowerBank, event.power_bank), event.occurred_at)
        BillingEntry.objects.create(
            number=event.raw["return_event"]["number"],
            rental_id=None if rental is None else rental.pk,
        )
        dawdle_sometimes()
        raise_sometimes()


def raise_sometimes() -> None:
    """Raise, as often as ``NEMESIS_RAISE`` says."""
    if random.random() < settings.NEMESIS_RAISE:
        raise HookRefused


def dawdle_sometimes() -> None:
    """Keep the open transaction and its locks for a while."""
    roll = random.random()
    if roll < settings.NEMESIS_STALL:
        time.sleep(STALL_SECONDS)
    elif roll < settings.NEMESIS_STALL + settings.NEMESIS_SLOW:
        time.sleep(random.uniform(*SLOW_SECONDS))
