"""The registry of event types. A host adds its own in one class::

    @event_types.register
    class Alarm(EventType):
        name = "alarm"

        def read(self, reader): ...         # returns a StationReport

        def apply(self, service, report): ...   # returns an Outcome

and imports that module from its ``AppConfig.ready``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django_iot_ingest import snapshot, strict_json, wire
from django_iot_ingest.events import FullReport, Receipt, ReturnReport, StationReport, StatusReport
from django_iot_ingest.exceptions import UnknownType
from django_iot_ingest.wire import Reader

if TYPE_CHECKING:
    from django_iot_ingest.services import Outcome, StationSyncService


MAX_NAME_LENGTH = 32

OTHER = "other"
"""What any unknown type is called in numbers."""


class EventType(ABC):
    """How one ``type`` on the wire is read and applied."""

    name: ClassVar[str]
    """The value of ``type``: at most 32 characters."""

    exactly_once: ClassVar[bool] = False
    """Commit a receipt first and apply each body once, however often it arrives."""

    newest_counts: ClassVar[bool] = False
    """Tell a state, so that a waiting event is stale once a newer one of its station has come."""

    @abstractmethod
    def read(self, reader: Reader) -> StationReport:
        """Return the typed report; wrong identity fields go to ``reader.fail``."""

    @abstractmethod
    def apply(self, service: StationSyncService, report: Any) -> Outcome:
        """Apply the report inside the open transaction."""


EventTypeClass = TypeVar("EventTypeClass", bound=type[EventType])

_registry: dict[str, EventType] = {}


def register(event_type: EventTypeClass) -> EventTypeClass:
    """Add an event type; one of the same name is replaced. Usable as a class decorator.

    ``ValueError`` if its name does not fit into the inbox.
    """
    if not 0 < len(event_type.name) <= MAX_NAME_LENGTH:
        raise ValueError(f"{event_type.__name__}.name must have 1 to {MAX_NAME_LENGTH} characters")
    _registry[event_type.name] = event_type()
    return event_type


def unregister(name: str) -> None:
    """Remove an event type; ``KeyError`` if there is none of that name."""
    del _registry[name]


def names() -> list[str]:
    """Return the names of all event types, in the order in which they were registered."""
    return list(_registry)


def find(name: object) -> EventType | None:
    """Return the event type of that name, or None; any value may be asked for."""
    return _registry.get(name) if isinstance(name, str) else None


def label(name: object) -> str:
    """Return the name of a registered event type, or ``other``: one of few, whatever is asked for."""
    event_type = find(name)
    return OTHER if event_type is None else event_type.name


def read(payload: Mapping[str, Any], receipt: Receipt) -> tuple[EventType, StationReport]:
    """Return the type and the report of a payload; ``UnknownType`` or ``InvalidPayload``."""
    event_type = find(payload.get("type"))
    if event_type is None:
        raise UnknownType
    return event_type, event_type.read(Reader(payload, receipt))


def read_receipt(receipt: Receipt) -> tuple[EventType, StationReport]:
    """Return the type and the report of verified bytes; ``InvalidJson`` too."""
    return read(strict_json.load_object(receipt.body), receipt)


@register
class Full(EventType):
    """A whole snapshot of a station."""

    name = "full"
    newest_counts = True

    def read(self, reader: Reader) -> FullReport:
        """Return the snapshot, free of contradictions."""
        return snapshot.read_full(reader)

    def apply(self, service: StationSyncService, report: FullReport) -> Outcome:
        """Sync the station, its slots and its banks."""
        return service.apply_full(report)


@register
class Returned(EventType):
    """A power bank came back: money."""

    name = "returned"
    exactly_once = True

    def read(self, reader: Reader) -> ReturnReport:
        """Return the return; its two serial numbers alone are strict."""
        return wire.read_return(reader)

    def apply(self, service: StationSyncService, report: ReturnReport) -> Outcome:
        """Locate the bank and call the host's hook."""
        return service.apply_returned(report)


@register
class Status(EventType):
    """A station's own word about itself."""

    name = "status"
    newest_counts = True

    def read(self, reader: Reader) -> StatusReport:
        """Return the status; an unknown one is a wrong field."""
        return wire.read_status(reader)

    def apply(self, service: StationSyncService, report: StatusReport) -> Outcome:
        """Write the station's status, and the change of it."""
        return service.apply_status(report)
