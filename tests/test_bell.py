"""A ring is answered by one task, soon, and is never lost; nobody who rings waits or fails."""

from __future__ import annotations

import builtins
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from django_iot_ingest import bell
from django_iot_ingest.bell import Bell

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20.0


class Broker:
    """What a bell calls: counts tasks and pauses, and does what a test says in each of them."""

    def __init__(self) -> None:
        self.tasks = 0
        self.pauses: list[float] = []
        self.failures: list[Exception] = []
        self.in_pause: list[Callable[[], object]] = []

    def enqueue(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.tasks += 1

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.in_pause:
            self.in_pause.pop(0)()


@pytest.fixture
def broker() -> Broker:
    return Broker()


def test_a_ring_enqueues_one_task(broker: Broker) -> None:
    rung = Bell(broker.enqueue, broker.wait)
    rung.ring()

    assert rung.join(SECONDS)
    assert (broker.tasks, broker.pauses) == (1, [bell.PAUSE])


def test_rings_in_a_pause_are_one_more_task_after_it(broker: Broker) -> None:
    rung = Bell(broker.enqueue, broker.wait)
    broker.in_pause = [lambda: [rung.ring() for _ in range(100)]]
    rung.ring()

    assert rung.join(SECONDS)
    assert (broker.tasks, broker.pauses) == (2, [bell.PAUSE] * 2)


def test_a_ring_after_the_thread_has_ended_starts_another(broker: Broker) -> None:
    rung = Bell(broker.enqueue, broker.wait)
    for _ in range(3):
        rung.ring()
        assert rung.join(SECONDS)

    assert broker.tasks == 3


def test_a_broker_that_is_away_is_tried_again_until_it_is_back(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.failures = [ConnectionError("away") for _ in range(6)]
    rung = Bell(broker.enqueue, broker.wait)
    rung.ring()

    assert rung.join(SECONDS)
    assert broker.tasks == 1
    assert broker.pauses == [1, 2, 4, 8, 10, 10, bell.PAUSE]
    assert caplog.text.count("could not be enqueued") == 1


def test_a_ring_while_the_broker_is_away_is_answered_too(broker: Broker) -> None:
    broker.failures = [ConnectionError("away")]
    rung = Bell(broker.enqueue, broker.wait)
    broker.in_pause = [rung.ring]
    rung.ring()

    assert rung.join(SECONDS)
    assert broker.tasks == 2


def test_who_rings_does_not_wait(broker: Broker) -> None:
    hanging = threading.Event()
    rung = Bell(lambda: hanging.wait(SECONDS), broker.wait)
    for _ in range(100):
        rung.ring()
    assert not hanging.is_set()
    hanging.set()

    assert rung.join(SECONDS)


def test_no_thread_to_be_had_fails_nobody(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    rung = Bell(broker.enqueue, broker.wait)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        rung.ring()
    assert not rung.join(SECONDS), "the ring is owed"
    assert "No thread can be started" in caplog.text

    rung.ring()
    assert rung.join(SECONDS)
    assert broker.tasks == 1


def test_inside_a_drain_the_bells_own_thread_rings_and_a_worker_enqueues(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    drains = 0

    def drain() -> None:
        nonlocal drains
        drains += 1
        if drains == 1:
            bell.again(lambda: asked.append("from the bell"))

    rung = Bell(drain, broker.wait)
    monkeypatch.setattr(bell, "_bell", rung)
    bell.ring()
    assert rung.join(SECONDS)
    bell.again(lambda: asked.append("from a worker"))

    assert (drains, asked) == (2, ["from a worker"])


def test_without_tasks_a_ring_is_quiet(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_iot_ingest.bell")
    caplog.handler.setLevel(logging.INFO)
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "django_iot_ingest.tasks":
            raise ImportError("refused")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    bell.enqueue_drain()
    bell.enqueue_drain()

    assert caplog.text.count("no django.tasks") == 1


def test_a_forked_process_has_a_bell_of_its_own() -> None:
    kept = bell._bell
    try:
        bell._renew()
        assert bell._bell is not kept
    finally:
        bell._bell = kept
