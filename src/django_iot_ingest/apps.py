"""The Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DjangoIotIngestConfig(AppConfig):
    """Register the system checks and the built-in event types."""

    name = "django_iot_ingest"
    verbose_name = _("IoT ingest")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_iot_ingest import checks  # noqa: F401
