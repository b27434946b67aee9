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

from django.dispatch import Signal

station_synced = Signal()
station_status_changed = Signal()
power_bank_returned = Signal()
power_bank_missing = Signal()
event_failed = Signal()
request_refused = Signal()
