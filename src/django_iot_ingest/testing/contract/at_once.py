"""The same at the same instant: threads, connections and row locks of a real database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, connections, transaction

from django_iot_ingest.client import SUCCESS
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.database import alias
from django_iot_ingest.events import PowerBankReturned
from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.testing.contract.case import BANK, ContractCase
from django_iot_ingest.testing.contract.faults import (
    HOOK_TWICE,
    NO_LOCK,
    RENTED_TWICE,
    RETURN_LOST,
)

COPIES = 6
LONG_ENOUGH = 0.2
"""Seconds in a hook, while the copies arrive."""

PATIENCE = 60
"""Seconds after which all threads together have failed."""


class AtOnce(ContractCase):
    """Skipped on SQLite, which has neither row locks nor two writers: use the real database."""

    def test_copies_at_the_same_instant_run_the_hook_once(self) -> None:
        """The gateway sends from many threads, and a reset connection sends the same bytes again."""
        self.need_row_locks()
        self.rent()
        event = self.a_return()
        self.gateway.post(event, timestamp="0")  # logs in, and is refused
        self.watch.inside = lambda event: time.sleep(LONG_ENOUGH)
        statuses = at_once([lambda: self.gateway.post(event).status_code] * COPIES)
        if SUCCESS not in statuses:
            self.blame(RETURN_LOST, f"{COPIES} copies of a return at once were answered {statuses}")
        effects = self.effects()
        self.gateway.send(event)
        self.expect_calls(1, f"{COPIES} copies of a return at once")
        self.expect_same(HOOK_TWICE, effects, self.effects(), "after one copy more")

    def test_the_hook_has_the_bank_locked(self) -> None:
        """Whether the return changes the bank, or belongs to an earlier rental and does not."""
        self.need_row_locks()
        free: list[str] = []

        def look(event: PowerBankReturned) -> None:
            if at_once([lambda: can_lock(event.power_bank.pk)]) == [True]:
                free.append("a return" if event.was_rented else "a return of an earlier rental")

        self.watch.inside = look
        self.rent()
        self.gateway.send(self.a_return(minutes=90))
        self.gateway.send(self.a_return())
        if free:
            told = " and ".join(free)
            self.blame(NO_LOCK, f"while the hook of {told} ran, another connection locked the bank")

    def test_of_two_rentals_at_the_same_instant_one_begins(self) -> None:
        """Two people take the same bank."""
        self.need_row_locks()
        begun = at_once([lambda: self.begins()] * COPIES)
        if begun.count(True) != 1:
            seen = f"of {COPIES} rentals of one bank at once {begun.count(True)} began"
            self.blame(RENTED_TWICE, seen)

    def begins(self) -> bool:
        """Return whether a rental could begin."""
        try:
            self.prepare_rental(self.bank(BANK), self.now)
        except AlreadyRented:
            return False
        return True

    def need_row_locks(self) -> None:
        """Skip the check on a database that has none."""
        if not connections[alias()].features.has_select_for_update_nowait:
            self.skipTest("needs row locks: run the suite on the database that you deploy on")


def can_lock(key: Any) -> bool:
    """Return whether this connection gets the lock of a bank."""
    banks = get_power_bank_model()._base_manager.using(alias())
    try:
        with transaction.atomic(using=alias()):
            banks.select_for_update(nowait=True).get(pk=key)
    except DatabaseError:
        return False
    return True


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each on a thread and a connection of its own, begun together; return what each returned.

    What a thread raises, this raises.
    """
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(place: int) -> None:
        try:
            barrier.wait(PATIENCE)
            results[place] = works[place]()
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            errors.append(error)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(works))
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for error in errors:
        raise error
    if any(thread.is_alive() for thread in threads):
        raise AssertionError(f"a thread was not done after {PATIENCE} s")
    return results
