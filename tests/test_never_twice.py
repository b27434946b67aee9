"""What could apply an event twice, lose one, or hold up the others, and does not."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from django_iot_ingest import authentication, event_types, inbox, sweeper, times
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_sync_service
from django_iot_ingest.events import StationReport
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.prune import prune
from django_iot_ingest.services import Outcome
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, bank_row, cabinet, empty_slot, encode, full, returned

State = IngestEvent.State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def rental() -> Any:
    bank = get_power_bank_model().objects.create(serial_number=BANK)
    get_station_model().objects.create(serial_number=STATION, status="ONLINE")
    return hosts.start_rental(bank, timezone.now() - timedelta(minutes=10))


@pytest.fixture
def alarm() -> Iterator[type[event_types.EventType]]:
    """A host's own event type, which does what a test says."""

    class Alarm(event_types.EventType):
        name = "alarm"
        outcome: Callable[[], Outcome] = staticmethod(Outcome)
        applied: list[Any] = []

        def read(self, reader: Any) -> StationReport:
            return StationReport(**reader.common())

        def apply(self, service: Any, report: Any) -> Outcome:
            self.applied.append(report.raw["number"])
            return type(self).outcome()

    yield event_types.register(Alarm)
    event_types.unregister("alarm")


def ring(number: int) -> dict[str, Any]:
    now, device = int(time.time()), {"serial_number": STATION}
    return {"type": "alarm", "timestamp": now, "number": number, "device": device}


def keep(payload: Any, state: str, **values: Any) -> IngestEvent:
    """Put a return into the inbox as if it had come two minutes ago."""
    digest = hashlib.sha256(encode(payload)).hexdigest()
    moment = timezone.now() - timedelta(minutes=2)
    fields: dict[str, Any] = {
        "event_type": "returned",
        "device_serial": STATION,
        "power_bank_serial": BANK,
        "event_time": moment,
        "received_at": moment,
        "signed_at": int(moment.timestamp()),
        "body": encode(payload),
        "sha256": digest,
        "dedup_key": digest,
        "state": state,
        **values,
    }
    return IngestEvent.objects.create(**fields)


