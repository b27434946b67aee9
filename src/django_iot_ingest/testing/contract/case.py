"""What every check shares: a station with two banks, the hook under watch, and the host's part."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from django_iot_ingest.conf import get_power_bank_model, get_sync_service
from django_iot_ingest.database import alias
from django_iot_ingest.models import AbstractPowerBank
from django_iot_ingest.testing.client import GatewayClient, applied_at_once
from django_iot_ingest.testing.contract import rows
from django_iot_ingest.testing.contract.faults import HOOK_TWICE, Fault
from django_iot_ingest.testing.contract.watch import HookWatch, watching
from django_iot_ingest.testing.payloads import full_snapshot, returned
from django_iot_ingest.testing.sentinels import other_value_of

if TYPE_CHECKING:
    Base = TransactionTestCase
else:
    Base = object  # a mixin alone is collected by no runner

STATION, ELSEWHERE = "CONTRACT-1", "CONTRACT-2"
BANK, OTHER = "CONTRACT-1-01", "CONTRACT-1-02"
SLOT, OTHER_SLOT, FREE_SLOT = 1, 2, 3

RENTED_FOR, RETURNED_AGO = 60, 10
"""Minutes ago that the rental of a check begins and ends."""


class ContractCase(Base):
    """Begin each check with a station whose two banks were seen three hours ago."""

    written_by_hooks: ClassVar[Collection[str]] = ()
    """Columns of yours that your own hooks write, as ``"PowerBank.last_returned_at"``."""

    gateway: GatewayClient
    watch: HookWatch

    # What a host may override

    def make_gateway(self) -> GatewayClient:
        """Return the client that signs; give it a token where simplejwt is not used."""
        return GatewayClient()

    def prepare_rental(self, power_bank: Any, at: datetime) -> None:
        """Begin a rental the way that this host does, ``AlreadyRented`` if the bank is rented."""
        power_bank.mark_rented(at)

    def effects(self) -> Any:
        """Return a snapshot of all that the host's hook for returns does, to be compared.

        By default all rows, but for those of the three models, of their apps and of models with a
        key to one of them. What is kept elsewhere - charges of a fake payment service, messages -
        has to be named here.
        """
        return rows.host_rows()

    def operator_value(self, field: Any, number: int, current: Any) -> Any:
        """Return what an operator writes into a column; ``LookupError`` leaves it as it is."""
        return other_value_of(field, number, current)

    # The suite's own

    @classmethod
    def setUpClass(cls) -> None:
        """Refuse a ``TestCase``, which never commits."""
        if issubclass(cls, TestCase):
            raise TypeError(f"{cls.__name__} needs TransactionTestCase: a TestCase never commits.")
        if cls.__mro__.index(ContractCase) > cls.__mro__.index(TransactionTestCase):
            raise TypeError(f"{cls.__name__} has to name StationSyncContract first of its bases.")
        super().setUpClass()

    def setUp(self) -> None:
        """Apply events at once, whatever the project says, and create what is unknown."""
        super().setUp()
        self.enterContext(applied_at_once())
        self.watch = self.enterContext(watching())
        self.gateway = self.make_gateway()
        self.now = timezone.now()
        self.snapshot({SLOT: BANK, OTHER_SLOT: OTHER}, minutes=180)

    def ago(self, minutes: float) -> datetime:
        """Return a moment before the check began."""
        return self.now - timedelta(minutes=minutes)

    def snapshot(self, banks: dict[int, str], minutes: float, **options: Any) -> dict[str, Any]:
        """Send a snapshot of four slots that was made so many minutes ago."""
        told = {"station": STATION, "slots": 4, "at": self.ago(minutes), **options}
        return self.gateway.send(full_snapshot(banks, **told))

    def rent(self, serial: str = BANK, minutes: float = RENTED_FOR) -> None:
        """Begin a rental so many minutes ago, as the host does."""
        self.prepare_rental(self.bank(serial), self.ago(minutes))

    def a_return(
        self, bank: str = BANK, slot: int = FREE_SLOT, minutes: float = RETURNED_AGO
    ) -> dict[str, Any]:
        """Return the payload of a bank that came back so many minutes ago."""
        return returned(bank, slot, station=STATION, at=self.ago(minutes))

    def bank(self, serial: str = BANK) -> AbstractPowerBank:
        """Return a bank as the tables have it."""
        return get_power_bank_model()._base_manager.using(alias()).get(serial_number=serial)

    def is_rented(self, serial: str = BANK) -> bool:
        """Return whether a bank is rented."""
        return self.bank(serial).status == AbstractPowerBank.Status.RENTED

    def blame(self, fault: Fault, seen: str) -> NoReturn:
        """Fail with the name of a fault."""
        self.fail(fault.told(seen))

    def expect_calls(self, expected: int, after: str) -> None:
        """Expect that so many calls of the hook were committed."""
        calls = len(self.watch.committed)
        if calls > expected:
            service = type(get_sync_service()).__name__
            self.blame(
                HOOK_TWICE,
                f"after {after}, {calls} calls of {service}.on_power_bank_returned() were "
                f"committed, not {expected}",
            )
        self.assertEqual(calls, expected, f"after {after}: the hook was not called")

    def expect_same(self, fault: Fault, before: Any, after: Any, when: str) -> None:
        """Expect that nothing differs."""
        differing = rows.differences(before, after)
        if differing:
            self.blame(fault, f"{when}: " + rows.listed(differing))
