"""Numbers for Prometheus (the extra ``metrics``): counted as they happen, or asked of the database.

Every name begins with ``iot_ingest_``. No label holds a serial number, an address or a free text.
"""

from __future__ import annotations

from django_iot_ingest import telemetry
from django_iot_ingest.metrics import installed
from django_iot_ingest.metrics.installed import is_installed
from django_iot_ingest.metrics.view import MetricsView, of_all_processes

__all__ = ["MetricsView", "install", "is_installed", "of_all_processes"]


def install() -> None:
    """Count in ``prometheus_client.REGISTRY``, if there is one, and let it ask the database.

    Once in a process: Django gets apps ready anew for tests that change ``INSTALLED_APPS``.
    """
    if not is_installed():
        return
    from django_iot_ingest.metrics.collector import DatabaseCollector
    from django_iot_ingest.metrics.recorder import Recorder

    if not telemetry.is_connected(Recorder):
        telemetry.connect(Recorder(installed.client.REGISTRY))
        installed.client.REGISTRY.register(DatabaseCollector())
