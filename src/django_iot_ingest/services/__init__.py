"""The sync service: what a host subclasses to take part."""

from django_iot_ingest.services.outcome import Outcome
from django_iot_ingest.services.service import StationSyncService

__all__ = ["Outcome", "StationSyncService"]
