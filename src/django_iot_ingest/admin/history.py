"""The history of stations: every change of status, and how long the one before had lasted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin.base import ReadOnlyMixin
from django_iot_ingest.admin.filters import StationFilter, ToStatusFilter
from django_iot_ingest.admin.paging import BoundedPaginator
from django_iot_ingest.admin.related import status_name
from django_iot_ingest.admin.spans import in_words, moment


class StationStatusChangeAdmin(ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: the sync records it, and bills of an operator may rest on it."""

    list_display = ("changed", "device_serial", "from_name", "to_name", "lasted", "trigger")
    list_filter = ("trigger", ToStatusFilter, StationFilter)
    list_per_page = 50
    # About the order of its times: keys grow with them.
    ordering = ("-pk",)
    sortable_by = ()
    paginator = BoundedPaginator
    search_fields = ("device_serial__exact",)
    search_help_text = _("A station's whole serial number.")
    change_list_template = "django_iot_ingest/admin/bounded_list.html"
    fields = ("device_serial", "from_name", "to_name", "changed", "lasted", "trigger")
    readonly_fields = ("changed", "from_name", "to_name", "lasted")

    @admin.display(description=_("changed at"))
    def changed(self, row: Any) -> str:
        """Return when it changed."""
        return moment(row.changed_at)

    @admin.display(description=_("from status"))
    def from_name(self, row: Any) -> Any:
        """Return the status before, as operators call it."""
        return status_name(row.from_status)

    @admin.display(description=_("to status"))
    def to_name(self, row: Any) -> Any:
        """Return the status after, as operators call it."""
        return status_name(row.to_status)

    @admin.display(description=_("that had lasted"))
    def lasted(self, row: Any) -> str:
        """Return how long the status before had lasted, in words."""
        return in_words(row.seconds_in_previous)
