"""Each way at an address of its own, and one that does nothing: what the web server itself costs."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from benchmarks import floor, rivals


def nothing(request: HttpRequest) -> JsonResponse:
    """Read the body and answer."""
    return JsonResponse({"success": True, "length": len(request.body)})


urlpatterns = [
    path("nothing", nothing),
    path("floor", floor.view),
    path("per_row", rivals.per_row),
    path("bulk", rivals.bulk),
    path("", include("django_iot_ingest.urls")),
]
