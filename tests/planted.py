"""A host with one fault of each kind: what the contract suite has to name.

Each is a way in which a real host could break what the package promises. A service stands in for
``fleet``'s own; what is no service is put in place for one check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.test import override_settings

from django_iot_ingest import event_types
from django_iot_ingest.events import FullReport, PowerBankReturned, ReturnReport, StatusReport
from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.services import Outcome, postgresql
from fleet.models import PowerBank, Rental, Station, StationSlot
from fleet.rentals import end_rental
from fleet.sync import FleetSyncService

BETWEEN = 0.1
"""Seconds between a look and what is done about it."""

charges: list[Any] = []
"""A payment service's, which no rollback reaches."""


class AppliedTwice(FleetSyncService):
    """Apply each return twice, as a retry inside the transaction would."""

    def apply_returned(self, report: ReturnReport) -> Outcome:
        super().apply_returned(report)
        return super().apply_returned(report)


class EndsTheNewest(FleetSyncService):
    """End the newest rental, whenever it began."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        rental = Rental.objects.filter(power_bank_id=event.power_bank.pk).last()
        end_rental(event.power_bank, max(event.occurred_at, rental.started_at))  # type: ignore


class Swallows(FleetSyncService):
    """Report success, whatever was raised."""

    def apply_returned(self, report: ReturnReport) -> Outcome:
        try:
            with transaction.atomic():
                return super().apply_returned(report)
        except Exception:  # noqa: BLE001 - that is the fault
            return Outcome()


class Forgives(FleetSyncService):
    """Catch an error of its own, and go on as if nothing were."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        try:
            raise RuntimeError("billing is away")
        except RuntimeError:
            return


class ChargesInside(FleetSyncService):
    """Call the payment service inside the hook."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        super().on_power_bank_returned(event)
        charges.append(f"charge {len(charges) + 1}")


class LastIsNewest(FleetSyncService):
    """Take what comes last for what is newest."""

    def apply_full(self, report: FullReport) -> Outcome:
        return super().apply_full(self.renewed(report, "last_full_at"))

    def apply_status(self, report: StatusReport) -> Outcome:
        return super().apply_status(self.renewed(report, "last_status_at"))

    def renewed(self, report: Any, clock: str) -> Any:
        known = Station.objects.filter(serial_number=report.device_serial).first()
        newest = getattr(known, clock, None) or report.event_time
        return replace(report, event_time=max(report.event_time, newest))


class Overwrites(FleetSyncService):
    """Put a bank that is back in service again, and save all of it."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        super().on_power_bank_returned(event)
        bank: Any = event.power_bank
        bank.out_of_service, bank.purchased_on = False, None
        bank.save()


class FirstSlot(FleetSyncService):
    """Put every bank that comes back into the station's second slot."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        super().on_power_bank_returned(event)
        second = StationSlot.objects.filter(station=event.station.pk, slot_number=2).first()
        PowerBank.objects.filter(pk=event.power_bank.pk).update(current_slot=second)


class Receiptless(event_types.Returned):
    """A return of the host's own, which is not told to be applied exactly once."""

    exactly_once = False


class Unlocked(models.Manager):
    """A base manager whose rows are read from a cache, a replica, or otherwise without a lock."""

    def get_queryset(self) -> Any:
        class Rows(models.QuerySet):
            def select_for_update(self, **_: Any) -> Any:
                return self.all()

        return Rows(self.model, using=self._db)


@contextmanager
def receiptless() -> Iterator[None]:
    """Replace the type of returns."""
    event_types.register(Receiptless)
    try:
        yield
    finally:
        event_types.register(event_types.Returned)


@contextmanager
def unlocked() -> Iterator[None]:
    """Give the banks such a manager, as ``base_manager_name`` would."""
    meta: Any = PowerBank._meta
    manager = Unlocked()
    manager.name = "objects"

    def forget() -> None:
        meta._expire_cache()
        postgresql.is_plain.cache_clear()

    with (
        mock.patch.object(meta, "local_managers", [manager]),
        mock.patch.object(meta, "base_manager_name", "objects"),
    ):
        forget()
        yield
    forget()


