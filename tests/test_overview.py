"""What is asked of the database about the whole: right, in few statements, and in bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from django_iot_ingest import event_types, overview
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.event_types import EventType
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.overview import Asker, Backlog, Overview
from tests.gateway import Gateway
from tests.payloads import cabinet, full, returned, status

pytestmark = pytest.mark.django_db(transaction=True)

State = IngestEvent.State

TYPES = {"full": None, "returned": None, "status": None}
STATIONS = {"ONLINE": 0, "OFFLINE": 0, "MAINTENANCE": 0, "other": 0}
BANKS = {"AVAILABLE": 0, "RENTED": 0, "MAINTENANCE": 0, "DAMAGED": 0, "other": 0}


@pytest.fixture
def alarm() -> Iterator[None]:
    """Register a type of the host's, with a name that no column could have."""

    class Alarm(EventType):
        name = 'al"arm; --%s'

        def read(self, reader: Any) -> Any: ...

        def apply(self, service: Any, report: Any) -> Any: ...

    event_types.register(Alarm)
    yield
    event_types.unregister(Alarm.name)


def keep(state: str, event_type: str = "full", *, age: float = 0.0) -> IngestEvent:
    """Keep a row of the inbox that was received so many seconds ago."""
    return IngestEvent.objects.create(
        event_type=event_type,
        device_serial="S1",
        received_at=timezone.now() - timedelta(seconds=age),
        signed_at=1,
        body=b"{}",
        sha256="0" * 64,
        state=state,
    )


def test_of_empty_tables() -> None:
    found = overview.get()
    assert found.is_up
    assert found.backlog == {str(state): Backlog() for state in IngestEvent.UNAPPLIED}
    assert found.last_events == TYPES
    assert (found.stations, found.power_banks) == (STATIONS, BANKS)


def test_of_a_fleet() -> None:
    gateway = Gateway.with_admin()
    for number in range(3):
        gateway.send(cabinet({1: f"B{number}"}, serial=f"S{number}"))
    gateway.send(status("OFFLINE", serial="S0"))
    gateway.send(returned("B9"))
    get_power_bank_model().objects.get(serial_number="B1").mark_rented()
    get_power_bank_model().objects.filter(serial_number="B2").update(status="MELTED")
    found = overview.get()
    assert found.stations == {**STATIONS, "ONLINE": 2, "OFFLINE": 2}
    assert found.power_banks == {**BANKS, "AVAILABLE": 1, "RENTED": 1, "other": 1}
    assert found.backlog["deferred"].count == 1
    assert all(time.time() - at < 60 for at in found.last_events.values() if at is not None)
    assert None not in found.last_events.values()


def test_of_what_waits() -> None:
    for state in IngestEvent.UNAPPLIED:
        keep(state, age=100)
        keep(state, age=1)
    keep(State.APPLIED, age=500)
    keep(State.REFUSED, age=500)
    keep(State.STALE, age=500)
    backlog = overview.get().backlog
    assert set(backlog) == set(map(str, IngestEvent.UNAPPLIED))
    for waiting in backlog.values():
        assert waiting.count == 2
        assert waiting.oldest is not None
        assert 99 < time.time() - waiting.oldest < 160


def test_the_last_of_each_type_is_told_whatever_its_name(alarm: None) -> None:
    (name,) = set(event_types.names()) - set(TYPES)
    keep(State.APPLIED, name, age=300)
    keep(State.APPLIED, "full", age=200)
    keep(State.DEFERRED, "full", age=100)
    keep(State.REFUSED, "full", age=50)
    keep(State.APPLIED, "of no type any more", age=50)
    ages = {
        name: None if at is None else round(time.time() - at, -2)
        for name, at in overview.get().last_events.items()
    }
    assert ages == {name: 300, "full": 100, "returned": None, "status": None}


