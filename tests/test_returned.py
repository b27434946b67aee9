"""Applying a return: money, exactly once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest import signals, silence
from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
    get_sync_service,
)
from django_iot_ingest.events import PowerBankReturned, Source
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.services import StationSyncService
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway, listen
from tests.payloads import BANK, STATION, cabinet, full, moment, returned, status

State = IngestEvent.State

ELSEWHERE = "STATION-2"


class BreakingService(StationSyncService):
    """A host whose hook meets a database error, and lets it pass."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        get_station_model().objects.create(serial_number=event.station.serial_number)


class SwallowingService(BreakingService):
    """A host whose hook meets a database error, and hides it."""

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        try:
            super().on_power_bank_returned(event)
        except IntegrityError:
            return


class LookingService(StationSyncService):
    """A host whose hook looks at the event and at the tables."""

    seen: ClassVar[list[Any]] = []

    def on_power_bank_returned(self, event: PowerBankReturned) -> None:
        self.seen.append((event.power_bank.status, bank().status, place()))


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def rental(gateway: Gateway, now: int) -> Any:
    """Return the rental of ``BANK``, begun 400 s ago; its station was seen 500 s ago."""
    gateway.send(cabinet({1: BANK}, at=now - 500))
    return rent(now - 400)


def use(settings: Any, **changes: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changes}


def rent(at: float, serial: str = BANK) -> Any:
    return hosts.start_rental(bank(serial), moment(at))


def station(serial: str = STATION) -> Any:
    return get_station_model().objects.get(serial_number=serial)


def slot(number: int) -> Any:
    return get_station_slot_model().objects.get(station=station(), slot_number=number)


def bank(serial: str = BANK) -> Any:
    return get_power_bank_model().objects.get(serial_number=serial)


def place(serial: str = BANK) -> tuple[str | None, int | None]:
    """Return the station and the slot number where the table has a bank."""
    row = bank(serial)
    return (
        row.current_station and row.current_station.serial_number,
        row.current_slot and row.current_slot.slot_number,
    )


def state() -> str:
    """Return the state of the one return in the inbox."""
    return IngestEvent.objects.get(event_type="returned").state


def codes(data: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in data["warnings"]}


# The event that ends a rental


def test_a_return_ends_the_rental(gateway: Gateway, now: int, rental: Any, hook: FlakyHook) -> None:
    payload = returned(at=now - 100, returned_at=now - 100.5)
    data = gateway.send(payload)

    assert (data["state"], data["warnings"]) == ("applied", [])
    assert (data["station_id"], data["station_serial"]) == (str(station().pk), STATION)
    assert data["event_id"] == str(IngestEvent.objects.get(event_type="returned").pk)
    assert (data["powerbanks_updated"], data["offline_returns_processed"]) == (1, 0)
    (event,) = hook.events
    assert isinstance(event, PowerBankReturned)
    assert (event.power_bank, event.station, event.slot) == (bank(), station(), slot(3))
    assert (event.was_rented, event.source) == (True, Source.GATEWAY)
    assert event.occurred_at == moment(now - 100.5)
    assert timezone.now() - event.received_at < timedelta(minutes=1)
    assert event.raw == payload
    assert (bank().status, bank().rented_at, place()) == ("AVAILABLE", None, (STATION, 3))
    assert slot(3).status == "OCCUPIED"
    assert hosts.ended_at(rental) == moment(now - 100.5)


def test_a_hook_sees_the_bank_as_it_is_saved(
    gateway: Gateway, now: int, rental: Any, settings: Any
) -> None:
    use(settings, SYNC_SERVICE=f"{__name__}.LookingService")
    LookingService.seen.clear()
    gateway.send(returned(at=now - 100))
    assert LookingService.seen == [("AVAILABLE", "AVAILABLE", (STATION, 3))]


