"""The inbox: what came, what became of it and why, and what can be done about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin import meanings, related
from django_iot_ingest.admin.base import ReadOnlyMixin
from django_iot_ingest.admin.decide import DecideMixin
from django_iot_ingest.admin.filters import (
    EventTypeFilter,
    PowerBankFilter,
    ReceivedFilter,
    StationFilter,
)
from django_iot_ingest.admin.links import Links
from django_iot_ingest.admin.paging import BoundedPaginator
from django_iot_ingest.admin.raw import RawBodyMixin
from django_iot_ingest.admin.results import ShownResult
from django_iot_ingest.admin.spans import milliseconds, moment
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import native

MOST_DEVICES = 50
"""Devices whose serial number begins with what was typed, and whose events are looked for."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class InboxChangeList(ChangeList):
    """Read neither bodies nor results for a list."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        return super().get_queryset(*args, **kwargs).defer("body", "result")


@admin.register(IngestEvent)
class IngestEventAdmin(DecideMixin, RawBodyMixin, ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing here is edited or deleted: what was accepted and not applied stays until it is."""

    list_display = (
        "id",
        "received",
        "event_type",
        "device_serial",
        "power_bank_serial",
        "state_badge",
        "attempts",
        "last_error_code",
        "next_try",
    )
    list_filter = ("state", EventTypeFilter, ReceivedFilter, StationFilter, PowerBankFilter)
    list_per_page = 50
    # Keys grow with the time of receipt, and each table has an index on them.
    ordering = ("-pk",)
    sortable_by = ("id",)
    paginator = BoundedPaginator
    search_fields = ("device_serial",)
    search_help_text = _(
        "A serial number (of a known station or bank its beginning is enough), an event's id, or the"
        " SHA-256 of a body. Several words have to fit together."
    )
    change_list_template = "django_iot_ingest/admin/bounded_list.html"
    change_form_template = "django_iot_ingest/admin/event.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "state_explained",
                    "event_type",
                    "device_serial",
                    "power_bank_serial",
                    "happened",
                    "received",
                    "signed",
                    "sha256",
                )
            },
        ),
        (
            _("Processing"),
            {
                "fields": (
                    "attempts",
                    "error_explained",
                    "took",
                    "applied",
                    "next_try",
                )
            },
        ),
    )
    readonly_fields = (
        "state_explained",
        "happened",
        "received",
        "signed",
        "error_explained",
        "took",
        "applied",
        "next_try",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return InboxChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        for word in search_term.split():
            queryset = queryset.filter(_named(word))
        return queryset, False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        row = kwargs.get("obj")
        if row is not None:
            links = Links(self.admin_site, request)
            context = {
                **context,
                **self.shown_body(row),
                "subjects": related.subjects_of(row, links),
                "result": ShownResult.of(row.result),
                "decisions": _decisions(row),
                "verdicts": self.possible_verdicts(request, row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("state"))
    def state_badge(self, row: IngestEvent) -> str:
        text = row.get_state_display()
        return format_html('<span class="iot-state iot-state-{}">{}</span>', row.state, text)

    @admin.display(description=_("state"))
    def state_explained(self, row: IngestEvent) -> str:
        return _explained(self.state_badge(row), meanings.of_state(row.state))

    @admin.display(description=_("event time"), empty_value="–")
    def happened(self, row: IngestEvent) -> str | None:
        return moment(row.event_time)

    @admin.display(description=_("received at"))
    def received(self, row: IngestEvent) -> str | None:
        return moment(row.received_at)

    @admin.display(description=_("signed at"))
    def signed(self, row: IngestEvent) -> str | None:
        return moment(native(datetime.fromtimestamp(row.signed_at, UTC)))

    @admin.display(description=_("last error"), empty_value="–")
    def error_explained(self, row: IngestEvent) -> str | None:
        code = row.last_error_code
        if not code:
            return None
        return _explained(format_html("<code>{}</code>", code), meanings.of_error(code))

    @admin.display(description=_("last attempt took"), empty_value="–")
    def took(self, row: IngestEvent) -> str | None:
        return milliseconds(row.duration)

    @admin.display(description=_("applied at"), empty_value="–")
    def applied(self, row: IngestEvent) -> str | None:
        return moment(row.applied_at)

    @admin.display(description=_("next try"), empty_value="–")
    def next_try(self, row: IngestEvent) -> str | None:
        return moment(row.retry_at)


def _named(word: str) -> Q:
    """Return the condition that a word names an event: each part of it has an index, but for the
    SHA-256 of what may come again."""
    if _SHA256.fullmatch(word):
        digest = word.lower()
        is_keyed = IngestEvent.objects.filter(dedup_key=digest).exists()
        return Q(dedup_key=digest) if is_keyed else Q(sha256=digest)
    found = Q(device_serial__in=_serials(get_station_model(), word))
    found |= Q(power_bank_serial__in=_serials(get_power_bank_model(), word))
    return found | Q(pk=int(word)) if _ID.fullmatch(word) else found


def _serials(model: type[Any], word: str) -> list[str]:
    """Return a word, and the serial numbers of known devices that begin with it.

    In a statement of its own: columns whose collations differ cannot be compared on MariaDB.
    """
    known = model._default_manager.filter(serial_number__startswith=word)
    serials = known.order_by("serial_number").values_list("serial_number", flat=True)
    return [word, *serials[:MOST_DEVICES]]


def _explained(shown: str, meaning: str) -> str:
    return format_html('{}<p class="iot-meaning">{}</p>', shown, meaning)


def _decisions(row: IngestEvent) -> list[LogEntry]:
    """Return who decided what about an event, the newest first."""
    kind = ContentType.objects.get_for_model(IngestEvent)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
    return list(entries.select_related("user").order_by("-action_time")[: related.NEWEST])
