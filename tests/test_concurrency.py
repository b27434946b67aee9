"""Events at the same instant on real threads and real connections.

SQLite has one writer at a time: there these show that the second waits, and nothing of lock order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_iot_ingest import sweeper
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, cabinet, encode, returned

pytestmark = pytest.mark.django_db(transaction=True)

State = IngestEvent.State

ELSEWHERE = "STATION-2"
ROUNDS = 40
RENTALS = 20
HOLD = 0.7
"""Seconds: enough for two requests to arrive, and less than a lock is waited for."""


@pytest.fixture
def begun_again(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Return the errors for which transactions began again; one order of locks gives none."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "begins a transaction again" in record.getMessage():
                lines.append(record.getMessage())

    caplog.set_level(logging.INFO, "django_iot_ingest")
    listener = Listener()
    logging.getLogger("django_iot_ingest").addHandler(listener)
    yield lines
    logging.getLogger("django_iot_ingest").removeHandler(listener)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


def in_rounds(rounds: int, *works: Callable[[int], Any]) -> list[list[Any]]:
    """Run each work on a thread of its own, ``rounds`` times, started together in each round.

    Return what each returned or raised, by round.
    """
    barrier = threading.Barrier(len(works))
    results: list[list[Any]] = [[None] * len(works) for _ in range(rounds)]

    def run(index: int) -> None:
        try:
            for number in range(rounds):
                barrier.wait(60)
                try:
                    results[number][index] = works[index](number)
                except Exception as error:  # noqa: BLE001 - the test reports it
                    results[number][index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def bank() -> Any:
    return get_power_bank_model().objects.get(serial_number=BANK)


def test_two_stations_show_the_same_banks_in_opposite_order(
    gateway: Gateway, begun_again: list[str]
) -> None:
    began = int(time.time()) - 2 * ROUNDS
    serials = [f"b{number:02}" for number in range(24)]

    def snapshot(station: str, order: list[str]) -> Callable[[int], int]:
        def send(number: int) -> int:
            held = dict(enumerate(order, start=1))
            payload = cabinet(held, size=len(order), serial=station, at=began + number)
            return int(gateway.post(payload).status_code)

        return send

    works = [snapshot(STATION, serials), snapshot(ELSEWHERE, serials[::-1])]
    for work in works:
        work(0)  # known from here on: first contacts are another test's

    answers = in_rounds(ROUNDS, *works)

    assert Counter(code for codes in answers for code in codes) == {200: 2 * ROUNDS}
    assert begun_again == []
    slots = get_power_bank_model().objects.values_list("current_slot", flat=True)
    assert len(set(slots)) == len(serials)
    assert not IngestEvent.objects.exclude(state=State.APPLIED).exists()


def test_two_stations_meet_at_a_bank_that_somebody_holds(
    gateway: Gateway, begun_again: list[str]
) -> None:
    """Each waits in the middle of its banks: locked in two orders, that would be a deadlock."""
    if not connection.features.has_select_for_update:
        assert connection.vendor == "sqlite"  # one writer at a time: no rows are locked
        return
    serials = [f"b{number}" for number in range(9)]
    now = int(time.time()) - 10

    def snapshot(serial: str, at: int) -> int:
        order = serials if serial == STATION else serials[::-1]
        held = dict(enumerate(order, start=1))
        return int(gateway.post(cabinet(held, size=9, serial=serial, at=at)).status_code)

    for serial in (STATION, ELSEWHERE):
        snapshot(serial, now)

    def hold(_: int) -> None:
        with transaction.atomic():
            banks = get_power_bank_model().objects.select_for_update()
            assert banks.get(serial_number=serials[4])
            holds.wait(60)
            time.sleep(HOLD)

    def see(serial: str, number: int) -> int:
        holds.wait(60)
        return snapshot(serial, now + number)

    for number in (1, 2):
        holds = threading.Barrier(3)
        ((_, *codes),) = in_rounds(
            1,
            hold,
            lambda _, at=number: see(STATION, at),
            lambda _, at=number: see(ELSEWHERE, at),
        )
        assert codes == [200, 200]
    assert begun_again == []


def test_a_bank_is_rented_while_a_snapshot_shows_it(
    gateway: Gateway, begun_again: list[str]
) -> None:
    """Whichever comes first: the bank is rented in the end, nowhere, and its rental goes on."""
    began = int(time.time()) - RENTALS
    gateway.send(cabinet({1: BANK}, at=began - 1))

    def rent(number: int) -> str:
        try:
            hosts.start_rental(bank(), timezone.now())
        except AlreadyRented:
            return "rented"
        return "rents"

    def see(number: int) -> int:
        return int(gateway.post(cabinet({1: BANK}, at=began + number)).status_code)

    def bring_back(number: int) -> None:
        gateway.send(returned(slot=1, at=time.time()))

    for number in range(RENTALS):
        ((rented, code),) = in_rounds(1, lambda _, n=number: rent(n), lambda _, n=number: see(n))
        assert (rented, code) == ("rents", 200)
        row = bank()
        assert (row.status, row.current_station, row.current_slot) == ("RENTED", None, None)
        assert len(hosts.open_rentals(row)) == 1
        bring_back(number)
        assert hosts.open_rentals(bank()) == []
    assert begun_again == []


def test_two_people_rent_one_bank_while_it_comes_back(
    gateway: Gateway, begun_again: list[str], hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=time.time() - 1000))
    hosts.start_rental(bank(), timezone.now() - timedelta(seconds=900))

    def rent(_: int) -> Any:
        return hosts.start_rental(bank(), timezone.now())

    def bring_back(_: int) -> str:
        return str(gateway.send(returned(slot=1))["state"])

    ((first, second, state),) = in_rounds(1, rent, rent, bring_back)

    rentals = [rental for rental in (first, second) if not isinstance(rental, Exception)]
    refusals = [error for error in (first, second) if isinstance(error, Exception)]
    assert state == "applied"
    assert all(isinstance(error, AlreadyRented) for error in refusals)
    assert len(hosts.open_rentals(bank())) == len(rentals) <= 1
    assert (hook.calls, hook.events[0].was_rented) == (1, True)
    assert begun_again == []


def test_a_failed_return_is_swept_and_repeated_at_once(
    gateway: Gateway, begun_again: list[str], hook: FlakyHook
) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    for number in range(10):
        hosts.start_rental(bank(), timezone.now() - timedelta(seconds=1))
        payload = returned(slot=number)
        hook.failures = [RuntimeError("no")]
        assert gateway.post(payload).status_code == 503
        IngestEvent.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
        hook.events.clear()

        ((swept, repeated, swept_too),) = in_rounds(
            1,
            lambda _: sweeper.sweep(),
            lambda _, again=payload: gateway.send(again)["state"],
            lambda _: sweeper.sweep(),
        )

        states = [repeated, *swept, *swept_too]
        assert states.count("applied") == 1, states
        assert set(states) <= {"applied", "duplicate", "locked"}
        assert hook.calls == 1
        assert hosts.open_rentals(bank()) == []
    assert begun_again == []


def test_one_body_has_one_receipt_however_many_bring_it(
    gateway: Gateway, begun_again: list[str], hook: FlakyHook
) -> None:
    """Its bank is not known yet: each of the eight tries, and none of them makes a second row."""
    body = encode(returned())

    (states,) = in_rounds(1, *[lambda _: gateway.send(body)["state"]] * 8)

    assert states == ["deferred"] * 8
    assert IngestEvent.objects.count() == 1
    gateway.send(cabinet({1: BANK}))
    assert (IngestEvent.objects.get(event_type="returned").state, hook.calls) == ("applied", 1)
