"""Signals for observers. All are sent after commit, robustly: a receiver can break nothing.

================================  ==================================================================
``station_synced``                ``station``, ``event`` (the report that was applied)
``station_status_changed``        ``event``: ``StationStatusChanged``
``power_bank_returned``           ``event``: ``PowerBankReturned``
``power_bank_missing``            ``event``: ``PowerBankMissing``
``event_failed``                  ``event_id`` (or None), ``event_type``, ``device_serial``, ``error_code``
``request_refused``               ``reason`` (the answer's ``error``), ``request_id``
================================  ==================================================================

The sender is the sync service's class; for ``request_refused`` the view's.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

from django_iot_ingest import faults, logs

logger = logging.getLogger(__name__)


class ObserverSignal(Signal):
    """Django's own, but for what it logs: the frames of ``send_robust`` hold the whole event."""

    def _log_robust_failure(self, receiver: Any, err: Exception) -> None:
        name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
        told = {"receiver": name, "error_code": faults.code_of(err)}
        line = "StationSyncService: the receiver %s failed%s"
        logger.error(line, name, logs.trace(err), extra=told)


station_synced = ObserverSignal()
station_status_changed = ObserverSignal()
power_bank_returned = ObserverSignal()
power_bank_missing = ObserverSignal()
event_failed = ObserverSignal()
request_refused = ObserverSignal()
