"""The inbox: what came, what became of it and why, and what can be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin import meanings, related, search
from django_iot_ingest.admin.base import ReadOnlyMixin
from django_iot_ingest.admin.decide import DecideMixin
from django_iot_ingest.admin.decisions import decisions_about
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
from django_iot_ingest.admin.spans import UNKNOWN, milliseconds, moment
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import native


class InboxChangeList(ChangeList):
    """Read neither bodies nor results for a list."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        """Leave out the columns that no list shows and that can be long."""
        return super().get_queryset(*args, **kwargs).defer("body", "result")


class IngestEventAdmin(DecideMixin, RawBodyMixin, ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing here is edited or deleted: what was accepted and not applied stays until it is."""

    list_display = (
        "number",
        "received",
        "state_badge",
        "event_type",
        "device_serial",
        "power_bank_serial",
        "attempts",
        "last_error_code",
        "next_try",
    )
    list_filter = ("state", EventTypeFilter, ReceivedFilter, StationFilter, PowerBankFilter)
    list_per_page = 50
    # Keys grow with the time of receipt, and each table has an index on them.
    ordering = ("-pk",)
    sortable_by = ("number",)
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
        """Return our list, which reads no bodies."""
        return InboxChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the rows that every word names."""
        for word in search_term.split():
            queryset = queryset.filter(search.named(word))
        return queryset, False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add what the event names, what became of it, and its body."""
        row = kwargs.get("obj")
        if row is not None:
            links = Links(self.admin_site, request)
            context = {
                **context,
                **self.shown_body(row),
                "subjects": related.subjects_of(row, links),
                "result": ShownResult.of(row.result),
                "decisions": decisions_about(row),
                "verdicts": self.possible_verdicts(request, row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("ID"), ordering="id")
    def number(self, row: IngestEvent) -> str:
        """Return the id as the search takes it: it has no thousands separators."""
        return str(row.pk)

    @admin.display(description=_("state"))
    def state_badge(self, row: IngestEvent) -> str:
        """Return the state, coloured."""
        text = row.get_state_display()
        return format_html('<span class="iot-state iot-state-{}">{}</span>', row.state, text)

    @admin.display(description=_("state"))
    def state_explained(self, row: IngestEvent) -> str:
        """Return the state with what it means."""
        return _explained(self.state_badge(row), meanings.of_state(row.state))

    @admin.display(description=_("event time"))
    def happened(self, row: IngestEvent) -> str:
        """Return the event's own time."""
        return moment(row.event_time)

    @admin.display(description=_("received at"))
    def received(self, row: IngestEvent) -> str:
        """Return when the request arrived."""
        return moment(row.received_at)

    @admin.display(description=_("signed at"))
    def signed(self, row: IngestEvent) -> str:
        """Return the time that the request was signed with."""
        return moment(native(datetime.fromtimestamp(row.signed_at, UTC)))

    @admin.display(description=_("last error"))
    def error_explained(self, row: IngestEvent) -> str:
        """Return the code of the last error with what it means."""
        code = row.last_error_code
        if not code:
            return UNKNOWN
        return _explained(format_html("<code>{}</code>", code), meanings.of_error(code))

    @admin.display(description=_("last attempt took"))
    def took(self, row: IngestEvent) -> str:
        """Return how long the last attempt took, in milliseconds."""
        return milliseconds(row.duration)

    @admin.display(description=_("applied at"))
    def applied(self, row: IngestEvent) -> str:
        """Return when it was applied."""
        return moment(row.applied_at)

    @admin.display(description=_("next try"))
    def next_try(self, row: IngestEvent) -> str:
        """Return when the sweeper takes it up again."""
        return moment(row.retry_at)


def _explained(shown: str, meaning: str) -> str:
    return format_html('{}<p class="iot-meaning">{}</p>', shown, meaning)
