"""The Django app."""

from django.apps import AppConfig
from django.core import checks


class FleetConfig(AppConfig):
    name = "fleet"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from fleet.checks import check_secret_key

        checks.register(check_secret_key, checks.Tags.security)
