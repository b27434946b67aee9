"""The page that Prometheus reads, for a host that has no other exporter."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from django_iot_ingest.metrics import installed
from django_iot_ingest.operators import OperatorView, may_see

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus_client looks at: the folder where all processes count."""


class MetricsView(OperatorView):
    """``GET``: all that this process counts, or all processes together, and what the database says.

    For whoever has the bearer ``token`` that ``as_view`` is given, and for staff that may see the
    fleet page; nobody else.
    """

    registry: Any = None
    """What is shown; by default ``prometheus_client.REGISTRY``."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view; ``ImproperlyConfigured`` without prometheus_client."""
        installed.require()
        return super().as_view(**initkwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the numbers in Prometheus' text format, whatever ``Accept`` says."""
        if not may_see(request, self.token):
            return self.refuse()
        text = installed.client.generate_latest(self.shown())
        return HttpResponse(text, content_type=installed.client.CONTENT_TYPE_LATEST)

    def shown(self) -> Any:
        """Return the registry that is shown: in multiprocess mode one of all processes' counts."""
        if self.registry is not None:
            return self.registry
        if MULTIPROCESS not in os.environ:
            return installed.client.REGISTRY
        return of_all_processes()


def of_all_processes() -> Any:
    """Return a registry of what all processes have counted, and the database's numbers once."""
    from prometheus_client import multiprocess

    from django_iot_ingest.metrics.collector import DatabaseCollector

    registry = installed.client.CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{MULTIPROCESS} must be a folder that exists before a process starts, not "
            f"{os.environ[MULTIPROCESS]!r}."
        ) from error
    registry.register(DatabaseCollector())
    return registry
