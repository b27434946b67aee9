"""Models: three abstract ones for the host to subclass, and the plugin's own two tables."""

from django_iot_ingest.models.abstract import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
)
from django_iot_ingest.models.inbox import IngestEvent, StationStatusChange

__all__ = [
    "AbstractPowerBank",
    "AbstractStation",
    "AbstractStationSlot",
    "IngestEvent",
    "StationStatusChange",
]
