"""What waits in the inbox is finished by itself."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from django_iot_ingest import ledger, signals, sweeper
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, returned, status

State = IngestEvent.State


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def rental(db: None) -> Any:
    bank = get_power_bank_model().objects.create(serial_number=BANK)
    return hosts.start_rental(bank, timezone.now() - timedelta(minutes=10))


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


def fail_once(gateway: Gateway, hook: FlakyHook) -> IngestEvent:
    hook.failures = [RuntimeError("no")]
    assert gateway.post(returned()).status_code == 503
    return IngestEvent.objects.get()


def make_due() -> None:
    IngestEvent.objects.update(retry_at=timezone.now())


def test_a_failed_return_is_applied_when_it_is_due(
    gateway: Gateway, hook: FlakyHook, rental: Any
) -> None:
    row = fail_once(gateway, hook)
    assert sweeper.sweep() == {}, "not due yet"
    make_due()

    assert sweeper.sweep() == {"applied": 1}

    row.refresh_from_db()
    assert (row.state, row.attempts, row.retry_at) == (State.APPLIED, 2, None)
    assert hook.events[-1].source == "replay"
    assert hosts.ended_at(rental) is not None


def test_a_receipt_whose_process_died_is_applied(gateway: Gateway, rental: Any) -> None:
    gateway.send(returned())
    IngestEvent.objects.update(state=State.RECEIVED, result=None)
    assert sweeper.sweep() == {}, "its own request may still be at it"
    IngestEvent.objects.update(received_at=timezone.now() - timedelta(minutes=1))

    assert sweeper.sweep() == {"applied": 1}


def test_each_failure_doubles_the_wait(gateway: Gateway, hook: FlakyHook, rental: Any) -> None:
    row = fail_once(gateway, hook)
    waits = []
    for _ in range(3):
        row.refresh_from_db()
        waits.append(round((row.retry_at - timezone.now()).total_seconds()))
        make_due()
        hook.failures = [RuntimeError("no")]
        assert sweeper.sweep() == {"failed": 1}

    assert waits == [10, 20, 40]
    assert ledger.next_try(1000) - timezone.now() <= ledger.MAX_BACK_OFF


def test_too_many_attempts_make_it_dead(
    gateway: Gateway,
    hook: FlakyHook,
    rental: Any,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SWEEP_MAX_ATTEMPTS": 2}
    row = fail_once(gateway, hook)
    hook.failures = [RuntimeError("no")]
    make_due()

    with django_capture_on_commit_callbacks(execute=True):
        assert sweeper.sweep() == {"dead": 1}

    make_due()
    assert sweeper.sweep() == {}, "it is tried no more"
    assert f"event {row.pk} is dead" in caplog.text
    assert hosts.ended_at(rental) is None


def test_a_death_is_signalled_after_commit(
    gateway: Gateway,
    hook: FlakyHook,
    rental: Any,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SWEEP_MAX_ATTEMPTS": 2}
    row = fail_once(gateway, hook)
    hook.failures = [RuntimeError("no")]
    make_due()
    heard: list[Any] = []

    def listen(**payload: Any) -> None:
        heard.append(payload["event_id"])

    signals.event_failed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            sweeper.sweep()
    finally:
        signals.event_failed.disconnect(listen)

    assert heard == [row.pk, row.pk], "the failure, then the death"


def test_a_deferred_return_waits_for_its_bank_and_never_dies(
    gateway: Gateway, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SWEEP_MAX_ATTEMPTS": 1}
    gateway.send(returned())
    for _ in range(3):
        make_due()
        assert sweeper.sweep() == {"deferred": 1}
    get_power_bank_model().objects.create(serial_number=BANK)
    make_due()

    assert sweeper.sweep() == {"applied": 1}


def test_a_deferred_status_is_applied_once_the_station_is_known(
    gateway: Gateway, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    for word in ("ONLINE", "OFFLINE", "MAINTENANCE"):
        assert gateway.send(status(word))["state"] == "deferred"
    states = IngestEvent.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["stale", "stale", "deferred"], "only the newest matters"
    get_station_model().objects.create(serial_number=STATION)
    make_due()

    assert sweeper.sweep() == {"applied": 1}
    assert get_station_model().objects.get().status == "MAINTENANCE"


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_left_to_them(hook: FlakyHook) -> None:
    if not connection.features.has_select_for_update_skip_locked:
        assert connection.vendor == "sqlite"  # one writer at a time: nothing to skip
        return
    get_power_bank_model().objects.create(serial_number=BANK)
    row = fail_once(Gateway.with_admin(), hook)
    make_due()
    swept: list[Any] = []

    def sweep_beside() -> None:
        swept.append(sweeper.sweep())
        connection.close()

    with transaction.atomic():
        ledger.lock(row.pk)
        thread = threading.Thread(target=sweep_beside)
        thread.start()
        thread.join(20)

    assert swept == [{"locked": 1}]


def test_the_command_says_what_it_did(gateway: Gateway, hook: FlakyHook, rental: Any) -> None:
    out = StringIO()
    call_command("iot_sweep", stdout=out)
    fail_once(gateway, hook)
    make_due()
    call_command("iot_sweep", limit=5, stdout=out)

    assert out.getvalue() == "nothing was due\n1 applied\n"