@pytest.mark.django_db(transaction=True)
def test_the_bank_is_locked_while_the_hook_runs(now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway.with_admin()
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rent(now - 400)
    order: list[str] = []
    is_running = threading.Event()

    def hold(service: Any, event: Any) -> None:
        is_running.set()
        time.sleep(0.3)
        order.append("hook")

    monkeypatch.setattr(type(get_sync_service()), "on_power_bank_returned", hold)

    def rent_again() -> None:
        try:
            assert is_running.wait(timeout=10)
            bank().mark_rented(moment(now - 10))
            order.append("rented")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        renting = pool.submit(rent_again)
        gateway.send(returned(at=now - 100))
        renting.result()
    assert order == ["hook", "rented"]
    assert (bank().status, bank().rented_at) == ("RENTED", moment(now - 10))


def test_twelve_arrivals_run_the_hook_once(
    gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = returned(at=now - 100)
    answers = [gateway.post(payload, timestamp=now - n // 3) for n in range(12)]
    assert hook.calls == 1
    assert [answer.json()["data"]["state"] for answer in answers] == [
        "applied",
        *["duplicate"] * 11,
    ]
    assert [answer.get("Idempotent-Replayed") for answer in answers] == [None, *["true"] * 11]
    told = [dict(answer.json()["data"], state="", timestamp="") for answer in answers]
    assert all(data == told[0] for data in told)
    assert IngestEvent.objects.filter(event_type="returned").count() == 1


def test_a_repeat_after_somebody_else_rented_the_bank_is_a_duplicate(
    gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    payload = returned(at=now - 100)
    gateway.send(payload)
    later = rent(now - 50)
    assert gateway.send(payload)["state"] == "duplicate"
    assert hook.calls == 1
    assert (bank().status, place(), hosts.ended_at(later)) == ("RENTED", (None, None), None)


def test_two_returns_that_differ_are_two_events(
    gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    for at in (now - 100, now - 90):
        assert gateway.send(returned(at=at))["state"] == "applied"
    assert [event.was_rented for event in hook.events] == [True, False]
    assert hosts.ended_at(rental) == moment(now - 100)


def test_a_return_of_a_bank_nobody_rented_moves_it(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    assert gateway.send(returned(at=now - 100))["state"] == "applied"
    assert [event.was_rented for event in hook.events] == [False]
    assert (bank().status, place()) == ("AVAILABLE", (STATION, 3))


@pytest.mark.parametrize("value", ["MAINTENANCE", "DAMAGED"])
def test_a_return_does_not_repair_a_bank(value: str, gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    get_power_bank_model().objects.update(status=value)
    gateway.send(returned(at=now - 100))
    assert (bank().status, place()) == (value, (STATION, 3))


def test_a_return_is_signalled_after_commit(
    gateway: Gateway,
    now: int,
    rental: Any,
    hook: FlakyHook,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with (
        listen(signals.power_bank_returned) as heard,
        django_capture_on_commit_callbacks(execute=True),
    ):
        gateway.send(returned(at=now - 100))
        gateway.send(returned(at=now - 100))
        assert heard == []
    assert [payload["event"] for payload in heard] == hook.events


@pytest.mark.parametrize("shift", [-200, 200])
def test_a_return_is_billed_on_our_clock(
    shift: int, gateway: Gateway, now: int, rental: Any
) -> None:
    signed_at = int(time.time()) + shift
    gateway.send(returned(at=signed_at - 100), timestamp=signed_at)
    ended = hosts.ended_at(rental)
    assert ended is not None
    assert abs(ended - moment(now - 100)) <= timedelta(seconds=2)


@pytest.mark.parametrize("value", [None, "soon", "1970-01-01T00:00:00Z"])
def test_a_return_that_does_not_say_when_is_billed_by_the_body_timestamp(
    value: Any, gateway: Gateway, now: int, rental: Any
) -> None:
    payload = returned(at=now - 100)
    payload["return_event"]["returned_at"] = value
    data = gateway.send(payload)
    assert codes(data) == {"returned_at_replaced"}
    assert hosts.ended_at(rental) == moment(now - 100)


def test_a_return_from_the_future_is_billed_until_it_was_received(
    gateway: Gateway, now: int, rental: Any
) -> None:
    gateway.send(returned(at=now, returned_at=now + 86_400))
    ended = hosts.ended_at(rental)
    assert ended is not None
    assert moment(now) <= ended <= timezone.now()


def test_constants_of_a_return_do_not_overwrite_telemetry(
    gateway: Gateway, now: int, rental: Any
) -> None:
    before = (bank().hardware_info, slot(3).slot_metadata, station().hardware_info)
    gateway.send(returned(at=now - 100))
    assert (bank().hardware_info, slot(3).slot_metadata, station().hardware_info) == before


# Slots


@pytest.mark.parametrize("number", [-1, 49, 255, 256, "3", None, 3.5, True, [], 2**53], ids=repr)
def test_a_return_into_an_unknown_slot_is_applied_without_slot(
    number: Any, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    data = gateway.send(returned(slot=number, at=now - 100))
    assert data["state"] == "applied"
    assert "slot_unknown" in codes(data)
    assert (bank().status, place()) == ("AVAILABLE", (STATION, None))
    assert [event.slot for event in hook.events] == [None]
    assert hosts.ended_at(rental) == moment(now - 100)


def test_slot_zero_is_a_slot(gateway: Gateway, now: int) -> None:
    gateway.send(full([{"slot_number": 0, "status": "AVAILABLE"}], at=now - 500))
    gateway.send(returned(slot=0, at=now - 100))
    assert place() == (STATION, 0)


def test_a_return_into_a_slot_sends_its_older_bank_out(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    gateway.send(returned("B", 1, at=now - 100))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 1))


def test_a_return_into_a_slot_that_a_newer_bank_has_is_at_the_station(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    gateway.send(returned("A", 3, at=now - 100))
    data = gateway.send(returned("B", 3, at=now - 101))
    assert (data["state"], codes(data)) == ("applied", {"slot_taken"})
    assert (place("A"), place("B")) == ((STATION, 3), (STATION, None))
    assert hook.calls == 2


def test_of_two_returns_into_one_slot_in_one_second_the_later_arrival_has_it(
    gateway: Gateway, now: int
) -> None:
    gateway.send(cabinet({1: "A", 2: "B"}, at=now - 500))
    for serial in "AB":
        gateway.send(returned(serial, 3, at=now - 100))
    assert (place("A"), place("B")) == ((STATION, None), (STATION, 3))


# Battery


@pytest.mark.parametrize(
    ("level", "after", "expected"),
    [
        (0, 3600, 85),
        (254, 3600, 85),
        (40, 3600, 40),
        (40, 1801, 40),
        (40, 1800, 85),
        (40, 10, 85),
    ],
    ids=["unknown", "unusable", "fresher", "just fresher", "cache age", "cached"],
)
def test_a_cached_battery_level_does_not_overwrite_a_fresher_one(
    level: int, after: int, expected: int, gateway: Gateway, now: int
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 3600))
    gateway.send(returned(at=now - 3600 + after, battery=level))
    assert bank().battery_level == expected


def test_a_battery_level_that_nobody_told_is_taken_from_a_return(
    gateway: Gateway, now: int
) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(returned(at=now - 100, battery=40))
    assert bank().battery_level == 40


# Earlier rentals, older locations


def test_a_return_of_an_earlier_rental_leaves_this_one_alone(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 200)
    data = gateway.send(returned(at=now - 300))
    assert (data["state"], codes(data)) == ("applied", {"earlier_rental"})
    assert [(event.was_rented, event.occurred_at) for event in hook.events] == [
        (False, moment(now - 300))
    ]
    assert (bank().status, bank().rented_at) == ("RENTED", moment(now - 200))
    assert (place(), hosts.ended_at(rental)) == ((None, None), None)


@pytest.mark.parametrize(("seconds", "ends"), [(-0.001, False), (0, True), (0.001, True)])
def test_a_rental_ends_at_the_earliest_when_it_began(
    seconds: float, ends: bool, gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 200)
    gateway.send(returned(at=now - 100, returned_at=now - 200 + seconds))
    assert [event.was_rented for event in hook.events] == [ends]
    assert (hosts.ended_at(rental) is not None) is ends
    assert bank().status == ("AVAILABLE" if ends else "RENTED")


@pytest.mark.parametrize("newer", [cabinet({4: BANK}), returned(slot=4)], ids=["full", "returned"])
def test_a_return_older_than_the_location_leaves_it(
    newer: dict[str, Any], gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    gateway.send(cabinet({}, serial=ELSEWHERE, at=now - 500))
    gateway.send({**newer, "timestamp": now - 100})
    hook.events.clear()
    data = gateway.send(returned(serial=ELSEWHERE, at=now - 101))
    assert (data["state"], codes(data)) == ("applied", {"older_location"})
    assert (hook.calls, place()) == (1, (STATION, 4))


def test_a_return_as_old_as_the_location_moves_the_bank(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 100))
    gateway.send(returned(at=now - 100))
    assert place() == (STATION, 3)


def test_a_late_return_ends_its_rental_though_the_bank_was_seen_since(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    rental = rent(now - 400)
    gateway.send(cabinet({1: BANK}, at=now - 100))
    ended = hosts.ended_at(rental)
    gateway.send(returned(at=now - 200))
    assert [(event.source, event.was_rented) for event in hook.events] == [
        (Source.SNAPSHOT, True),
        (Source.GATEWAY, False),
    ]
    assert (ended, place()) == (moment(now - 100), (STATION, 1))


# Unknown banks and stations


def test_a_return_of_an_unknown_bank_is_deferred(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    data = gateway.send(returned(at=now - 100))
    assert (data["state"], state()) == ("deferred", State.DEFERRED)
    assert "power_bank_unknown" in codes(data)
    assert not get_power_bank_model().objects.exists()
    assert hook.calls == 0


def test_a_repeat_of_a_deferred_return_is_tried_at_once(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    payload = returned(at=now - 100)
    assert [gateway.send(payload)["state"] for _ in range(2)] == ["deferred", "deferred"]
    get_power_bank_model().objects.create(serial_number=BANK)
    assert [gateway.send(payload)["state"] for _ in range(2)] == ["applied", "duplicate"]
    assert [event.source for event in hook.events] == [Source.GATEWAY]


@pytest.mark.parametrize("serial", [STATION, ELSEWHERE])
def test_a_snapshot_that_makes_the_bank_known_applies_the_deferred_return(
    serial: str, gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(returned(at=now - 100))
    data = gateway.send(cabinet({4: BANK}, serial=serial, at=now - 50))
    assert (data["state"], data["offline_returns_processed"]) == ("applied", 0)
    assert state() == State.APPLIED
    (event,) = hook.events
    assert (event.source, event.occurred_at, event.was_rented) == (
        Source.REPLAY,
        moment(now - 100),
        False,
    )
    assert place() == (serial, 4)


def test_columns_of_the_host_and_of_the_inbox_are_not_compared_by_the_database(
    gateway: Gateway, now: int
) -> None:
    """A host may have given its own another collation."""
    gateway.send(returned(at=now - 100))
    with CaptureQueriesContext(connection) as queries:
        gateway.send(cabinet({4: BANK}, at=now - 50))
    assert state() == State.APPLIED
    tables = [model._meta.db_table for model in (IngestEvent, get_power_bank_model())]
    both = [query for query in queries if all(table in query["sql"] for table in tables)]
    assert both == []


def test_deferred_returns_are_applied_in_the_order_of_their_times(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    for at in (now - 100, now - 300, now - 200):
        gateway.send(returned(at=at))
    gateway.send(cabinet({4: BANK}, at=now - 50))
    assert [event.occurred_at for event in hook.events] == [
        moment(now - ago) for ago in (300, 200, 100)
    ]


def test_a_deferred_return_that_fails_does_not_touch_the_snapshot(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(returned(at=now - 100))
    hook.failures = [RuntimeError("no")]
    data = gateway.send(cabinet({4: BANK}, at=now - 50))
    assert (data["state"], data["warnings"], place()) == ("applied", [], (STATION, 4))
    assert (state(), hook.calls) == (State.FAILED, 1)
    assert gateway.send(returned(at=now - 100))["state"] == "applied"


@pytest.mark.parametrize("service", [BreakingService, SwallowingService])
def test_a_deferred_return_that_breaks_does_not_touch_the_snapshot(
    service: type, gateway: Gateway, now: int, settings: Any
) -> None:
    gateway.send(returned(at=now - 100))
    use(settings, SYNC_SERVICE=f"{__name__}.{service.__name__}")
    assert gateway.send(cabinet({4: BANK}, at=now - 50))["state"] == "applied"
    assert (state(), place()) == (State.FAILED, (STATION, 4))


def test_without_auto_creation_a_return_waits_for_its_bank(
    gateway: Gateway, now: int, hook: FlakyHook, settings: Any
) -> None:
    use(settings, AUTO_CREATE_POWER_BANKS=False)
    gateway.send(returned(at=now - 100))
    gateway.send(cabinet({4: BANK}, at=now - 50))
    assert (state(), hook.calls) == (State.DEFERRED, 0)
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(cabinet({4: BANK}, at=now - 40))
    assert (state(), hook.calls) == (State.APPLIED, 1)


def test_without_auto_creation_a_return_waits_for_its_station(
    gateway: Gateway, now: int, hook: FlakyHook, settings: Any
) -> None:
    use(settings, AUTO_CREATE_STATIONS=False)
    get_power_bank_model().objects.create(serial_number=BANK)
    payload = returned(at=now - 100)
    data = gateway.send(payload)
    assert (data["state"], data["station_id"], data["station_serial"]) == (
        "deferred",
        None,
        STATION,
    )
    assert codes(data) == {"station_unknown"}
    assert not get_station_model().objects.exists()
    get_station_model().objects.create(serial_number=STATION)
    assert gateway.send(payload)["state"] == "applied"
    assert (hook.calls, place()) == (1, (STATION, None))


def test_a_host_made_station_releases_its_returns_with_the_next_snapshot(
    gateway: Gateway, now: int, hook: FlakyHook, settings: Any
) -> None:
    use(settings, AUTO_CREATE_STATIONS=False)
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(returned(at=now - 100))
    get_station_model().objects.create(serial_number=STATION)
    gateway.send(cabinet({}, at=now - 50))
    assert (state(), hook.calls) == (State.APPLIED, 1)


def test_a_return_creates_its_station(gateway: Gateway, now: int, hook: FlakyHook) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    data = gateway.send(returned(at=now - 100))
    assert (data["state"], data["station_id"]) == ("applied", str(station().pk))
    assert (place(), hook.calls) == ((STATION, None), 1)
    assert station().last_heartbeat == moment(now - 100)


# Failures


@pytest.mark.parametrize("service", [BreakingService, SwallowingService])
def test_a_hook_that_meets_a_database_error_fails_the_return(
    service: type, gateway: Gateway, now: int, rental: Any, settings: Any
) -> None:
    host = settings.IOT_INGEST["SYNC_SERVICE"]
    use(settings, SYNC_SERVICE=f"{__name__}.{service.__name__}")
    payload = returned(at=now - 100)
    assert gateway.post(payload).status_code == 503
    assert (state(), bank().status, place()) == (State.FAILED, "RENTED", (None, None))
    use(settings, SYNC_SERVICE=host)
    assert gateway.send(payload)["state"] == "applied"
    assert hosts.ended_at(rental) == moment(now - 100)


@pytest.mark.parametrize("before", [State.RECEIVED, State.FAILED, State.DEAD, State.DEFERRED])
def test_a_repeat_of_a_return_that_was_not_applied_is_applied_now(
    before: str, gateway: Gateway, now: int, rental: Any, hook: FlakyHook
) -> None:
    hook.failures = [RuntimeError("no")]
    payload = returned(at=now - 100)
    gateway.post(payload)
    IngestEvent.objects.filter(event_type="returned").update(state=before)
    assert [gateway.send(payload)["state"] for _ in range(2)] == ["applied", "duplicate"]
    assert hook.calls == 2
    assert hosts.ended_at(rental) == moment(now - 100)


# The station


def test_a_return_moves_neither_clock_of_the_station(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 100))
    gateway.send(status("ONLINE", at=now - 100))
    gateway.send(returned(at=now - 50))
    assert gateway.send(full(at=now - 99))["state"] == "applied"
    assert gateway.send(status("OFFLINE", at=now - 99))["state"] == "applied"


@pytest.mark.parametrize("kind", ["applied", "duplicate", "deferred", "failed"])
def test_every_return_says_that_the_station_lives(
    kind: str, gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 500))
    payload = returned("UNKNOWN" if kind == "deferred" else BANK, at=now - 100)
    if kind == "duplicate":
        gateway.send(payload)
    hook.failures = [RuntimeError("no")] if kind == "failed" else []
    get_station_model().objects.update(last_heard_at=timezone.now() - timedelta(hours=2))
    before = timezone.now()
    response = gateway.post(payload)
    assert response.status_code == (503 if kind == "failed" else 200)
    if kind != "failed":
        assert response.json()["data"]["state"] == kind
    assert before <= station().last_heard_at <= timezone.now()


def test_an_older_heartbeat_does_not_replace_a_newer_one(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 50))
    gateway.send(returned(at=now - 100))
    assert station().last_heartbeat == moment(now - 50)
    gateway.send(returned(at=now - 20))
    assert station().last_heartbeat == moment(now - 20)


def fall_silent(now: int) -> None:
    """Let the station be OFFLINE because nobody heard it for 2000 s."""
    get_station_model().objects.update(last_heard_at=moment(now - 2000))
    assert silence.mark_offline() == 1


def test_a_return_brings_a_silent_station_back(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 2000))
    fall_silent(now)
    gateway.send(returned(at=now - 100))
    assert station().status == "ONLINE"
    change = StationStatusChange.objects.latest("pk")
    assert (change.from_status, change.to_status) == ("OFFLINE", "ONLINE")
    assert (change.changed_at, change.trigger) == (moment(now - 100), "RETURNED")


def test_a_return_from_before_the_silence_does_not(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 3000))
    fall_silent(now)
    gateway.send(returned(at=now - 2500))
    assert station().status == "OFFLINE"


def test_a_station_that_said_offline_waits_for_its_own_word(gateway: Gateway, now: int) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 2000))
    gateway.send(status("OFFLINE", at=now - 1900))
    gateway.send(returned(at=now - 100))
    assert station().status == "OFFLINE"


def test_a_return_that_failed_at_first_brings_a_silent_station_back(
    gateway: Gateway, now: int, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}, at=now - 2000))
    fall_silent(now)
    hook.failures = [RuntimeError("no")]
    payload = returned(at=now)
    assert gateway.post(payload).status_code == 503
    assert gateway.send(payload)["state"] == "applied"
    assert station().status == "ONLINE"
