"""Every fault of docs/explanation/faults.md: what the gateway is told, and what the tables hold after it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from django_iot_ingest import database, inbox, patience, signals
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_sync_service
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, full, returned

State = IngestEvent.State
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "faults.md"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HOLD_SECONDS", 0.4)
    monkeypatch.setattr(patience, "PAUSE", 0.05)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def rental() -> Any:
    bank = get_power_bank_model().objects.create(serial_number=BANK)
    get_station_model().objects.create(serial_number=STATION)
    return hosts.start_rental(bank, timezone.now() - timedelta(minutes=10))


@pytest.fixture
def hook_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Run something in the hook, before its own work, the first ``times`` times."""
    service = type(get_sync_service())
    original = service.on_power_bank_returned
    events: list[Any] = []

    def install(trouble: Callable[[], None], times: int = 1) -> list[Any]:
        def hook(instance: Any, event: Any) -> None:
            events.append(event)
            if len(events) <= times:
                trouble()
            original(instance, event)

        monkeypatch.setattr(service, "on_power_bank_returned", hook)
        return events

    return install


def vendor(*names: str) -> bool:
    """Return whether this database is one of ``names``; the others have no such fault."""
    return connection.vendor in names


def row() -> tuple[str, str]:
    found = IngestEvent.objects.get()
    return found.state, found.last_error_code


def is_untouched(rental: Any) -> bool:
    bank = get_power_bank_model().objects.get()
    return hosts.ended_at(rental) is None and bank.status == bank.Status.RENTED


def is_closed(rental: Any) -> bool:
    bank = get_power_bank_model().objects.get()
    return hosts.ended_at(rental) is not None and bank.status == bank.Status.AVAILABLE


def assert_held_back(response: Any) -> None:
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json()["error"] == "TEMPORARILY_UNAVAILABLE"


def raising(error: Exception) -> Callable[[], None]:
    def trouble() -> None:
        raise error

    return trouble


def operational(state: str) -> OperationalError:
    """Return what Django raises where the driver gives this SQLSTATE."""
    cause = type("DriverError", (Exception,), {"sqlstate": state})()
    error = OperationalError("told by the server")
    error.__cause__ = cause
    return error


def test_the_hook_raises(gateway: Gateway, rental: Any, hook_with: Any) -> None:
    hook_with(raising(RuntimeError("no")))
    payload = returned()

    assert_held_back(gateway.post(payload))
    assert row() == (State.FAILED, "RuntimeError")
    assert is_untouched(rental)
    assert gateway.send(payload)["state"] == "applied"
    assert is_closed(rental)


def test_the_hook_swallows_a_database_error(gateway: Gateway, rental: Any, hook_with: Any) -> None:
    def swallow() -> None:
        station = get_station_model()(serial_number=STATION)
        with suppress(IntegrityError):
            station.save(force_insert=True)

    hook_with(swallow)

    assert_held_back(gateway.post(returned()))
    state, code = row()
    assert state == State.FAILED
    assert code
    assert is_untouched(rental)


def test_a_receiver_raises_after_commit(gateway: Gateway, rental: Any) -> None:
    def receiver(**payload: Any) -> None:
        raise RuntimeError("no")

    signals.power_bank_returned.connect(receiver)
    try:
        assert gateway.send(returned())["state"] == "applied"
    finally:
        signals.power_bank_returned.disconnect(receiver)
    assert is_closed(rental)


@pytest.mark.once
def test_the_cache_is_down(gateway: Gateway, rental: Any, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": "127.0.0.1:1",
        }
    }

    assert gateway.send(returned())["state"] == "applied"
    assert is_closed(rental)


@pytest.mark.once
def test_the_broker_is_down(gateway: Gateway, rental: Any, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "no.such.broker"}}

    assert gateway.send(returned())["state"] == "applied"
    assert is_closed(rental)


