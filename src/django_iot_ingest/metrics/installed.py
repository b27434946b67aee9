"""Whether there is a Prometheus client: the extra ``metrics``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

client: Any
try:
    import prometheus_client as client
except ImportError:  # the extra is not installed
    client = None


def is_installed() -> bool:
    """Return whether anything can be counted and shown."""
    return client is not None


def require() -> None:
    """Raise ``ImproperlyConfigured``, with the way out, without it."""
    if not is_installed():
        raise ImproperlyConfigured(
            "Metrics need prometheus-client: pip install 'django-iot-ingest[metrics]', or take "
            "MetricsView out of your URLconf."
        )
