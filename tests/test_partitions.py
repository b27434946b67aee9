"""The inbox in partitions: nothing that is unique, or not applied, is lost by dropping a day."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from django_iot_ingest import prune
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.models import IngestEvent
from tests import partitions
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, cabinet, encode, full, returned, status
from tests.test_concurrency import in_rounds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

State = IngestEvent.State

DAYS = 30


@pytest.fixture
def partitioned() -> Iterator[None]:
    if os.environ.get("TEST_INBOX") == "partitions":
        pytest.fail("these tests make and drop the partitions themselves")
    partitions.make()
    yield
    partitions.unmake()


@pytest.fixture
def gateway(partitioned: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def make_old(days: int) -> None:
    """Give every row so old a time of receipt, in the table of that day."""
    partitions.add_days(partitions.today() - timedelta(days=days), 1)
    IngestEvent.objects.update(received_at=days_ago(days))


def test_rows_go_where_they_belong(gateway: Gateway, hook: FlakyHook) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(full())
    gateway.send(status())
    gateway.send(returned())
    gateway.post({**status(), "type": "unknown"})

    assert partitions.tables() == {partitions.name_of(): 2, "keyed": 2}


def test_what_was_there_before_is_kept_or_looked_up(transactional_db: None) -> None:
    gateway = Gateway.with_admin()
    get_power_bank_model().objects.create(serial_number=BANK)
    payloads = [returned(), returned(bank="unknown"), full(), status()]
    states = [gateway.send(payload)["state"] for payload in payloads]
    failed = IngestEvent.objects.create(
        received_at=days_ago(40), signed_at=1, body=b"{}", state=State.FAILED
    )
    newest = failed.pk

    partitions.make()
    try:
        assert states == ["applied", "deferred", "applied", "applied"]
        assert partitions.tables() == {"keyed": 2, "other": 1}
        assert partitions.ask(f"SELECT count(*) FROM {partitions.INBOX}_before") == 5
        again = [gateway.send(payload)["state"] for payload in payloads[:2]]
        assert again == ["duplicate", "deferred"]
        gateway.send(status())
        assert IngestEvent.objects.order_by("pk").last().pk > newest
    finally:
        partitions.unmake()


def test_a_key_is_unique_whatever_the_day(gateway: Gateway) -> None:
    values = {"signed_at": 1, "body": b"", "state": State.APPLIED, "dedup_key": "k"}
    IngestEvent.objects.create(received_at=days_ago(300), **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        IngestEvent.objects.create(received_at=days_ago(0), **values)


def test_returns_at_once_stay_one(gateway: Gateway, hook: FlakyHook) -> None:
    gateway.send(cabinet({1: BANK}))
    body = encode(returned())

    (states,) = in_rounds(1, *[lambda _: gateway.send(body)["state"]] * 8)

    assert sorted(states) == ["applied"] + ["duplicate"] * 7
    assert hook.calls == 1
    assert IngestEvent.objects.filter(event_type="returned").count() == 1


def test_a_day_is_dropped_and_a_repeat_of_its_return_still_known(
    gateway: Gateway, hook: FlakyHook
) -> None:
    gateway.send(cabinet({1: BANK}))
    payload = returned()
    gateway.send(payload)
    make_old(DAYS)
    assert partitions.tables() == {partitions.name_of(DAYS): 1, "keyed": 1}

    assert partitions.drop_before(partitions.today() - timedelta(days=DAYS - 1)) == 0

    assert partitions.tables() == {"keyed": 1}
    assert partitions.name_of(DAYS) not in partitions.days()
    assert partitions.name_of() in partitions.days()
    assert gateway.send(payload)["state"] == "duplicate"
    assert hook.calls == 1


@pytest.mark.parametrize("state", sorted(set(State.values) - {State.APPLIED, State.STALE}))
def test_what_was_not_applied_outlives_its_day(gateway: Gateway, state: str) -> None:
    for _ in range(3):
        gateway.send(status())
    first, second, _ = IngestEvent.objects.order_by("pk")
    make_old(DAYS)
    IngestEvent.objects.filter(pk=first.pk).update(state=state)
    IngestEvent.objects.filter(pk=second.pk).update(state=State.STALE)

    assert partitions.drop_before(partitions.today()) == 1

    kept = IngestEvent.objects.get()
    assert (kept.pk, kept.state, bytes(kept.body)) == (first.pk, state, bytes(first.body))
    assert partitions.tables() == {"other": 1}


def test_dropping_leaves_the_pruning_nothing_but_keys(gateway: Gateway, hook: FlakyHook) -> None:
    """Days that hold anything older than ``KEEP_EVENTS_DAYS`` are gone before it looks."""
    gateway.send(cabinet({1: BANK}))
    gateway.send(returned())
    make_old(DAYS)
    partitions.drop_before(partitions.today() - timedelta(days=DAYS - 1))

    counts = prune.prune()

    assert (counts["events"], counts["bodies of returns"], counts["returns"]) == (0, 1, 0)
    make_old(401)
    assert prune.prune()["returns"] == 1


def test_what_is_applied_late_is_pruned_from_the_rest(gateway: Gateway) -> None:
    gateway.send(status())
    make_old(DAYS)
    IngestEvent.objects.update(state=State.FAILED)
    partitions.drop_before(partitions.today())
    assert prune.prune()["events"] == 0
    IngestEvent.objects.update(state=State.APPLIED, received_at=days_ago(DAYS + 1))

    assert prune.prune()["events"] == 1
    assert partitions.tables() == {}


def test_a_day_that_was_forgotten_is_made_late(gateway: Gateway) -> None:
    """Its rows were in the rest meanwhile: no event is refused for want of a table."""
    gateway.send(status())
    IngestEvent.objects.update(received_at=days_ago(3))
    assert partitions.tables() == {"other": 1}

    assert partitions.add_days(partitions.today() - timedelta(days=3), 5) == 3, "two are there"

    assert partitions.tables() == {partitions.name_of(3): 1}
    assert IngestEvent.objects.get().state == State.APPLIED


def test_days_come_and_go_under_traffic(gateway: Gateway) -> None:
    """A statement waits for the moment that the days change; no event is refused for it."""
    stop = threading.Event()
    codes: list[int] = []

    def send(serial: str) -> None:
        try:
            while not stop.is_set():
                codes.append(gateway.post(status(serial=serial)).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(f"S{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        for age in range(40, 10, -1):
            partitions.add_days(partitions.today() - timedelta(days=age), 1)
            partitions.drop_before(partitions.today() - timedelta(days=age - 1))
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert set(codes) == {200}
    assert IngestEvent.objects.count() == len(codes)


def test_a_lock_that_is_not_had_in_a_second_is_given_up(gateway: Gateway) -> None:
    """Else whatever comes meanwhile would wait behind it."""
    gateway.send(status())
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(IngestEvent.objects.all())
            held.set()
            done.wait(30)
        connection.close()

    day = partitions.today() - timedelta(days=DAYS)
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(30)
        with pytest.raises(OperationalError, match="lock timeout"):
            partitions.add_days(day, 1)
    finally:
        done.set()
        thread.join()
    assert partitions.add_days(day, 1) == 1
