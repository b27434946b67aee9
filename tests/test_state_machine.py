"""A fleet, people who rent, and a gateway that delays, repeats, reorders and misreads.

Each step is compared with ``fleet_model``, a model of the contract. Time stands still but for what
the steps let pass.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.db import connection, transaction
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_iot_ingest import event_types, inbox, ledger, silence, sweeper
from django_iot_ingest.conf import get_power_bank_model, get_sync_service
from django_iot_ingest.database import in_transaction
from django_iot_ingest.events import (
    PowerBankMissing,
    PowerBankReturned,
    Receipt,
    StationStatusChanged,
)
from django_iot_ingest.exceptions import AlreadyRented, TemporarilyUnavailable
from django_iot_ingest.services import StationSyncService
from tests import cells, hosts, payloads
from tests.fleet_model import SWEEP_MAX_ATTEMPTS, Ended, Fleet
from tests.fleet_tables import Tables, as_ended
from tests.matrix import cell_name

BEGIN = 1_795_000_000.0
TICK = 0.125
"""Seconds between two requests: a fraction that floats and every database hold exactly."""


STATIONS = ("north", "south")
SLOTS = (1, 2, 3)
BANKS = ("b1", "b2", "b3", "b4")
IN_HAND = (None, None)
PHANTOMS = ("phantom first", "phantom last")
"""A bank that is not there, in a row before or after those that are."""

Place = tuple[str | None, int | None]

stations = st.sampled_from(STATIONS)
slots = st.sampled_from(SLOTS)
banks = st.sampled_from(BANKS)
words = st.sampled_from(["ONLINE", "OFFLINE", "MAINTENANCE"])
picks = st.integers(0, 9)
"""Counted from the newest."""
often = st.sampled_from([True, True, False])
waits = st.sampled_from([0.25, 1, 4, 10, 29, 31, 60, 400, 1500])
skews = st.sampled_from([0, 2, -5, 5, -6, 6, -40, 250])


class FleetMachine(RuleBasedStateMachine):
    """Where each bank really is, what the gateway says of it, and what the tables make of that."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.skew = 0
        self.model = Fleet()
        self.places: dict[str, Place] = {
            "b1": ("north", 1),
            "b2": ("north", 2),
            "b3": ("south", 1),
            "b4": IN_HAND,
        }
        self.said: list[dict[str, Any]] = []
        """Every payload that the gateway has, sent or held back."""
        self.refusing: set[str] = set()
        self.ended: list[Ended] = []
        self.missed: list[str] = []
        self.tables = Tables()
        self.stage = ExitStack()
        self.set_the_stage(type(get_sync_service()))

    def set_the_stage(self, service: type[StationSyncService]) -> None:
        """Patch the clock and the hooks, and begin what ``teardown`` rolls back."""
        hooks = {
            "on_power_bank_returned": self.return_hook(service.on_power_bank_returned),
            "on_power_bank_missing": self.missing_hook,
            "on_station_status_changed": self.status_hook,
        }
        example = transaction.atomic()
        example._from_testcase = True  # type: ignore[attr-defined]
        self.stage.enter_context(mock.patch("django.utils.timezone.now", self.moment))
        self.stage.enter_context(mock.patch.multiple(service, **hooks))
        self.stage.enter_context(example)

    def teardown(self) -> None:
        with self.stage:
            transaction.set_rollback(True)

    # The host

    def moment(self) -> datetime:
        return payloads.moment(self.now)

    def return_hook(self, original: Any) -> Any:
        """Return a hook that may refuse, then does what the host does, then notes its effect."""

        def hook(service: Any, event: PowerBankReturned) -> None:
            self.refuse_if_told(event.power_bank.serial_number)
            original(service, event)
            self.ended.append(as_ended(event))

        return hook

    def missing_hook(self, event: PowerBankMissing) -> None:
        self.refuse_if_told(event.power_bank.serial_number)
        self.missed.append(event.power_bank.serial_number)

    def status_hook(self, event: StationStatusChanged) -> None:
        self.refuse_if_told(event.station.serial_number)

    def refuse_if_told(self, serial: str) -> None:
        if serial in self.refusing:
            self.refusing.remove(serial)
            raise RuntimeError("no")

    @rule(serial=banks | stations)
    def the_next_hook_of(self, serial: str) -> None:
        """... refuses."""
        self.refusing.add(serial)
        self.model.refusing.add(serial)

    @rule(bank=banks, is_ejected=often)
    def rent(self, bank: str, is_ejected: bool) -> None:
        """Rent what the host knows, wherever it is; the slot may fail to open."""
        row = get_power_bank_model().objects.filter(serial_number=bank).first()
        if row is None:
            return
        self.tick()
        if self.model.is_rented(bank):
            with pytest.raises(AlreadyRented):
                hosts.start_rental(row, self.moment())
            return
        hosts.start_rental(row, self.moment())
        self.model.rent(bank)
        if is_ejected:
            self.places[bank] = IN_HAND

    # The world

    @rule(seconds=waits, job=st.sampled_from(["", "sweep", "mark_offline"]))
    def wait(self, seconds: float, job: str = "") -> None:
        """Let time pass, and the host's scheduler come by."""
        self.now += seconds
        self.tick()
        if job:
            {"sweep": sweeper.sweep, "mark_offline": silence.mark_offline}[job]()
            getattr(self.model, job)()

    @rule(seconds=skews)
    def gateway_clock_jumps(self, seconds: int) -> None:
        self.skew = seconds

    @initialize(known=st.sampled_from([STATIONS, STATIONS[:1], ()]))
    def first_contact(self, known: tuple[str, ...]) -> None:
        for station in known:
            self.say(self.snapshot(station), True)

    @rule(bank=banks, station=stations, slot=slots, is_sent=often, is_stamped=often)
    def put_back(self, bank: str, station: str, slot: int, is_sent: bool, is_stamped: bool) -> None:
        """Put a bank into the slot, or the next empty one."""
        order = [*SLOTS[slot - 1 :], *SLOTS[: slot - 1]]
        free = [number for number in order if (station, number) not in self.places.values()]
        if free:
            self.tick()
            self.places[bank] = (station, free[0])
            said = payloads.returned(bank, free[0], at=self.gateway_time, serial=station)
            if not is_stamped:
                said["return_event"]["returned_at"] = None
            self.say(said, is_sent)

    @rule(bank=banks)
    def take(self, bank: str) -> None:
        """Take a bank out without renting it: the host is not told."""
        self.places[bank] = IN_HAND

    @rule(bank=banks, seconds=waits, station=stations, slot=slots, is_sent=often)
    def journey(self, bank: str, seconds: float, station: str, slot: int, is_sent: bool) -> None:
        """What people mostly do."""
        self.rent(bank, True)
        self.wait(seconds)
        self.put_back(bank, station, slot, is_sent, True)

    @rule(bank=banks, seconds=waits, station=stations, slot=slots, later=waits, is_silent=often)
    def unheard_journey(
        self, bank: str, seconds: float, station: str, slot: int, later: float, is_silent: bool
    ) -> None:
        """The return is held back or fails, and a snapshot shows the bank first."""
        self.rent(bank, True)
        self.wait(seconds)
        if not is_silent:
            self.the_next_hook_of(bank)
        self.put_back(bank, station, slot, not is_silent, True)
        self.wait(later)
        self.snapshot_is_taken(station, "none", bank, slot, True)

    @rule(bank=banks, slot=slots, seconds=waits, is_refused=often, oddity=st.sampled_from(PHANTOMS))
    def misread_journey(
        self, bank: str, slot: int, seconds: float, is_refused: bool, oddity: str
    ) -> None:
        """A rented bank is shown where another one is; its hook may refuse to believe it."""
        self.rent(bank, True)
        self.wait(seconds)
        if is_refused:
            self.the_next_hook_of(bank)
        held = [(where, at) for where, at in self.places.values() if where and at]
        station, number = held[slot % len(held)] if held else (STATIONS[0], slot)
        self.snapshot_is_taken(station, oddity, bank, number, True)

    # The gateway

    @rule(
        station=stations,
        oddity=st.sampled_from(["none", "empty", "lacking", "unlisted", *PHANTOMS]),
        bank=banks,
        slot=slots,
        is_sent=often,
    )
    def snapshot_is_taken(
        self, station: str, oddity: str, bank: str, slot: int, is_sent: bool
    ) -> None:
        """Say what is in a station, or misread it."""
        self.say(self.snapshot(station, oddity, bank, slot), is_sent)

    @rule(
        station=stations,
        word=words,
        is_sent=often,
    )
    def status_is_told(self, station: str, word: str, is_sent: bool) -> None:
        self.say(self.status(station, word), is_sent)

    @rule(station=stations, word=words, bank=banks, slot=slots, seconds=waits)
    def overtaken(self, station: str, word: str, bank: str, slot: int, seconds: float) -> None:
        """What was held back arrives after newer events of its kind."""
        held = [self.snapshot(station), self.status(station, word)]
        self.put_back(bank, station, slot, True, True)
        self.wait(seconds)
        for said in (self.snapshot(station), self.status(station, "ONLINE"), *held):
            self.say(said, True)

    @precondition(lambda self: self.said)
    @rule(pick=picks)
    def deliver(self, pick: int) -> None:
        """Send what was held back, or send again: the same body, signed anew."""
        self.send(self.said[-1 - pick % len(self.said)])

    @precondition(lambda self: any(said["type"] == "returned" for said in self.said))
    @rule(pick=picks)
    def process_dies(self, pick: int) -> None:
        """Commit the receipt of a return, and nothing more."""
        returns = [said for said in self.said if said["type"] == "returned"]
        said = returns[-1 - pick % len(returns)]
        receipt = self.receipt(said)
        _, report = event_types.read_receipt(receipt)
        in_transaction(lambda: ledger.receive(receipt, report))
        self.model.receive(said, receipt.signed_at, self.now)

    # The operator

    @precondition(lambda self: self.model.rows)
    @rule(pick=picks)
    def replay(self, pick: int) -> None:
        """Apply any row again."""
        self.tick()
        index = len(self.model.rows) - 1 - pick % len(self.model.rows)
        event_id = list(self.tables.inbox)[index]
        self.compare_states(
            lambda: inbox.apply(event_id).state,
            lambda: self.model.apply(self.model.rows[index], "replay"),
        )

    # What they share

    @property
    def gateway_time(self) -> float:
        return self.now + self.skew

    def tick(self) -> None:
        self.now += TICK
        self.model.now = self.now

    def snapshot(
        self, station: str, oddity: str = "none", bank: str = "", slot: int = 0
    ) -> dict[str, Any]:
        held = {at: name for name, (where, at) in self.places.items() if where == station and at}
        said = payloads.cabinet(held, size=len(SLOTS), serial=station, at=self.gateway_time)
        for row in (*said["slots"], *said["power_banks"]):
            row["battery_level"] = int(self.now) // 4000 % 100
        if oddity == "empty":
            said["slots"] = said["power_banks"] = []
            said["station"]["total_slots"] = 0
        elif oddity in PHANTOMS:
            last = len(said["power_banks"])
            row = payloads.bank_row(bank, slot)
            said["power_banks"].insert(0 if oddity == "phantom first" else last, row)
        elif oddity in ("lacking", "unlisted"):
            said["power_banks"] = [
                row for row in said["power_banks"] if row["serial_number"] != bank
            ]
            for row in said["slots"]:
                if oddity == "lacking" and row.get("power_bank_serial") == bank:
                    del row["power_bank_serial"]
        return said

    def status(self, station: str, word: str) -> dict[str, Any]:
        return payloads.status(word, at=self.gateway_time, serial=station)

    def say(self, said: dict[str, Any], is_sent: bool) -> None:
        self.said.append(said)
        if is_sent:
            self.send(said)

    def receipt(self, said: dict[str, Any]) -> Receipt:
        self.tick()
        return Receipt(payloads.encode(said), int(self.gateway_time), self.moment())

    def send(self, said: dict[str, Any]) -> None:
        receipt = self.receipt(said)
        event_type, report = event_types.read_receipt(receipt)
        self.compare_states(
            lambda: inbox.ingest(event_type, report, receipt).state,
            lambda: self.model.deliver(said, receipt.signed_at, self.now),
        )

    def compare_states(self, work: Any, expect: Any) -> None:
        """Do it; what is stale or was done before changes nothing but ``last_heard_at``."""
        expected = expect()
        is_idle = expected in ("stale", "duplicate")
        before = Tables().but_for_heard_at() if is_idle else None
        try:
            state = work()
        except TemporarilyUnavailable:
            state = "failed"
        assert state == ("failed" if expected == "dead" else expected)
        if is_idle:
            assert Tables().but_for_heard_at() == before

    # What always holds

    @invariant()
    def tables_are_as_the_model_says(self) -> None:
        self.tables = Tables()
        tables, world = self.tables, self.model.world
        assert tables.station_columns() == {
            serial: (station.status, station.heard_at, station.slots)
            for serial, station in world.stations.items()
        }
        assert tables.bank_columns() == {
            serial: (bank.rented_at, bank.station, bank.slot)
            for serial, bank in world.banks.items()
        }
        assert tables.rentals() == [
            (rental.bank, rental.began_at, rental.ended_at) for rental in world.rentals
        ]
        assert tables.events() == [(row.kind, row.state, row.attempts) for row in self.model.rows]
        assert (self.ended, self.missed) == (world.ended, world.missed)

    @invariant()
    def tables_are_sound(self) -> None:
        """This holds whatever the model says."""
        self.tables.check_places()
        self.tables.check_rented()
        self.tables.check_rentals(self.now)
        self.tables.check_returns(
            [event.bank for event in self.ended if event.source != "snapshot"]
        )
        self.tables.check_history()


def budget() -> hypothesis_settings:
    """Return how much to search: long in one cell, since time is short in all of them."""
    is_long = (
        cell_name() == cells.LONG_CELL
        and settings.TEST_HOST == "fleet"
        and connection.vendor == "sqlite"
    )
    examples, steps = (200, 50) if is_long else (20, 30)
    return hypothesis_settings(max_examples=examples, stateful_step_count=steps)


# Every database and host in one cell, one of them in the others.
__test__ = os.environ.get("TEST_ONCE") != "0" or cell_name() == cells.LONG_CELL


@pytest.mark.whole
@pytest.mark.django_db(transaction=True)
def test_whatever_happens_the_tables_follow_the_contract(settings: Any) -> None:
    """Each example has a transaction of its own, so that none is slowed by those before."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SWEEP_MAX_ATTEMPTS": SWEEP_MAX_ATTEMPTS}
    run_state_machine_as_test(FleetMachine, settings=budget())
