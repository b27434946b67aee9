"""The Django app."""

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class DjangoIotIngestConfig(AppConfig):
    """Register the system checks, the built-in event types, the OpenAPI description, and whoever
    counts and traces."""

    name = "django_iot_ingest"
    verbose_name = _("IoT ingest")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and whichever extras are installed."""
        from django_iot_ingest import checks, metrics, tracing  # noqa: F401

        metrics.install()
        tracing.install()
        if apps.is_installed("drf_spectacular"):
            from django_iot_ingest.openapi import extensions  # noqa: F401
