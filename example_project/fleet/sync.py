"""What this host does when the gateway reports."""

from __future__ import annotations

import logging
from typing import Any, cast

from django_iot_ingest.events import PowerBankMissing, PowerBankReturned
from django_iot_ingest.services import StationSyncService
from fleet.models import PowerBank
from fleet.rentals import end_rental

logger = logging.getLogger(__name__)


class FleetSyncService(StationSyncService):
    """End and bill rentals. The plugin calls each hook exactly once, inside its transaction."""

    def get_station_defaults(self, serial_number: str) -> dict[str, Any]:
        """Name a new station, so that the operator finds it in the admin."""
        return {"name": f"New station {serial_number}"}

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        """End the rental that had begun by then; the plugin has locked the bank."""
        power_bank = cast(PowerBank, event.power_bank)
        rental = end_rental(power_bank, event.occurred_at)
        if rental is not None:
            logger.info("Rental %s ended by %s: %s", rental.pk, event.source, rental.amount)
        elif event.was_rented:
            logger.warning("Power bank %s was rented without a rental", power_bank.pk)

    def on_power_bank_missing(self, event: PowerBankMissing) -> None:
        """Tell whoever reads the log; a real host would open a ticket."""
        logger.warning("Power bank %s is missing", event.power_bank.pk)
