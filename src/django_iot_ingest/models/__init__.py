"""Models: three abstract ones for the host to subclass, and the plugin's own tables."""

from django_iot_ingest.models.abstract import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
)
from django_iot_ingest.models.inbox import (
    Fleet,
    IngestEvent,
    RefusalCount,
    RefusedRequest,
    StationStatusChange,
)

__all__ = [
    "AbstractPowerBank",
    "AbstractStation",
    "AbstractStationSlot",
    "Fleet",
    "IngestEvent",
    "RefusalCount",
    "RefusedRequest",
    "StationStatusChange",
]
