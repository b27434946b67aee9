"""A suite that a host inherits to check its own models and sync service."""

from __future__ import annotations

from django_iot_ingest.testing.contract.at_once import AtOnce
from django_iot_ingest.testing.contract.columns import Columns
from django_iot_ingest.testing.contract.order import Order
from django_iot_ingest.testing.contract.places import Places
from django_iot_ingest.testing.contract.refusals import Refusals
from django_iot_ingest.testing.contract.returns import Returns


class StationSyncContract(Returns, Refusals, AtOnce, Order, Columns, Places):
    """Hold the configured models and sync service to what the package promises.

    Use it with Django's ``TransactionTestCase``, under Django's runner or pytest::

        class ContractTests(StationSyncContract, TransactionTestCase):
            def prepare_rental(self, power_bank, at):
                rent(power_bank, self.renter, at)

    ``ContractCase`` has what a host may override. A check that fails names the fault, says what was
    seen, and where to look.
    """


__all__ = ["StationSyncContract"]