def test_a_copy_does_not_undo_what_a_replay_of_a_refused_row_did(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = returned()
    row = keep(payload, State.REFUSED)
    service = type(get_sync_service())
    original, is_applying, calls = service.on_power_bank_returned, threading.Event(), []

    def hook(instance: Any, event: Any) -> None:
        calls.append(event)
        is_applying.set()
        time.sleep(0.5)
        original(instance, event)

    monkeypatch.setattr(service, "on_power_bank_returned", hook)

    def replay() -> None:
        inbox.apply(row.pk)
        connection.close()

    thread = threading.Thread(target=replay)
    thread.start()
    is_applying.wait(10)
    answer = gateway.send(payload)
    thread.join()

    assert answer["state"] == "duplicate"
    assert len(calls) == 1


def test_a_return_that_was_held_is_billed_to_its_own_time(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held for six seconds, it would look like one from a clock that is six seconds slow."""
    hook, clock = FlakyHook(monkeypatch), time.time
    original = authentication.SignatureAuthentication.authenticate_bearer

    def away_once(self: Any, request: Any) -> Any:
        if time.time is clock:
            monkeypatch.setattr(time, "time", lambda: clock() + 6)
            error = OperationalError("starting")
            error.__cause__ = type("Error", (Exception,), {"sqlstate": "57P03"})()
            raise error
        return original(self, request)

    monkeypatch.setattr(authentication.SignatureAuthentication, "authenticate_bearer", away_once)
    now = int(clock())

    gateway.send(returned(at=now), timestamp=now)

    assert hook.events[0].occurred_at == times.native(datetime.fromtimestamp(now, UTC))


def test_an_event_that_ends_the_process_does_not_hold_up_the_others(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = keep(returned(battery=1), State.RECEIVED)
    healthy = keep(returned(battery=2), State.RECEIVED)
    service = type(get_sync_service())
    original = service.on_power_bank_returned

    def hook(instance: Any, event: Any) -> None:
        if event.raw["return_event"]["battery_level"] == 1:
            raise SystemExit
        original(instance, event)

    monkeypatch.setattr(service, "on_power_bank_returned", hook)

    with pytest.raises(SystemExit):
        sweeper.sweep()
    assert sweeper.sweep() == {"applied": 1}

    poison.refresh_from_db()
    healthy.refresh_from_db()
    assert (poison.state, poison.attempts) == (State.RECEIVED, 1)
    assert poison.retry_at is not None
    assert healthy.state == State.APPLIED


def test_a_refused_return_whose_hook_fails_is_not_refused_any_more(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = FlakyHook(monkeypatch)
    hook.failures = [RuntimeError("no")]
    row = keep(returned(), State.REFUSED, event_type="", power_bank_serial="", device_serial="")

    assert sweeper.try_each([row.pk]) == {"failed": 1}

    row.refresh_from_db()
    assert (row.state, row.event_type, row.power_bank_serial) == (State.FAILED, "returned", BANK)
    IngestEvent.objects.update(retry_at=None)
    assert sweeper.sweep() == {"applied": 1}


def test_events_that_tell_no_state_never_replace_each_other(
    gateway: Gateway, alarm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarm.outcome = staticmethod(lambda: Outcome(state=State.DEFERRED))
    for number in (1, 2):
        assert gateway.send(ring(number))["state"] == "deferred"
    alarm.outcome = staticmethod(Outcome)
    gateway.send(ring(3))
    alarm.applied.clear()
    IngestEvent.objects.update(retry_at=None)

    assert sweeper.sweep() == {"applied": 2}
    assert alarm.applied == [1, 2]


def test_an_event_of_a_hosts_own_type_says_that_the_station_lives(
    gateway: Gateway, alarm: Any
) -> None:
    get_station_model().objects.create(serial_number=STATION)

    gateway.send(ring(1))

    assert get_station_model().objects.get().last_heard_at is not None


def test_a_callback_of_the_host_that_fails_after_commit_fails_nothing(
    gateway: Gateway, alarm: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def plan() -> Outcome:
        transaction.on_commit(lambda: 1 / 0)
        return Outcome()

    alarm.outcome = staticmethod(plan)

    assert gateway.send(ring(1))["state"] == "applied"
    assert list(IngestEvent.objects.values_list("state", flat=True)) == [State.APPLIED]
    assert "on_commit callback failed" in caplog.text


def test_a_snapshot_that_the_sweeper_applies_brings_its_deferred_returns_along(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = FlakyHook(monkeypatch, "on_station_created")
    hook.failures = [RuntimeError("no")]
    assert gateway.post(cabinet({2: BANK})).status_code == 503
    get_station_model().objects.create(serial_number=STATION)
    assert gateway.send(returned())["state"] == "deferred"
    IngestEvent.objects.filter(event_type="full").update(retry_at=None)

    sweeper.sweep()

    assert set(IngestEvent.objects.values_list("state", flat=True)) == {State.APPLIED}


def test_refused_bodies_are_bounded_by_number_and_not_by_age(gateway: Gateway) -> None:
    gateway.post(b"{")
    IngestEvent.objects.update(received_at=timezone.now() - timedelta(days=1000))

    prune()

    assert IngestEvent.objects.get().state == State.REFUSED


def test_an_answer_never_holds_more_warnings_than_are_kept(gateway: Gateway, settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_POWER_BANKS": False}
    banks = [bank_row(f"b{number}", 300) for number in range(200)]

    warnings = gateway.send(full([empty_slot(1)], banks))["warnings"]

    assert len(warnings) == 101
    assert warnings[-1] == {"code": "more", "path": ""}


@pytest.mark.once
def test_the_hour_that_comes_twice_is_told_apart_by_the_signature(settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Europe/Berlin"
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for moment in (first, first + timedelta(hours=1)):
        kept = times.native(moment).replace(fold=0)
        assert times.aware(kept, near=int(moment.timestamp())) == moment


@pytest.mark.once
def test_an_activated_time_zone_moves_nothing(settings: Any) -> None:
    settings.USE_TZ = False
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    with timezone.override("Asia/Kathmandu"):
        moved = times.native(moment)
    assert moved == times.native(moment)
