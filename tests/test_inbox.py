"""Exactly once, never lost: receipts, failures, repeats, refused bodies."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_iot_ingest import inbox, ledger, signals
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_sync_service
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, cabinet, encode, full, returned, status

State = IngestEvent.State


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


def known_bank() -> Any:
    bank, _ = get_power_bank_model().objects.get_or_create(serial_number=BANK)
    return bank


def rented(seconds_ago: float = 600) -> Any:
    return hosts.start_rental(known_bank(), timezone.now() - timedelta(seconds=seconds_ago))


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(0)`` to ``work(count - 1)`` on as many threads, started together."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - the test reports it
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_return_is_received_before_it_is_applied(gateway: Gateway, hook: FlakyHook) -> None:
    rented()
    hook.failures = [RuntimeError("no")]

    response = gateway.post(returned())

    row = IngestEvent.objects.get()
    assert response.status_code == 503
    assert response.json()["error"] == "TEMPORARILY_UNAVAILABLE"
    assert response["Retry-After"] == "5"
    assert (row.state, row.attempts, row.last_error_code) == (State.FAILED, 1, "RuntimeError")
    assert (row.event_type, row.device_serial, row.power_bank_serial) == ("returned", STATION, BANK)


def test_a_failed_return_changes_nothing_else(gateway: Gateway, hook: FlakyHook) -> None:
    rental = rented()
    hook.failures = [RuntimeError("no")]

    gateway.post(returned())

    bank = known_bank()
    assert bank.status == bank.Status.RENTED
    assert bank.current_station_id is None
    assert hosts.ended_at(rental) is None


def test_a_repeat_of_a_failed_return_applies_it(gateway: Gateway, hook: FlakyHook) -> None:
    rental = rented()
    hook.failures = [RuntimeError("no"), ValueError("no")]
    payload = returned()

    codes = [gateway.post(payload).status_code for _ in range(3)]

    row = IngestEvent.objects.get()
    assert codes == [503, 503, 200]
    assert (row.state, row.attempts, row.last_error_code) == (State.APPLIED, 3, "")
    assert hosts.ended_at(rental) is not None


def test_a_repeat_of_an_applied_return_is_a_duplicate(gateway: Gateway, hook: FlakyHook) -> None:
    rented()
    payload = returned()
    first = gateway.post(payload)

    second = gateway.post(payload, timestamp=int(time.time()) + 2)

    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    stored, repeated = first.json()["data"], second.json()["data"]
    assert repeated["state"] == "duplicate"
    for name in stored.keys() - {"state", "timestamp"}:
        assert repeated[name] == stored[name]
    assert hook.calls == 1


def test_a_repeat_of_a_dead_return_applies_it(gateway: Gateway, hook: FlakyHook) -> None:
    rented()
    hook.failures = [RuntimeError("no")]
    payload = returned()
    gateway.post(payload)
    IngestEvent.objects.update(state=State.DEAD)

    assert gateway.send(payload)["state"] == "applied"


def test_a_repeat_after_the_bank_was_rented_again_leaves_that_rental(
    gateway: Gateway, hook: FlakyHook
) -> None:
    first = rented(600)
    payload = returned(at=time.time() - 60)
    gateway.send(payload, timestamp=int(time.time()) - 60)
    second = rented(30)

    assert gateway.send(payload)["state"] == "duplicate"
    assert hosts.ended_at(first) is not None
    assert hosts.ended_at(second) is None


@pytest.mark.django_db(transaction=True)
def test_twenty_identical_returns_at_once_end_one_rental(hook: FlakyHook) -> None:
    gateway = Gateway.with_admin()
    rental = rented()
    payload = returned()

    answers = at_once(20, lambda _: gateway.send(payload)["state"])

    assert Counter(answers) == {"applied": 1, "duplicate": 19}
    assert hook.calls == 1
    assert hosts.ended_at(rental) is not None
    assert IngestEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_first_contact_of_a_station_from_eight_threads_makes_one() -> None:
    gateway = Gateway.with_admin()
    now = time.time()

    def contact(index: int) -> str:
        payloads = [status(at=now), cabinet({1: "b1", 2: "b2"}, at=now)]
        return str(gateway.send(payloads[index % 2])["state"])

    assert at_once(8, contact) == ["applied"] * 8
    assert get_station_model().objects.count() == 1
    assert get_power_bank_model().objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_snapshots_of_two_stations_with_the_same_banks_in_opposite_order() -> None:
    gateway = Gateway.with_admin()
    now = int(time.time()) - 100
    serials = [f"b{number}" for number in range(12)]

    def send(station: int) -> list[str]:
        mine = serials if station else serials[::-1]
        states = []
        for step in range(5):
            payload = cabinet(
                dict(enumerate(mine, start=1)), size=12, serial=f"s{station}", at=now + step
            )
            states.append(gateway.send(payload)["state"])
        return states

    assert at_once(2, send) == [["applied"] * 5] * 2
    banks = get_power_bank_model().objects
    assert banks.filter(current_slot__isnull=False).count() <= 12
    slots = list(banks.exclude(current_slot=None).values_list("current_slot", flat=True))
    assert len(slots) == len(set(slots))


@pytest.mark.django_db(transaction=True)
def test_a_failed_row_survives_atomic_requests(settings: Any, hook: FlakyHook) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        gateway = Gateway.with_admin()
        rented()
        hook.failures = [RuntimeError("no")]
        assert gateway.post(returned()).status_code == 503
        assert IngestEvent.objects.get().state == State.FAILED
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.django_db(transaction=True)
def test_inside_somebody_elses_transaction_nothing_is_accepted() -> None:
    gateway = Gateway.with_admin()
    known_bank()

    with transaction.atomic():
        response = gateway.post(returned())

    assert response.status_code == 503
    assert not IngestEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_full_that_fails_leaves_a_row_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(service: Any, event: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(type(get_sync_service()), "on_station_created", refuse)
    failed: list[dict[str, Any]] = []

    def listen(**payload: Any) -> None:
        failed.append(payload)

    signals.event_failed.connect(listen)
    try:
        assert Gateway.with_admin().post(full()).status_code == 503
    finally:
        signals.event_failed.disconnect(listen)

    row = IngestEvent.objects.get()
    assert (row.state, row.event_type, row.dedup_key) == (State.FAILED, "full", None)
    assert not get_station_model().objects.exists()
    assert [(event["event_id"], event["error_code"]) for event in failed] == [
        (row.pk, "RuntimeError")
    ]


def test_full_and_status_are_never_de_duplicated(gateway: Gateway) -> None:
    now = time.time()

    states = [
        gateway.send(status(word, at=now))["state"] for word in ("ONLINE", "OFFLINE", "ONLINE")
    ]

    assert states == ["applied"] * 3
    assert list(IngestEvent.objects.values_list("dedup_key", flat=True)) == [None] * 3


@pytest.mark.parametrize(
    ("body", "event_type", "error"),
    [
        (b"{", "", "INVALID_JSON"),
        (b'{"type":"dance"}', "", "UNKNOWN_TYPE"),
        (encode(returned(bank=None)), "returned", "INVALID_PAYLOAD"),
        (encode(status("UP")), "status", "INVALID_PAYLOAD"),
    ],
)
def test_a_refused_body_is_kept_once(
    gateway: Gateway, body: bytes, event_type: str, error: str
) -> None:
    for _ in range(3):
        assert gateway.post(body).json()["error"] == error

    row = IngestEvent.objects.get()
    assert (row.state, row.event_type, row.attempts) == (State.REFUSED, event_type, 3)
    assert (bytes(row.body), row.last_error_code) == (body, error)


def test_only_signed_and_fresh_requests_leave_a_row(gateway: Gateway) -> None:
    gateway.post(b"{", secret="another-secret-of-at-least-32-bytes-9876")
    gateway.post(b"{", timestamp=int(time.time()) - 3600)
    gateway.post(b"{", Authorization="Bearer nonsense")

    assert not IngestEvent.objects.exists()


def test_the_newest_refused_bodies_are_kept_and_all_refused_returns(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "REFUSED_KEPT", 3)
    for number in range(5):
        gateway.post(returned(bank=None, slot=number))
        gateway.post(b"{%d" % number)

    refused = IngestEvent.objects.filter(state=State.REFUSED)
    assert refused.filter(event_type="returned").count() == 5
    kept = refused.filter(event_type="").order_by("pk").values_list("body", flat=True)
    assert [bytes(body) for body in kept] == [b"{2", b"{3", b"{4"]


def test_a_refused_return_is_tried_again(gateway: Gateway) -> None:
    payload = returned()
    row, _ = ledger.rows().get_or_create(
        dedup_key=hashlib.sha256(encode(payload)).hexdigest(),
        defaults={
            "state": State.REFUSED,
            "body": b"",
            "signed_at": 0,
            "received_at": timezone.now(),
        },
    )
    known_bank()

    assert gateway.send(payload)["event_id"] == str(row.pk)
    row.refresh_from_db()
    assert (row.state, row.event_type) == (State.APPLIED, "returned")


def test_applying_a_row_that_does_not_exist(db: None) -> None:
    with pytest.raises(IngestEvent.DoesNotExist):
        inbox.apply(4711)


def test_a_retried_event_that_a_later_one_overtook_is_stale(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    service = type(get_sync_service())
    gateway.send(status("ONLINE", at=now))
    with monkeypatch.context() as patched:
        patched.setattr(service, "on_station_status_changed", lambda *_: 1 / 0)
        assert gateway.post(status("OFFLINE", at=now)).status_code == 503
    gateway.send(status("MAINTENANCE", at=now))

    answer = inbox.apply(IngestEvent.objects.get(state=State.FAILED).pk)

    assert answer.state == "stale"
    assert get_station_model().objects.get().status == "MAINTENANCE"