@contextmanager
def read_only() -> Iterator[None]:
    """Make this connection, and those that replace it, read-only."""
    statements = {
        "postgresql": (
            "SET default_transaction_read_only = on",
            "SET default_transaction_read_only = off",
        ),
        "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
        "sqlite": ("PRAGMA query_only = on", "PRAGMA query_only = off"),
    }
    on, off = statements[connection.vendor]

    def turn(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    original = connection.connect

    def connect() -> None:
        original()
        turn(on)

    turn(on)
    connection.connect = connect  # type: ignore[method-assign]
    try:
        yield
    finally:
        connection.connect = original  # type: ignore[method-assign]
        turn(off)


def test_the_database_is_read_only(gateway: Gateway, rental: Any) -> None:
    payload = returned()
    with read_only():
        assert_held_back(gateway.post(payload))

    assert not IngestEvent.objects.exists(), "there was nowhere to write a receipt"
    assert is_untouched(rental)
    assert gateway.send(payload)["state"] == "applied"


def kill_this_connection() -> None:
    """End our own connection from the server's side, as a restart or a failover does."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        else:
            cursor.execute("SELECT CONNECTION_ID()")
            cursor.execute(f"KILL {cursor.fetchone()[0]}")


def test_the_connection_is_killed_in_the_middle(
    gateway: Gateway, rental: Any, hook_with: Any
) -> None:
    if not vendor("postgresql", "mysql"):
        return
    events = hook_with(kill_this_connection)

    assert gateway.send(returned())["state"] == "applied"

    assert len(events) == 2, "what the first call did was rolled back with its connection"
    assert row() == (State.APPLIED, "")
    assert is_closed(rental)


def test_the_connection_was_lost_before_the_request(gateway: Gateway, rental: Any) -> None:
    if not vendor("postgresql", "mysql"):
        return
    with pytest.raises(OperationalError):
        kill_this_connection()
        get_station_model().objects.exists()

    assert gateway.send(returned())["state"] == "applied"
    assert is_closed(rental)


@pytest.mark.once
@pytest.mark.parametrize("state", ["53100", "53300", "57P03", "08006", "55P03", "57014"])
def test_the_database_is_full_or_away(
    gateway: Gateway, rental: Any, hook_with: Any, state: str
) -> None:
    events = hook_with(raising(operational(state)), times=1000)
    payload = returned()
    started = time.monotonic()

    assert_held_back(gateway.post(payload))

    assert time.monotonic() - started >= patience.HOLD_SECONDS
    assert len(events) > 2, "it held on"
    assert row() == (State.FAILED, f"OperationalError:{state}")
    assert is_untouched(rental)


@pytest.mark.once
def test_the_database_comes_back_in_time(
    gateway: Gateway, rental: Any, hook_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HOLD_SECONDS", 8.0)
    hook_with(raising(operational("57P03")), times=5)

    assert gateway.send(returned())["state"] == "applied"
    assert IngestEvent.objects.get().attempts == 1, "an outage is no attempt"
    assert is_closed(rental)


@pytest.mark.once
def test_no_more_than_hold_max_wait_at_once(
    gateway: Gateway, rental: Any, hook_with: Any, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "HOLD_MAX": 0}
    events = hook_with(raising(operational("57P03")), times=1000)

    assert_held_back(gateway.post(returned()))
    assert len(events) <= database.MAX_ATTEMPTS


@pytest.mark.once
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_or_a_serialization_failure(
    gateway: Gateway, rental: Any, hook_with: Any, state: str
) -> None:
    events = hook_with(raising(operational(state)), times=2)

    assert gateway.send(returned())["state"] == "applied"
    assert len(events) == 3
    assert is_closed(rental)


def test_a_lock_is_not_had_in_time(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not vendor("postgresql", "mysql"):
        return
    monkeypatch.setattr(database, "LOCK_TIMEOUT", 0.2)
    payload, is_held, is_over = returned(), threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(get_station_model().objects.select_for_update())
            is_held.set()
            is_over.wait(20)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(20)
    try:
        assert_held_back(gateway.post(payload))
    finally:
        is_over.set()
        thread.join()

    assert IngestEvent.objects.get().state in (State.FAILED, State.RECEIVED)
    assert is_untouched(rental)
    assert gateway.send(payload)["state"] == "applied"


def test_a_migration_is_missing(gateway: Gateway, rental: Any) -> None:
    table = IngestEvent._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(IngestEvent, table, f"{table}_away")
    try:
        assert_held_back(gateway.post(returned()))
        assert_held_back(gateway.post(full()))
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(IngestEvent, f"{table}_away", table)
    assert is_untouched(rental)
    assert gateway.send(returned())["state"] == "applied"


def test_the_process_dies_between_receipt_and_application(
    gateway: Gateway, rental: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "apply", die)
        with pytest.raises(SystemExit):
            gateway.post(returned())

    assert row() == (State.RECEIVED, "")
    assert is_untouched(rental)
    assert inbox.apply(IngestEvent.objects.get().pk).state == "applied"
    assert is_closed(rental)


@pytest.mark.once
def test_the_bearers_user_cannot_be_looked_up(
    gateway: Gateway, rental: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed return is held on to; anything else is told at once."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PRINCIPAL_CACHE_SECONDS": 0}
    from rest_framework_simplejwt.authentication import JWTAuthentication

    original, calls = JWTAuthentication.authenticate, []

    def authenticate(self: Any, request: Any) -> Any:
        calls.append(request)
        if len(calls) <= 4:
            raise operational("57P03")
        return original(self, request)

    monkeypatch.setattr(JWTAuthentication, "authenticate", authenticate)

    assert gateway.send(returned())["state"] == "applied"
    assert len(calls) == 5

    calls.clear()
    assert_held_back(gateway.post(full()))
    assert len(calls) == 2
    calls.clear()
    assert_held_back(
        gateway.post(returned(slot=4), secret="not-the-secret-of-this-endpoint-0123456")
    )
    assert len(calls) == 2


@pytest.mark.once
def test_the_document_lists_every_fault() -> None:
    tests = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(), re.MULTILINE))
    listed = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text()))
    assert listed == tests - {"test_the_document_lists_every_fault"}
