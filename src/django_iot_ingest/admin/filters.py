"""Filters of the inbox and of the history: each along an index, and none asks a table for values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_iot_ingest import event_types
from django_iot_ingest.models import AbstractStation, IngestEvent

SPANS = {
    "hour": (timedelta(hours=1), _("Last hour")),
    "day": (timedelta(days=1), _("Last 24 hours")),
    "week": (timedelta(days=7), _("Last 7 days")),
    "month": (timedelta(days=30), _("Last 30 days")),
}


class EventTypeFilter(SimpleListFilter):
    """One of the registered event types, or what has none that we know."""

    title = _("event type")
    parameter_name = "event_type"

    UNKNOWN = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the registered event types, those of the host too."""
        names = event_types.names()
        return [*((name, name) for name in names), (self.UNKNOWN, _("unknown"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen type, or those whose type was never read."""
        value = _clean(self.value())
        if not value:
            return queryset
        if value == self.UNKNOWN:
            # Only what was refused has none; its state has an index.
            return queryset.filter(event_type="", state=IngestEvent.State.REFUSED)
        return queryset.filter(event_type=value)


class ReceivedFilter(SimpleListFilter):
    """What came within a span of time up to now."""

    title = _("time received")
    parameter_name = "received"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer spans that end now."""
        return [(name, text) for name, (_span, text) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what was received within the chosen span."""
        span = SPANS.get(self.value() or "")
        if span is None:
            return queryset
        # Naming every state lets the index of state and time serve, in a range for each.
        since = timezone.now() - span[0]
        return queryset.filter(state__in=IngestEvent.State.values, received_at__gte=since)


class ToStatusFilter(SimpleListFilter):
    """The status that a station changed to."""

    title = _("to status")
    parameter_name = "to_status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Offer the states of a station."""
        return list(AbstractStation.Status.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the changes to the chosen status."""
        value = _clean(self.value())
        return queryset.filter(to_status=value) if value else queryset


class SerialFilter(SimpleListFilter):
    """One serial number, typed in: there are too many to choose from."""

    template = "django_iot_ingest/admin/serial_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer nothing to choose from: the number is typed in."""
        return []

    def has_output(self) -> bool:
        """Show the filter, though it offers no choices."""
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the form needs: its value, and the other parameters of the page."""
        others = {name: value for name, value in changelist.params.items() if value}
        others.pop(self.parameter_name, None)
        yield {
            "name": self.parameter_name,
            "value": _clean(self.value()),
            "others": others,
            "remove": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of exactly that serial number."""
        value = _clean(self.value())
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


class StationFilter(SerialFilter):
    """The station that an event names."""

    title = _("station")
    parameter_name = "device_serial"


class PowerBankFilter(SerialFilter):
    """The bank that a return names."""

    title = _("power bank")
    parameter_name = "power_bank_serial"


def _clean(value: Any) -> str:
    """Return a typed text without blanks around it, and without what PostgreSQL refuses."""
    return str(value or "").replace("\x00", "").strip()
