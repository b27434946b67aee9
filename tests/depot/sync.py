"""What the second host does when the gateway reports."""

from __future__ import annotations

from typing import Any

from django_iot_ingest.events import PowerBankReturned
from django_iot_ingest.services import StationSyncService
from tests.depot.models import Lease

MINUTE = 60


class DepotSyncService(StationSyncService):
    """End leases, and set the host's own columns of what is created."""

    def get_station_defaults(self, serial_number: str) -> dict[str, Any]:
        return {"district": "new"}

    def get_power_bank_defaults(self, serial_number: str) -> dict[str, Any]:
        return {"capacity": 10_000}

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        """End the one lease that had begun by then."""
        leases = Lease.objects.select_for_update().filter(
            battery=event.power_bank, over_at=None, begun_at__lte=event.occurred_at
        )
        lease = leases.order_by("-begun_at").first()
        if lease is not None:
            lease.over_at = event.occurred_at
            lease.minutes = int((event.occurred_at - lease.begun_at).total_seconds() // MINUTE)
            lease.save(update_fields=["over_at", "minutes"])
