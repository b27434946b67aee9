"""The rest of the host's settings, as far as the endpoint depends on them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.urls import reverse

from django_iot_ingest.checks.values import TAG, attempt
from django_iot_ingest.conf import ingest_settings

URL_NAME = "django_iot_ingest:station-data"


@register(TAG)
def check_upload_limit(**kwargs: Any) -> list[CheckMessage]:
    """Warn where Django refuses a body that we would take."""
    limit = getattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", None)
    wanted = ingest_settings.MAX_BODY_BYTES
    if not isinstance(limit, int) or not isinstance(wanted, int) or limit >= wanted:
        return []
    return [
        Warning(
            f"DATA_UPLOAD_MAX_MEMORY_SIZE is {limit}, less than the {wanted} bytes of "
            "IOT_INGEST's MAX_BODY_BYTES: larger bodies are refused.",
            hint=f"Write DATA_UPLOAD_MAX_MEMORY_SIZE = {wanted}.",
            id="iot_ingest.W093",
        )
    ]


@register(TAG)
def check_url(**kwargs: Any) -> list[CheckMessage]:
    """Warn where the endpoint has no URL, or the URLconf cannot even be imported."""
    _, problem = attempt(reverse, URL_NAME)
    if not problem:
        return []
    return [
        Warning(
            f"The URL {URL_NAME} does not exist: {problem}",
            hint='Add path("api/internal/", include("django_iot_ingest.urls")) to the urlpatterns '
            "of ROOT_URLCONF, outside of any other namespace.",
            id="iot_ingest.W094",
        )
    ]
