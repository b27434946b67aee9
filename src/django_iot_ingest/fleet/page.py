"""The fleet page in an admin site.

A host with a site of its own registers it there: ``site.register(Fleet, FleetAdmin)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.fleet import kinds, numbers, stations
from django_iot_ingest.fleet.needs import needs
from django_iot_ingest.fleet.plots import plots
from django_iot_ingest.models import Fleet

TEMPLATES = "django_iot_ingest/fleet"

REFRESH = "X-Iot-Refresh"
"""The header by which the page asks for its changing part alone."""


class FleetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Show the fleet where other models show their rows; there is nothing to add, change or delete.

    Whoever has the permission ``view_fleet`` sees all stations.
    """

    refresh_seconds = 15
    """Seconds between two refreshes of the page by itself."""

    kept_seconds = numbers.KEPT_SECONDS
    """Seconds that a process shows the same numbers, however many look."""

    def get_urls(self) -> list[URLPattern]:
        """Serve one page: a row of the proxy is an event, and is the inbox's to show."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        view: Callable[..., Any] = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name=name)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let nobody add anything: the page has no table."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody change anything; who may view the page still can."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody delete anything: the page has no table."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer with the page, or with its changing part."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self._changing(request), **(extra_context or {})}
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        if request.headers.get(REFRESH):
            return TemplateResponse(request, f"{TEMPLATES}/content.html", context)
        context |= {**self.admin_site.each_context(request), **self._fixed(context["query"])}
        return TemplateResponse(request, f"{TEMPLATES}/page.html", context)

    def _changing(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a refresh brings."""
        # That package registers this class, and so cannot be imported before it is made.
        from django_iot_ingest.admin.links import Links

        links = Links(self.admin_site, request)
        now = numbers.kept.get(self.kept_seconds)
        query = stations.Query.of(request.GET)
        return {
            "query": query,
            "numbers": now,
            "needs": needs(now, links),
            "tiles": _tiles(now),
            "charts": plots(now),
            "listing": stations.listing(query, now.hour.now, links),
            "is_empty": not sum(now.stations.values()),
            "endpoint": _endpoint(),
        }

    def _fixed(self, query: stations.Query) -> dict[str, Any]:
        """Return what only the whole page shows."""
        return {
            "title": _("Fleet"),
            "opts": self.opts,
            "refresh_seconds": self.refresh_seconds,
            "refresh_header": REFRESH,
            "statuses": stations.choices(stations.STATUSES, query.status),
            "sorts": stations.choices(stations.SORTS, query.sort),
            "here": query.address(page=query.page),
        }


def _tiles(now: numbers.Numbers) -> list[tuple[Any, list[tuple[str, Any, int, str]]]]:
    """Return two groups of numbers: key, label, count, and where the rows are."""
    of_stations = [
        (kind, kinds.STATIONS[kind], count, f"?status={kind}")
        for kind, count in now.stations.items()
    ]
    of_banks = [(kind, kinds.BANKS[kind], count, "") for kind, count in now.banks.items()]
    return [(_("Stations"), of_stations), (_("Power banks"), of_banks)]


def _endpoint() -> str:
    """Return where the gateway posts to, if the host has included our URLs."""
    try:
        return reverse("django_iot_ingest:station-data")
    except NoReverseMatch:
        return ""


__all__ = ["Fleet", "FleetAdmin"]
