"""Refused requests of senders whose bearer token held: what came, and what was wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin.base import ReadOnlyMixin
from django_iot_ingest.admin.raw import RawBodyMixin
from django_iot_ingest.admin.spans import moment
from django_iot_ingest.doctor import refused, requests
from django_iot_ingest.doctor.search import Budget
from django_iot_ingest.doctor.show import Report
from django_iot_ingest.models import RefusedRequest

PAGE_TRIES, PAGE_BYTES = 100_000, 100_000_000
"""Ways to sign, and bytes, that a page's search tries: a fraction of a second, of the largest bodies 3 s."""


class RefusedRequestAdmin(RawBodyMixin, ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only, and deleted at will: nothing here was accepted."""

    list_display = ("request_id", "received", "reason", "client_address")
    list_filter = ("reason",)
    list_per_page = 50
    ordering = ("-pk",)
    search_fields = ("request_id__exact", "client_address__exact")
    search_help_text = _("The request id of an answer or a log line, or a client's address.")
    change_form_template = "django_iot_ingest/admin/refused.html"
    fields = ("request_id", "reason", "received", "client_address", "command")
    readonly_fields = ("received", "command")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those delete a row who have the permission to: it is a copy, not an event."""
        permission = f"{self.opts.app_label}.delete_{self.opts.model_name}"
        return request.user.has_perm(permission)  # type: ignore[union-attr]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the body, which can be long."""
        return super().get_queryset(request).defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id may be written as a UUID is, with dashes."""
        term = search_term.strip()
        bare = term.replace("-", "").lower()
        found = queryset.filter(request_id=bare) | queryset.filter(client_address=term)
        return (found if term else queryset), False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the headers, the diagnosis and the body."""
        row = kwargs.get("obj")
        if row is not None:
            headers = row.headers if isinstance(row.headers, dict) else {}
            context = {
                **context,
                **self.shown_body(row),
                "headers": headers.items(),
                "diagnosis": self.diagnosis(row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("received at"), ordering="received_at")
    def received(self, row: Any) -> str:
        """Return when the request arrived."""
        return moment(row.received_at)

    @admin.display(description=_("on the command line"))
    def command(self, row: Any) -> str:
        """Return the command that says the same, after a longer search."""
        return format_html("<code>python manage.py iot_doctor {}</code>", row.request_id)

    def diagnosis(self, row: RefusedRequest) -> Report:
        """Return what was wrong with a request, as far as a short search finds it."""
        budget = Budget(tries=PAGE_TRIES, size=PAGE_BYTES)
        return requests.report_of(refused.of_row(row), budget)
