"""Deferred mode: kept, answered, and applied by the drain: exactly once, in order, never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from django_iot_ingest import bell, drain, event_types, ledger, pending, silence, sweeper
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.events import StationReport
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.services import Outcome
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, cabinet, full, returned, status

State = IngestEvent.State

pytestmark = pytest.mark.django_db

ELSEWHERE = "STATION-2"
WORKERS = 3


@pytest.fixture(autouse=True)
def rings(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Switch deferred mode on; count rings instead of answering them."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "deferred"}
    heard: list[str] = []
    monkeypatch.setattr(bell, "ring", lambda: heard.append("ring"))
    return heard


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


def bank(serial: str = BANK) -> Any:
    return get_power_bank_model().objects.get_or_create(serial_number=serial)[0]


def station(serial: str = STATION) -> Any:
    return get_station_model().objects.get(serial_number=serial)


def states() -> list[str]:
    """Return the states of all rows, in order of arrival."""
    return list(IngestEvent.objects.order_by("pk").values_list("state", flat=True))


def make_due() -> None:
    """Let every back-off be over."""
    IngestEvent.objects.update(retry_at=timezone.now() - timedelta(seconds=1))


# The answer


@pytest.mark.parametrize("payload", [full(), status(), returned()], ids=lambda one: one["type"])
def test_every_type_is_queued_and_nothing_else_is_done(
    gateway: Gateway, rings: list[str], payload: Any
) -> None:
    response = gateway.post(payload)

    answer = response.json()
    row = IngestEvent.objects.get()
    assert response.status_code == 200
    assert answer["message"] == "Station data queued"
    assert {**answer["data"], "timestamp": ""} == {
        "event_id": str(row.pk),
        "state": "queued",
        "warnings": [],
        "station_id": None,
        "station_serial": STATION,
        "slots_updated": 0,
        "powerbanks_updated": 0,
        "offline_returns_processed": 0,
        "timestamp": "",
    }
    assert (row.state, row.attempts, row.retry_at) == (State.RECEIVED, 0, None)
    assert not get_station_model().objects.exists()
    assert rings == ["ring"]


def test_warnings_of_reading_are_told_at_once(gateway: Gateway) -> None:
    data = gateway.send(returned(slot=-1))

    assert [warning["path"] for warning in data["warnings"]] == ["return_event.slot_number"]


def test_what_cannot_be_read_is_still_refused(gateway: Gateway, rings: list[str]) -> None:
    assert gateway.post({**status(), "type": "alarm"}).status_code == 400
    assert gateway.post(returned(bank="")).status_code == 400
    assert (states(), rings) == ([State.REFUSED, State.REFUSED], [])


def test_an_applied_return_answers_duplicate(
    gateway: Gateway, hook: FlakyHook, rings: list[str]
) -> None:
    bank()
    payload = returned()
    gateway.send(payload)
    assert drain.drain() == {"applied": 1}
    long_ago = timezone.now() - timedelta(hours=1)
    get_station_model().objects.update(last_heard_at=long_ago)

    response = gateway.post(payload)

    data = response.json()["data"]
    assert (data["state"], data["station_id"]) == ("duplicate", str(station().pk))
    assert response["Idempotent-Replayed"] == "true"
    assert station().last_heard_at > long_ago
    assert (hook.calls, rings) == (1, ["ring"])
    assert drain.drain() == {}


def test_a_repeat_of_a_waiting_return_makes_no_second_row(
    gateway: Gateway, hook: FlakyHook
) -> None:
    bank()
    payload = returned()

    assert [gateway.send(payload)["state"] for _ in range(3)] == ["queued"] * 3

    assert drain.drain() == {"applied": 1}
    assert (states(), hook.calls) == ([State.APPLIED], 1)
    assert hook.events[0].source == "gateway"


@pytest.mark.parametrize("state", [State.FAILED, State.DEFERRED, State.DEAD])
def test_a_repeat_of_a_return_that_was_not_applied_begins_anew(
    gateway: Gateway, hook: FlakyHook, rings: list[str], state: str
) -> None:
    bank()
    payload = returned()
    gateway.send(payload)
    later = timezone.now() + timedelta(hours=1)
    IngestEvent.objects.update(state=state, attempts=20, retry_at=later, result=None)

    data = gateway.send(payload)

    row = IngestEvent.objects.get()
    assert (data["state"], data["slots_updated"]) == ("queued", 0)
    assert (row.state, row.attempts, row.retry_at) == (State.RECEIVED, 0, None)
    assert rings == ["ring", "ring"]
    assert drain.drain() == {"applied": 1}


def test_a_refused_return_that_can_be_read_by_now_is_queued(gateway: Gateway) -> None:
    bank()
    payload = returned()
    gateway.send(payload)
    IngestEvent.objects.update(
        state=State.REFUSED, event_type="", device_serial="", event_time=None
    )

    assert gateway.send(payload)["state"] == "queued"
    assert drain.drain() == {"applied": 1}


def test_a_status_is_never_a_duplicate(gateway: Gateway) -> None:
    payload = status()
    assert [gateway.send(payload)["state"] for _ in range(2)] == ["queued"] * 2
    assert len(states()) == 2


# What the drain does


def test_the_newest_snapshot_is_applied_and_the_older_are_stale(gateway: Gateway) -> None:
    now = time.time()
    for number, age in enumerate((30, 10, 20)):
        gateway.send(cabinet({number + 1: BANK}, at=now - age))
    gateway.send(cabinet({1: "B2"}, serial=ELSEWHERE))

    assert drain.drain() == {"applied": 2, "stale": 2}

    assert states() == [State.STALE, State.APPLIED, State.STALE, State.APPLIED]
    assert bank().current_slot.slot_number == 2
    newest = IngestEvent.objects.filter(device_serial=STATION).latest("received_at")
    assert station().last_heard_at == newest.received_at
    stale = IngestEvent.objects.filter(state=State.STALE).first()
    assert stale is not None
    assert (stale.result or {})["station_serial"] == STATION
    assert (stale.applied_at is None, stale.retry_at) == (False, None)


def test_a_misread_frame_makes_no_snapshot_stale(gateway: Gateway) -> None:
    now = time.time()
    gateway.send(cabinet({1: BANK}, at=now - 30))
    gateway.send(cabinet({2: BANK}, at=now - 20))
    gateway.send(full([], [], at=now - 10))

    assert drain.drain() == {"applied": 2, "stale": 1}

    assert states() == [State.STALE, State.APPLIED, State.APPLIED]
    assert bank().current_slot.slot_number == 2


def test_every_change_of_status_is_recorded(gateway: Gateway) -> None:
    now = int(time.time()) - 60
    words = ("ONLINE", "OFFLINE", "ONLINE", "MAINTENANCE")
    for number, word in enumerate(words):
        gateway.send(status(word, at=now + number // 2))  # two of them in each second
    gateway.send(full(at=now + 10))

    assert drain.drain() == {"applied": 5}

    changes = StationStatusChange.objects.order_by("pk").values_list("to_status", flat=True)
    assert list(changes) == [*words, "ONLINE"]


def test_events_of_a_station_are_applied_in_the_order_of_their_time(gateway: Gateway) -> None:
    now = int(time.time())
    for word, age in (("MAINTENANCE", 10), ("ONLINE", 30), ("OFFLINE", 20)):
        gateway.send(status(word, at=now - age), timestamp=now)

    assert drain.drain() == {"applied": 3}

    changes = StationStatusChange.objects.order_by("pk").values_list("to_status", flat=True)
    assert list(changes) == ["ONLINE", "OFFLINE", "MAINTENANCE"]


def test_a_hosts_own_types_are_applied_each(gateway: Gateway) -> None:
    applied: list[Any] = []

    class Alarm(event_types.EventType):
        name = "alarm"

        def read(self, reader: Any) -> StationReport:
            return StationReport(**reader.common())

        def apply(self, service: Any, report: Any) -> Outcome:
            applied.append(report)
            return Outcome()

    event_types.register(Alarm)
    try:
        for _ in range(2):
            gateway.send({**status(), "type": "alarm"})
        assert drain.drain() == {"applied": 2}
    finally:
        event_types.unregister("alarm")
    assert len(applied) == 2


def test_returns_come_first_and_in_order_for_each_bank(gateway: Gateway, hook: FlakyHook) -> None:
    now = int(time.time())
    rental = hosts.start_rental(bank(), timezone.now() - timedelta(minutes=10))
    bank("B2")
    gateway.send(full(at=now - 100))
    for serial, slot, age in ((BANK, 1, 10), ("B2", 2, 20), (BANK, 3, 30)):
        gateway.send(returned(serial, slot, at=now - age))

    assert drain.drain() == {"applied": 4}

    told = [event.raw["return_event"]["slot_number"] for event in hook.events]
    assert told == [3, 2, 1]
    assert [event.was_rented for event in hook.events] == [True, False, False]
    ended = hosts.ended_at(rental)
    assert ended is not None
    assert int(ended.timestamp()) == now - 30


def test_a_return_that_fails_lets_the_later_ones_of_its_bank_by(
    gateway: Gateway, hook: FlakyHook
) -> None:
    bank()
    now = int(time.time())
    gateway.send(returned(slot=1, at=now - 20))
    gateway.send(returned(slot=2, at=now - 10))
    hook.failures = [RuntimeError("no")]

    assert drain.drain() == {"failed": 1, "applied": 1}

    assert states() == [State.FAILED, State.APPLIED]
    make_due()
    assert drain.drain() == {}, "it is the sweeper's"
    assert sweeper.sweep() == {"applied": 1}


def test_a_return_of_an_unknown_bank_is_applied_when_a_snapshot_makes_it_known(
    gateway: Gateway, hook: FlakyHook
) -> None:
    gateway.send(returned())
    assert drain.drain() == {"deferred": 1}
    gateway.send(cabinet({3: BANK}))

    assert drain.drain() == {"applied": 1}

    assert (states(), hook.calls) == ([State.APPLIED, State.APPLIED], 1)


def test_of_deferred_events_the_newest_is_kept_waiting(gateway: Gateway, settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    for word in ("ONLINE", "OFFLINE"):
        gateway.send(status(word))

    assert drain.drain() == {"deferred": 2}
    assert states() == [State.STALE, State.DEFERRED]


def test_a_limit_and_a_time_bound_one_drain(gateway: Gateway) -> None:
    for number in range(5):
        gateway.send(status(serial=f"S{number}"))

    assert drain.drain(seconds=0) == {}
    assert drain.drain(limit=2) == {"applied": 2}
    assert drain.is_behind()
    assert drain.drain() == {"applied": 3}
    assert not drain.is_behind()


def test_a_drain_ends_between_two_events(gateway: Gateway, hook: FlakyHook) -> None:
    for number in range(3):
        bank(f"B{number}")
        gateway.send(returned(f"B{number}"))

    assert drain.drain(is_over=lambda: hook.calls == 2) == {"applied": 2}


def test_in_inline_mode_nothing_is_the_drains(gateway: Gateway, settings: Any) -> None:
    gateway.send(status())
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "inline"}

    assert drain.drain() == {}
    assert not drain.is_behind()
    assert sweeper.sweep() == {}, "its request may still be at it"
    IngestEvent.objects.update(received_at=timezone.now() - ledger.IN_FLIGHT)
    assert sweeper.sweep() == {"applied": 1}


def test_the_sweeper_drains_first(gateway: Gateway, hook: FlakyHook) -> None:
    bank()
    gateway.send(returned(slot=1))
    hook.failures = [RuntimeError("no")]
    drain.drain()
    make_due()
    gateway.send(status())

    assert sweeper.sweep() == {"applied": 2}


# Who takes what


def test_what_a_worker_has_taken_is_left_to_it(gateway: Gateway) -> None:
    gateway.send(status("ONLINE"))
    assert len(pending.take_station(STATION)) == 1
    gateway.send(status("OFFLINE"))
    gateway.send(status(serial=ELSEWHERE))

    assert pending.take_station(STATION) == [], "nor what came after it"
    assert drain.drain() == {"applied": 1}
    assert not drain.is_behind()

    make_due()
    assert drain.drain() == {"applied": 2}, "a worker that died sets them free"


def test_a_later_return_waits_for_the_earlier_that_somebody_has(
    gateway: Gateway, hook: FlakyHook
) -> None:
    bank()
    now = int(time.time())
    gateway.send(returned(slot=2, at=now - 10))
    gateway.send(returned(slot=1, at=now - 20))
    later, earlier = IngestEvent.objects.order_by("pk").values_list("pk", flat=True)

    assert not pending.take_return(later), "the earlier comes first"
    assert pending.take_return(earlier)
    assert not pending.take_return(earlier)
    assert pending.due_returns(10) == []
    long_ago = timezone.now() - timedelta(hours=1)
    IngestEvent.objects.update(received_at=long_ago)
    assert drain.drain() == {}
    assert sweeper.sweep() == {}, "the sweeper keeps the order too"

    make_due()
    assert drain.drain() == {"applied": 2}
    assert [event.raw["return_event"]["slot_number"] for event in hook.events] == [1, 2]


@pytest.mark.parametrize("payload", [returned(), status()], ids=lambda one: one["type"])
def test_an_event_that_ends_its_process_each_time_blocks_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, payload: Any
) -> None:
    """The process is ended by what no handler catches."""
    bank()
    name = payload["type"]
    killer = event_types.find(name)
    assert killer is not None

    def kill(*_: Any) -> Outcome:
        raise SystemExit

    gateway.send(payload)
    with monkeypatch.context() as patch:
        patch.setattr(type(killer), "apply", kill)
        for life in range(pending.LIVES):
            with pytest.raises(SystemExit):
                drain.drain()
            assert drain.drain() == {}, "until its back-off is over"
            row = IngestEvent.objects.get()
            assert (row.state, row.attempts) == (State.RECEIVED, life + 1)
            make_due()
        assert drain.drain() == {}

    row.refresh_from_db()
    assert (row.state, row.last_error_code) == (State.FAILED, "Interrupted")
    gateway.send(status("OFFLINE"))
    assert drain.drain() == {"applied": 1}
    make_due()
    assert sweeper.sweep().total() == 1


@pytest.mark.django_db(transaction=True)
def test_many_drains_at_once_apply_each_event_once_and_in_order(
    gateway: Gateway, hook: FlakyHook
) -> None:
    now = int(time.time()) - 60
    serials = [f"B{number}" for number in range(6)]
    for serial in serials:
        bank(serial)
    for number in range(5):
        for place, serial in enumerate(serials):
            gateway.send(returned(serial, number, at=now + number, serial=f"S{place}"))
            word = ("ONLINE", "OFFLINE")[number % 2]
            gateway.send(status(word, at=now + number, serial=f"S{place}"))

    barrier = threading.Barrier(WORKERS)
    ended: list[Counter[str]] = []

    def work() -> None:
        try:
            barrier.wait(60)
            while drain.is_behind():
                ended.append(drain.drain())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert sum(ended, Counter()) == {"applied": 60}
    order: dict[str, list[int]] = {}
    for event in hook.events:
        told = event.raw["return_event"]
        order.setdefault(told["power_bank_serial"], []).append(told["slot_number"])
    assert order == {serial: [0, 1, 2, 3, 4] for serial in serials}
    words = StationStatusChange.objects.filter(device_serial="S0").order_by("pk")
    assert len(words) == 5


# Silence


def test_a_station_whose_event_waits_is_not_silent(gateway: Gateway) -> None:
    for serial in (STATION, ELSEWHERE, "THIRD"):
        gateway.send(status(serial=serial))
    drain.drain()
    long_ago = timezone.now() - timedelta(hours=1)
    get_station_model().objects.update(last_heard_at=long_ago)
    get_station_model().objects.filter(serial_number=ELSEWHERE).update(imei="IMEI-2")
    gateway.send(full())
    gateway.send(status(serial="IMEI-2"))

    assert silence.mark_offline() == 1
    assert station("THIRD").status == "OFFLINE"
    assert drain.drain() == {"applied": 2}
    assert silence.mark_offline() == 0


def test_a_station_is_silent_whose_waiting_event_came_long_ago(gateway: Gateway) -> None:
    gateway.send(status())
    drain.drain()
    long_ago = timezone.now() - timedelta(hours=1)
    gateway.send(full())
    ledger.rows().filter(state="received").update(received_at=long_ago)
    get_station_model().objects.update(last_heard_at=long_ago)
    assert silence.mark_offline() == 1


# Commands and tasks


@pytest.mark.once
def test_no_request_imports_tasks() -> None:
    """Hosts have no use for them in inline mode, and some have none."""
    code = (
        "import sys, django; django.setup()\n"
        "from django_iot_ingest import urls, views\n"
        "assert 'django_iot_ingest.tasks' not in sys.modules"
    )
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment)
    assert done.returncode == 0


def test_a_station_whose_rows_are_locked_keeps_no_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for serial in (STATION, ELSEWHERE):
        gateway.send(status(serial=serial))
    take = pending.take_station

    def fail(serial: str) -> list[IngestEvent]:
        if serial == STATION:
            raise OperationalError("canceling statement due to lock timeout")
        return take(serial)

    monkeypatch.setattr(pending, "take_station", fail)

    assert drain.drain() == {"applied": 1}
    assert "a station's events wait on" in caplog.text


def test_the_command_says_what_it_did(gateway: Gateway) -> None:
    out = StringIO()
    call_command("iot_drain", stdout=out)
    gateway.send(status())
    call_command("iot_drain", limit=5, seconds=5, stdout=out)

    assert out.getvalue() == "nothing waited\n1 applied\n"


def test_the_command_goes_on_until_it_is_told_to_end(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    looks: list[Any] = [RuntimeError("the database is away"), Counter(applied=1), Counter()]

    def look(**options: Any) -> Counter[str]:
        if not looks:
            os.kill(os.getpid(), signal.SIGTERM)
            return Counter()
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(drain, "drain", look)

    call_command("iot_drain", forever=True, interval=0.01)

    assert looks == []
    assert "could not drain" in caplog.text
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_task_that_has_not_finished_asks_for_another(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_iot_ingest import tasks

    asked: list[Any] = []
    monkeypatch.setattr(bell, "again", asked.append)
    for number in range(3):
        gateway.send(status(serial=f"S{number}"))

    assert tasks.iot_drain.func(limit=2) == {"applied": 2}
    assert len(asked) == 1
    assert tasks.iot_drain.func() == {"applied": 1}
    assert len(asked) == 1


def test_what_an_immediate_backend_swallows_stays_in_the_inbox(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_iot_ingest import tasks

    gateway.send(status())
    with monkeypatch.context() as patch:
        patch.setattr(pending, "due_stations", lambda limit: 1 / 0)
        result = tasks.iot_drain.enqueue()

    assert result.status == "FAILED"
    assert states() == [State.RECEIVED]
    bell.enqueue_drain()
    assert states() == [State.APPLIED]
