"""The numbers of the fleet page are what the tables say."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_iot_ingest import ledger, refusals, silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_station_slot_model
from django_iot_ingest.fleet import numbers
from django_iot_ingest.fleet.hour import MINUTES
from django_iot_ingest.models import IngestEvent, RefusalCount
from tests import lively
from tests.gateway import Gateway
from tests.lively import BROKEN, LENDING, MUTE, QUIET, RESTING, STATIONS, TORN, bank_of, report
from tests.payloads import full, returned, status

pytestmark = pytest.mark.django_db(transaction=True)

State = IngestEvent.State


@pytest.fixture
def gateway(transactional_db: None) -> Gateway:
    return Gateway.with_admin()


def events(**values: Any) -> IngestEvent:
    """Create a row of the inbox that was applied, unless ``values`` say otherwise."""
    received_at = values.pop("received_at", timezone.now())
    applied = {"state": State.APPLIED, "applied_at": received_at, "event_type": "status"}
    return IngestEvent.objects.create(
        **{**applied, **values}, received_at=received_at, signed_at=0, body=b"", sha256=""
    )


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


def position(found: numbers.Numbers, moment: Any) -> int:
    """Return in which minute of the hour a time lies."""
    place = found.hour.position_of(moment)
    assert place is not None
    return place


def test_a_lively_fleet_is_told_as_it_is(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    lively.tell(gateway, monkeypatch)

    found = numbers.read()

    assert found.stations == {
        "online": 8,
        "offline": 1,
        "silent": 2,
        "maintenance": 1,
        "out_of_service": 0,
    }
    assert sum(found.stations.values()) == get_station_model().objects.count() == 12
    assert found.banks == {
        "available": 81,
        "rented": 2,
        "missing": 1,
        "maintenance": 0,
        "damaged": 0,
        "out_of_service": 0,
    }
    assert sum(found.banks.values()) == get_power_bank_model().objects.count()
    assert [str(bank) for bank in found.missing] == [bank_of(STATIONS[8], lively.SIZE - 1)]
    assert [station.serial_number for station in found.silent] == [QUIET, lively.DARK]
    assert {state: stands.total for state, stands in found.standing.items()} == {
        State.RECEIVED: 0,
        State.DEFERRED: 1,
        State.FAILED: 1,
        State.DEAD: 1,
    }
    assert [event.device_serial for event in found.newest[State.DEAD]] == [LENDING]
    assert [event.last_error_code for event in found.newest[State.FAILED]] == ["RuntimeError"]
    assert [event.event_type for event in found.refused_bodies] == ["full"]
    assert (found.contradictions.total, found.contradictions.newest[0].device_serial) == (1, TORN)


def test_the_events_by_state_are_all_that_came(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    lively.tell(gateway, monkeypatch)

    by_state = numbers.read().flow.states

    assert {state: sum(counts) for state, counts in by_state.items()} == {
        state: IngestEvent.objects.filter(state=state).count() for state in State.values
    }
    assert sum(map(sum, by_state.values())) == IngestEvent.objects.count()


def test_refusals_are_counted_once_whether_they_are_stored_or_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    lively.tell(gateway, monkeypatch)
    expected = {
        "INVALID_SIGNATURE": 3,
        "STALE_TIMESTAMP": 1,
        "INVALID_PAYLOAD": 1,
        "TEMPORARILY_UNAVAILABLE": 2,
    }
    assert refusals.tally.unstored() or RefusalCount.objects.exists()

    def told() -> dict[str, int]:
        return {reason: sum(counts) for reason, counts in numbers.read().refusals.items()}

    assert told() == expected
    monkeypatch.setattr(refusals, "STORE_SECONDS", 0)
    refusals.tally._store_at = 0
    refusals.store(time.monotonic())
    assert refusals.tally.unstored() == {}
    assert told() == expected


def test_refusals_of_other_processes_are_added_and_old_ones_are_not() -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    rows = [(minute, 2), (minute, 3), (minute - timedelta(minutes=61), 100)]
    for moment, count in rows:
        RefusalCount.objects.create(minute=moment, reason="IP_NOT_ALLOWED", count=count)
    refusals.tally.add("IP_NOT_ALLOWED")

    counts = numbers.read().refusals["IP_NOT_ALLOWED"]

    assert sum(counts) == counts[-1] + counts[-2] == 6


def test_asking_takes_no_counts_away() -> None:
    refusals.tally.add("IP_NOT_ALLOWED")
    assert refusals.tally.unstored() == refusals.tally.unstored() != {}


def test_slots_in_error_and_slots_without_an_answer_are_told_by_name(gateway: Gateway) -> None:
    payload = report(BROKEN)
    payload["slots"][0]["slot_metadata"] = {"error_code": "0x21"}
    payload["slots"][-1].update(status="OCCUPIED")
    gateway.send(payload)

    found = numbers.read()

    assert [slot.slot_number for slot in found.slots_in_error.first] == [1]
    assert [slot.slot_number for slot in found.mute_slots.first] == [lively.SIZE]
    assert (found.slots_in_error.total, found.mute_slots.total) == (1, 1)


def test_all_are_counted_and_a_few_are_named(gateway: Gateway) -> None:
    payload = report(MUTE, held=0)
    for row in payload["slots"]:
        row.update(status="OCCUPIED")
    gateway.send(payload)
    for _ in range(5):
        gateway.send(returned("99999999", at=time.time() - _))

    found = numbers.read()

    assert (found.mute_slots.total, len(found.mute_slots.first)) == (lively.SIZE, 3)
    assert (found.standing[State.DEFERRED].total, len(found.newest[State.DEFERRED])) == (5, 3)


@pytest.mark.parametrize("model", [get_station_model, get_station_slot_model])
def test_what_is_out_of_service_needs_nobody(gateway: Gateway, model: Any) -> None:
    payload = report(BROKEN)
    payload["slots"][0]["slot_metadata"] = {"error_code": "0x21"}
    payload["slots"][-1].update(status="OCCUPIED")
    gateway.send(payload)
    model().objects.update(out_of_service=True)

    found = numbers.read()

    assert (found.slots_in_error.total, found.mute_slots.total) == (0, 0)


def test_a_missing_bank_out_of_service_is_not_told_as_missing(gateway: Gateway) -> None:
    gateway.send(full())
    get_power_bank_model().objects.update(missing_since=timezone.now(), out_of_service=True)
    found = numbers.read()
    assert (found.banks["missing"], found.banks["out_of_service"], found.missing) == (0, 1, [])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, "online"),
        ({"status": "OFFLINE"}, "offline"),
        ({"status": "MAINTENANCE"}, "maintenance"),
        ({"out_of_service": True}, "out_of_service"),
        ({"out_of_service": True, "last_heard_at": None}, "out_of_service"),
        ({"last_heard_at": None}, "silent"),
        ({"status": "OFFLINE", "last_heard_at": None}, "offline"),
    ],
)
def test_each_station_is_of_one_kind(gateway: Gateway, values: Any, kind: str) -> None:
    gateway.send(status("ONLINE"))
    get_station_model().objects.update(**values)
    found = numbers.read().stations
    assert {key for key, count in found.items() if count} == {kind}


def test_a_station_is_silent_before_and_after_it_is_marked(gateway: Gateway) -> None:
    gateway.send(status("ONLINE"))
    gateway.send(status("ONLINE", serial=RESTING))
    lively.heard(RESTING, 1490)
    lively.heard("860000000000017", 1501)
    assert numbers.read().stations["silent"] == 1
    silence.mark_offline()
    assert numbers.read().stations["silent"] == 1
    gateway.send(status("ONLINE", at=time.time() + 1))
    assert numbers.read().stations == {**dict.fromkeys(numbers.kinds.STATIONS, 0), "online": 2}


def test_offline_after_is_a_setting(gateway: Gateway, settings: Any) -> None:
    gateway.send(status("ONLINE"))
    lively.heard("860000000000017", 90)
    settings.IOT_INGEST = {**settings.IOT_INGEST, "OFFLINE_AFTER": 60}
    assert numbers.read().stations["silent"] == 1


def test_what_came_before_the_hour_is_in_no_minute_and_still_stands() -> None:
    events(state=State.DEAD, applied_at=None, received_at=ago(hours=5))
    events(received_at=ago(hours=5))
    found = numbers.read()
    assert found.standing[State.DEAD] == (1, 0, 1)
    assert sum(map(sum, found.flow.states.values())) == 0
    assert found.flow.backlog == [1] * MINUTES


def test_a_received_event_is_late_after_ten_minutes() -> None:
    events(state=State.RECEIVED, applied_at=None, received_at=ago(minutes=9))
    late = events(state=State.RECEIVED, applied_at=None, received_at=ago(minutes=11))
    found = numbers.read()
    assert found.standing[State.RECEIVED] == (2, 2, 1)
    assert [event.pk for event in found.newest[State.RECEIVED]] == [late.pk]


def test_the_backlog_is_what_waited_at_the_end_of_each_minute() -> None:
    came, left = ago(minutes=30), ago(minutes=10)
    events(received_at=came, applied_at=left)
    events(received_at=came)
    events(state=State.STALE, applied_at=None, received_at=came)
    events(state=State.REFUSED, applied_at=None, received_at=came)
    events(state=State.DEFERRED, applied_at=None, received_at=left)
    found = numbers.read()
    begin, end = position(found, came), position(found, left)
    assert found.flow.backlog == [0] * begin + [1] * (end - begin) + [1] * (MINUTES - end)


def test_what_came_in_the_hour_before_and_left_in_this_one_waited() -> None:
    events(received_at=ago(minutes=100), applied_at=ago(minutes=20))
    found = numbers.read()
    end = position(found, ago(minutes=20))
    assert found.flow.backlog == [1] * end + [0] * (MINUTES - end)


def test_a_clock_that_went_back_makes_no_backlog() -> None:
    events(received_at=ago(minutes=10), applied_at=ago(minutes=12))
    assert numbers.read().flow.backlog == [0] * MINUTES


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100])
def test_latency_is_ranked_within_its_minute(count: int) -> None:
    came = ago(minutes=5)
    for milliseconds in range(1, count + 1):
        events(received_at=came, duration=timedelta(milliseconds=milliseconds))
    events(received_at=ago(minutes=7), duration=timedelta(seconds=2))
    events(received_at=came, duration=None)
    found = numbers.read()
    told = found.latencies[position(found, came)]
    assert told is not None
    assert told == (-(-count * 50 // 100), -(-count * 95 // 100), count)
    assert found.latencies[position(found, ago(minutes=7))] == (2000, 2000, 2000)
    assert sum(latency is not None for latency in found.latencies) == 2


def test_contradictions_are_those_of_the_hour_and_no_other_warning() -> None:
    contradictory = {"warnings": [{"code": "contradictory", "path": "slots.1.status"}]}
    newest = events(result=contradictory, device_serial="A")
    events(result=contradictory, received_at=ago(minutes=2))
    events(result=contradictory, received_at=ago(minutes=70))
    events(result={"warnings": [{"code": "repeated", "path": "contradictory"}]}, state=State.STALE)
    found = numbers.read().contradictions
    assert (found.total, [event.pk for event in found.newest]) == (2, [newest.pk, newest.pk + 1])


def test_without_time_zones_every_minute_is_the_same(settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Kathmandu"  # 45 minutes beside all others
    came = timezone.now() - timedelta(minutes=30)
    events(received_at=came, applied_at=came + timedelta(minutes=3), duration=timedelta(seconds=1))
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=4)
    RefusalCount.objects.create(minute=minute, reason="A", count=4)
    found = numbers.read()
    (at,) = [place for place, count in enumerate(found.flow.states[State.APPLIED]) if count]
    assert 28 <= at <= 29
    assert [place for place, count in enumerate(found.flow.backlog) if count] == [
        at,
        at + 1,
        at + 2,
    ]
    assert found.latencies[at] == (1000, 1000, 1000)
    assert found.refusals["A"][-5] + found.refusals["A"][-6] == 4


def test_numbers_are_kept_for_a_while(gateway: Gateway) -> None:
    first = numbers.kept.get(60)
    gateway.send(status("ONLINE"))
    assert numbers.kept.get(60) is first
    second = numbers.kept.get(0)
    assert second.stations["online"] == 1
    assert numbers.kept.get(60) is second
    numbers.kept.clear()
    assert numbers.kept.get(60) is not second


def test_many_that_look_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def read() -> Any:
        asked.append(1)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(numbers, "read", read)
    threads = [threading.Thread(target=numbers.kept.get) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers.kept.clear()
    assert asked == [1]


def test_who_looks_while_somebody_asks_sees_the_numbers_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow database holds up one thread, and not all that a gateway needs."""
    before = numbers.kept.get(60)
    asked, done = threading.Event(), threading.Event()

    def slowly() -> object:
        asked.set()
        assert done.wait(30)
        return before

    monkeypatch.setattr(numbers, "read", slowly)
    thread = threading.Thread(target=numbers.kept.get, args=[0])
    thread.start()
    try:
        assert asked.wait(30)
        assert numbers.kept.get(0) is before
    finally:
        done.set()
        thread.join()


def test_an_event_that_is_given_up_stays_in_the_backlog() -> None:
    row = events(state=State.FAILED, applied_at=None, received_at=ago(minutes=1))
    ledger.bury(row)
    assert numbers.read().flow.backlog[-1] == 1
