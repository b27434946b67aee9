"""What the inbox and the history have about a station or a power bank: the newest few, and the way
to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from django_iot_ingest.admin.links import Links
from django_iot_ingest.admin.spans import in_words
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import AbstractStation, IngestEvent, StationStatusChange

NEWEST = 20

STATUS_NAMES: dict[str, Any] = dict(AbstractStation.Status.choices)


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One row of the inbox, and its page."""

    row: IngestEvent
    url: str


@dataclass(frozen=True, slots=True)
class ShownEvents:
    """The newest rows of some, and the list of all."""

    rows: list[ShownEvent]
    all_url: str


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change of status, in words."""

    row: StationStatusChange
    from_status: Any
    to_status: Any
    lasted: str


@dataclass(frozen=True, slots=True)
class ShownHistory:
    """The newest changes, and the list of all."""

    rows: list[ShownChange]
    all_url: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The station or the bank of an event: what it is, its page, its other events."""

    column: str
    kind: Any
    serial: str
    url: str
    events: ShownEvents | None


def events_of_station(station: Any, links: Links) -> ShownEvents | None:
    """Return the newest events of a station; None if the user may not see the inbox.

    A status can name a station by its IMEI.
    """
    names = {name for name in (station.serial_number, station.imei) if name}
    return _events(Q(device_serial__in=names), links, device_serial=station.serial_number)


def events_of_power_bank(bank: Any, links: Links) -> ShownEvents | None:
    """Return the newest returns of a bank; None if the user may not see the inbox."""
    serial = bank.serial_number
    return _events(Q(power_bank_serial=serial), links, power_bank_serial=serial)


def subjects_of(row: IngestEvent, links: Links) -> list[Subject]:
    """Return the station and the bank that an event names, each with its newest other events."""
    named = {
        "device_serial": (_("Station"), get_station_model()),
        "power_bank_serial": (_("Power bank"), get_power_bank_model()),
    }
    return [
        _subject(row, column, kind, model, links)
        for column, (kind, model) in named.items()
        if getattr(row, column)
    ]


def history_of(station: Any, links: Links) -> ShownHistory | None:
    """Return the newest changes of a station's status; None if the user may not see them."""
    if not links.may_view(StationStatusChange):
        return None
    changes = StationStatusChange.objects.filter(device_serial=station.serial_number)
    newest = [_shown(row) for row in changes.order_by("-changed_at", "-pk")[:NEWEST]]
    address = links.to_list(StationStatusChange, device_serial=station.serial_number)
    return ShownHistory(newest, address)


def status_name(status: str) -> Any:
    """Return the name of a station's status; one that is none of ours is its own name."""
    return STATUS_NAMES.get(status, status)


def _subject(row: IngestEvent, column: str, kind: Any, model: type[Any], links: Links) -> Subject:
    serial = getattr(row, column)
    device = _device(model, _names(row, column)) if links.may_view(model) else None
    events = _events(Q(**{column: serial}) & ~Q(pk=row.pk), links, **{column: serial})
    return Subject(column, kind, serial, links.to(device), events)


def _names(row: IngestEvent, column: str) -> list[str]:
    """Return the serial numbers that a device of an event may have, the likeliest first.

    A status can name a station by its IMEI; then the result knows which one was meant.
    """
    serial = getattr(row, column)
    meant = row.result.get("station_serial") if isinstance(row.result, dict) else None
    if column == "device_serial" and isinstance(meant, str):
        return [meant, serial]
    return [serial]


def _device(model: type[Any], names: list[str]) -> Any:
    """Return the first of these devices that is known, or None."""
    known = {
        row.serial_number: row for row in model._default_manager.filter(serial_number__in=names)
    }
    return next((known[name] for name in names if name in known), None)


def _events(condition: Q, links: Links, **filters: str) -> ShownEvents | None:
    if not links.may_view(IngestEvent):
        return None
    rows = IngestEvent.objects.filter(condition).defer("body", "result")
    newest = [
        ShownEvent(row, links.to(row)) for row in rows.order_by("-received_at", "-pk")[:NEWEST]
    ]
    return ShownEvents(newest, links.to_list(IngestEvent, **filters))


def _shown(row: StationStatusChange) -> ShownChange:
    names = status_name(row.from_status), status_name(row.to_status)
    return ShownChange(row, *names, in_words(row.seconds_in_previous))