def test_an_event_among_the_older_ones_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(State.APPLIED, "returned")
    for _ in range(5):
        keep(State.APPLIED, "full")
    assert overview.get().last_events["returned"] is not None
    overview.clear()
    monkeypatch.setattr(overview, "NEWEST", 5)
    assert overview.get().last_events["returned"] is None


def test_the_number_of_statements_does_not_grow(alarm: None) -> None:
    def statements() -> list[str]:
        seen: list[str] = []
        with connection.execute_wrapper(
            lambda run, sql, *rest: (seen.append(sql), run(sql, *rest))[1]
        ):
            overview._read()
        return seen

    statements()  # a new connection may ask for its server's version
    few = statements()
    gateway = Gateway.with_admin()
    for number in range(10):
        gateway.send(cabinet({1: f"B{number}"}, serial=f"S{number}"))
        keep(State.FAILED, age=number)
    assert len(statements()) == len(few) == 4


def test_many_who_ask_ask_once() -> None:
    asked: list[int] = []

    def ask() -> Overview:
        asked.append(1)
        time.sleep(0.2)
        return Overview(1.0, True)

    asker = Asker(ask)
    found: list[Overview] = []
    together(8, lambda: found.append(asker.get()))
    assert (len(found), {one.is_up for one in found}, len(asked)) == (8, {True}, 1)
    asker.get()
    assert len(asked) == 1
    asker.clear()
    asker.get()
    assert len(asked) == 2


def together(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_answer_is_good_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "FRESH_SECONDS", 0.2)
    times = iter([1.0, 2.0])
    asker = Asker(lambda: Overview(next(times), True))
    assert [asker.get().asked_at, asker.get().asked_at] == [1.0, 1.0]
    time.sleep(0.25)
    assert asker.get().asked_at == 2.0


def test_a_database_that_does_not_answer_is_down_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "WITHIN", 0.3)
    hung, asked = threading.Event(), []

    def ask() -> Overview:
        asked.append(1)
        hung.wait(10)
        return Overview(1.0, True)

    asker = Asker(ask)
    started = time.monotonic()
    assert not asker.get().is_up
    assert 0.2 < time.monotonic() - started < 2.0
    assert not asker.get().is_up  # at once: nobody waits again so soon
    assert time.monotonic() - started < 2.0
    monkeypatch.setattr(overview, "FRESH_SECONDS", 0.0)
    assert not asker.get().is_up
    assert len(asked) == 1  # one thread hangs, not one for each who asks
    monkeypatch.setattr(overview, "FRESH_SECONDS", 5.0)
    hung.set()
    wait_until(lambda: asker.get().is_up)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    asker = Asker(lambda: Overview(1.0, True))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert not asker.get().is_up
    asker.clear()
    assert asker.get().is_up


def test_a_database_that_is_away_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OperationalError("away")

    monkeypatch.setattr(overview, "_backlog", fail)
    for _ in range(2):
        found = overview.get()
        overview.clear()
    assert (found.is_up, found.backlog, found.stations) == (False, {}, {})
    (record,) = [one for one in caplog.records if "did not tell" in one.getMessage()]
    assert record.error_code == "OperationalError"


def test_the_thread_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    close_all = connections.close_all
    monkeypatch.setattr(connections, "close_all", lambda: (close_all(), closed.append(True)))
    assert overview.get().is_up
    assert closed == [True]


def test_a_host_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False
    IngestEvent.objects.create(
        event_type="full",
        received_at=timezone.now(),
        signed_at=1,
        body=b"",
        sha256="",
        state=State.DEAD,
    )
    found = overview.get()
    assert found.last_events["full"] is not None
    assert abs(time.time() - found.last_events["full"]) < 60


def test_all_is_told_of_the_models_of_the_host() -> None:
    get_station_model().objects.create(serial_number="S1", status="ONLINE")
    assert overview.get().stations["ONLINE"] == 1


def test_a_snapshot_is_heard(settings: Any) -> None:
    Gateway.with_admin().send(full())
    assert overview.get().last_events["full"] is not None