def configured(**changed: Any) -> Callable[[], AbstractContextManager[Any]]:
    """Return a context in which settings of the plugin are otherwise."""
    return lambda: override_settings(IOT_INGEST={**settings.IOT_INGEST, **changed})


def rent_by_hand(power_bank: Any, at: Any) -> None:
    """Look first, then rent: what two people at once can both do."""
    if power_bank.status == PowerBank.Status.RENTED:
        raise AlreadyRented
    time.sleep(BETWEEN)
    PowerBank.objects.filter(pk=power_bank.pk).update(
        status=PowerBank.Status.RENTED, rented_at=at, current_slot=None, current_station=None
    )
    user, _ = get_user_model().objects.get_or_create(username="renter")
    Rental.objects.create(power_bank=power_bank, user=user, started_at=at)


@dataclass(frozen=True)
class Planted:
    """A fault, the checks that have to find it, and no others, and the name they have to give it.

    The message of the first check is the one that the page shows.
    """

    title: str
    name: str
    checks: tuple[str, ...]
    service: type[FleetSyncService] = FleetSyncService
    place: Callable[[], AbstractContextManager[Any]] = nullcontext
    rent: Callable[..., Any] | None = None
    needs_locks: bool = False

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the fault while the block runs."""
        charges.clear()
        path = f"{self.service.__module__}.{self.service.__qualname__}"
        with configured(SYNC_SERVICE=path)(), self.place():
            yield


FAULTS = (
    Planted(
        "The hook runs twice for one event",
        "hook applied twice",
        (
            "test_a_repeated_return_runs_its_hook_once",
            "test_a_refused_return_is_applied_by_the_next_try",
            "test_a_refused_return_waits_and_is_applied_later",
            "test_copies_at_the_same_instant_run_the_hook_once",
            "test_in_chaos_each_return_runs_its_hook_once",
        ),
        AppliedTwice,
    ),
    Planted(
        "The hook runs for each copy",
        "hook applied twice",
        (
            "test_a_repeated_return_runs_its_hook_once",
            "test_a_refused_return_waits_and_is_applied_later",
            "test_copies_at_the_same_instant_run_the_hook_once",
            "test_in_chaos_each_return_runs_its_hook_once",
        ),
        place=receiptless,
    ),
    Planted(
        "A late return ends somebody else's rental",
        "a rental ended that had not begun",
        ("test_a_late_return_leaves_a_rental_that_began_after_it",),
        EndsTheNewest,
    ),
    Planted(
        "A refusal is swallowed",
        "return lost",
        (
            "test_a_refused_return_waits_and_is_applied_later",
            "test_a_refused_return_is_applied_by_the_next_try",
        ),
        Swallows,
    ),
    Planted(
        "The hook hides its own error",
        "a return did nothing",
        ("test_a_repeated_return_runs_its_hook_once",),
        Forgives,
    ),
    Planted(
        "The hook charges inside the transaction",
        "a refused hook left something behind",
        (
            "test_a_refusal_undoes_what_the_hook_did",
            "test_a_refusal_in_a_snapshot_is_tried_again_by_the_next",
        ),
        ChargesInside,
    ),
    Planted(
        "What arrives last counts as newest",
        "stale accepted",
        ("test_an_older_full_changes_nothing", "test_an_older_status_changes_nothing"),
        LastIsNewest,
    ),
    Planted(
        "A hook writes the operator's columns",
        "operator column overwritten",
        ("test_a_return_leaves_the_operators_columns",),
        Overwrites,
    ),
    Planted(
        "A snapshot right after the eject ends the rental",
        "a rented bank was taken back",
        ("test_a_snapshot_right_after_the_eject_leaves_a_rented_bank",),
        place=configured(EJECT_GRACE=0),
    ),
    Planted(
        "A hook moves the bank",
        "two banks in one slot",
        ("test_two_stations_that_show_the_same_bank",),
        FirstSlot,
    ),
    Planted(
        "Banks are read without a lock",
        "no lock",
        ("test_the_hook_has_the_bank_locked",),
        place=unlocked,
        needs_locks=True,
    ),
    Planted(
        "A rental begins without mark_rented()",
        "rented twice",
        ("test_of_two_rentals_at_the_same_instant_one_begins",),
        rent=rent_by_hand,
        needs_locks=True,
    ),
)
