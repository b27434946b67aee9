"""One line for each time that an event is dealt with, and the fields of every line about events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from django_iot_ingest import bell, drain, ledger, sweeper
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.database import in_transaction
from django_iot_ingest.faults import ConcurrentChange
from django_iot_ingest.journal import FIELDS
from django_iot_ingest.json_lines import STANDARD, JsonFormatter
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import StationSyncService
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.lines import KINDS, lines
from tests.listening import Ear, connected
from tests.payloads import (
    STATION,
    bank_row,
    encode,
    full,
    held_slot,
    returned,
    status,
)

pytestmark = pytest.mark.django_db(transaction=True)

State = IngestEvent.State

IS = " event of "
"""What each line has that says what became of an event."""

NOON = 1_795_452_778


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    with connected(ear):
        yield ear


@pytest.fixture
def deferred(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch deferred mode on; nobody answers the bell."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "deferred"}
    monkeypatch.setattr(bell, "ring", lambda: None)


def known(**about: Any) -> Any:
    """Return what is left of fields that are the same in every run."""
    return {name: value for name, value in about.items() if name != "duration"}


def told(word: str = IS) -> list[dict[str, Any]]:
    """Return the fields of the lines with a word, but for how long things took; then forget them."""
    found = [known(**fields) for fields in lines.told(word)]
    lines.begin()
    return found


def line(event_id: Any, state: str, event_type: str = "full", **changed: Any) -> dict[str, Any]:
    """Return the fields of the line of one event."""
    return {
        "event_id": int(event_id),
        "event_type": event_type,
        "device_serial": STATION,
        "state": state,
        "attempts": 1,
        "warnings": 0,
        **changed,
    }


def newest() -> int:
    return IngestEvent.objects.latest("pk").pk


def test_no_field_hides_what_each_record_has() -> None:
    assert not STANDARD & set(FIELDS)
    assert set(KINDS) <= set(FIELDS)


@pytest.mark.parametrize("payload", [full(), status()], ids=lambda one: one["type"])
def test_an_event_that_is_applied_is_one_line(gateway: Gateway, payload: Any, ear: Ear) -> None:
    data = gateway.send(payload)
    (fields,) = lines.told(IS)
    assert known(**fields) == line(data["event_id"], "applied", payload["type"])
    assert 0.0 < fields["duration"] < 60.0
    assert ear.counted == [("events", {"event_type": payload["type"], "state": "applied"})]


def test_a_snapshot_that_one_statement_may_settle_is_one_line_too(gateway: Gateway) -> None:
    gateway.send(full(at=NOON))
    told()
    data = gateway.send(full(at=NOON + 1))
    assert told() == [line(data["event_id"], "applied")]


def test_warnings_are_counted(gateway: Gateway) -> None:
    data = gateway.send(full(slots=[held_slot(2, battery_level="?"), "no row"], banks=[bank_row()]))
    assert data["warnings"]
    assert told() == [line(data["event_id"], "applied", warnings=len(data["warnings"]))]


def test_a_return_and_each_of_its_copies_is_one_line(gateway: Gateway, ear: Ear) -> None:
    gateway.send(full())
    told()
    body = encode(returned(slot=2))
    data = [gateway.send(body) for _ in range(3)]
    states = ["applied", "duplicate", "duplicate"]
    assert [one["state"] for one in data] == states
    assert told() == [line(data[0]["event_id"], state, "returned") for state in states]
    counted = [labels for name, labels in ear.counted if labels.get("event_type") == "returned"]
    assert [labels["state"] for labels in counted] == states


def test_a_stale_event_is_one_line(gateway: Gateway) -> None:
    gateway.send(full(at=NOON))
    told()
    data = gateway.send(full(at=NOON - 60))
    assert told() == [line(data["event_id"], "stale")]


def test_a_deferred_return_is_a_line_when_it_waits_and_one_when_it_is_applied(
    gateway: Gateway,
) -> None:
    waiting = gateway.send(returned(slot=2, at=NOON))["event_id"]
    (fields,) = told()
    assert fields == line(waiting, "deferred", "returned", warnings=fields["warnings"])
    snapshot = gateway.send(full(at=NOON + 1))["event_id"]
    assert [(one["event_id"], one["state"]) for one in told()] == [
        (int(snapshot), "applied"),
        (int(waiting), "applied"),
    ]


def test_a_snapshot_that_a_newer_one_makes_superfluous_is_a_line(
    gateway: Gateway, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    older = gateway.send(full(at=NOON))["event_id"]
    told()
    newer = gateway.send(full(at=NOON + 1))["event_id"]
    states = {one["event_id"]: one["state"] for one in told()}
    assert states == {int(older): "stale", int(newer): "deferred"}


# What fails


def test_an_event_that_fails_is_one_error_with_its_code(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, ear: Ear
) -> None:
    gateway.send(full())
    told()
    hook = FlakyHook(monkeypatch)
    hook.failures = [OSError(5, "the printer"), None]
    body = encode(returned(slot=2))
    assert gateway.post(body).status_code == 503
    (fields,) = lines.told("was not applied")
    expected = line(newest(), "failed", "returned", error_code="OSError")
    del expected["warnings"]
    assert known(**fields) == expected
    assert fields["duration"] > 0.0
    assert told() == []
    again = gateway.send(body)
    assert told() == [line(again["event_id"], "applied", "returned", attempts=2)]
    states = [labels["state"] for _, labels in ear.counted if labels["event_type"] == "returned"]
    assert states == ["failed", "applied"]


class Deaf(StationSyncService):
    """A host that can apply no status."""

    def apply_status(self, report: Any) -> Any:
        raise OperationalError("no")


def use_deaf_service(settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SYNC_SERVICE": f"{__name__}.{Deaf.__name__}"}


def test_an_event_that_fails_before_it_has_a_row(gateway: Gateway, settings: Any) -> None:
    use_deaf_service(settings)
    assert gateway.post(status()).status_code == 503
    assert told("was not applied") == [
        {
            "event_type": "status",
            "device_serial": STATION,
            "state": "failed",
            "attempts": 1,
            "error_code": "OperationalError",
        }
    ]


def test_what_cannot_be_recorded_either(
    gateway: Gateway, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_deaf_service(settings)
    monkeypatch.setattr(ledger, "fail", lambda *_, **__: 1 / 0)
    assert gateway.post(status()).status_code == 503
    (fields,) = told("nor was that recorded")
    assert (fields["device_serial"], fields["error_code"]) == (STATION, "ZeroDivisionError")


def test_the_sweeper_tells_of_each_event_and_of_its_round(
    gateway: Gateway, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.send(full())
    hook = FlakyHook(monkeypatch)
    hook.failures = [ValueError()] * 3
    gateway.post(returned(slot=2))
    event_id = newest()
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SWEEP_MAX_ATTEMPTS": 2}
    lines.begin()
    make_due()
    sweeper.sweep()
    (failed,) = lines.told("was not applied")
    assert (failed["event_id"], failed["attempts"]) == (event_id, 2)
    (dead,) = lines.told("is dead")
    assert dead == {
        "event_id": event_id,
        "event_type": "returned",
        "device_serial": STATION,
        "state": "dead",
        "attempts": 2,
        "error_code": "ValueError",
    }
    assert told("swept") == [{"states": {"dead": 1}}]
    hook.failures.clear()
    call_command("iot_replay", event_id, verbosity=0)
    assert told() == [line(event_id, "applied", "returned", attempts=3)]


def test_an_event_that_cannot_be_tried(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = int(gateway.send(returned())["event_id"])
    monkeypatch.setattr(ledger, "claim", lambda row: 1 / 0)
    make_due()
    sweeper.sweep()
    assert told("could not be tried") == [{"event_id": event_id, "error_code": "ZeroDivisionError"}]


def make_due() -> None:
    IngestEvent.objects.update(retry_at=timezone.now() - timedelta(seconds=1))


def test_a_bank_that_a_hook_refuses(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.send(full(at=NOON))
    get_power_bank_model().objects.get().mark_rented(timezone.now() - timedelta(days=9999))
    FlakyHook(monkeypatch).failures = [ValueError()]
    gateway.send(full(at=NOON + 60))
    assert told("refused a power bank") == [
        {"event_type": "full", "device_serial": STATION, "error_code": "ValueError"}
    ]


# Deferred mode


@pytest.mark.parametrize("payload", [full(), status(), returned()], ids=lambda one: one["type"])
def test_a_queued_event_is_a_line_and_its_application_another(
    gateway: Gateway, payload: Any, deferred: None
) -> None:
    event_id = gateway.send(payload)["event_id"]
    (queued,) = told()
    assert queued == line(event_id, "queued", payload["type"], attempts=0)
    drain.drain()
    (fields,) = told()
    state = "deferred" if payload["type"] == "returned" else "applied"
    assert (fields["event_id"], fields["state"], fields["attempts"]) == (int(event_id), state, 1)


def test_copies_of_a_queued_return(gateway: Gateway, deferred: None) -> None:
    gateway.send(full())
    drain.drain()
    told()
    body = encode(returned(slot=2))
    gateway.send(body)
    gateway.send(body)
    drain.drain()
    gateway.send(body)
    assert [one["state"] for one in told()] == ["queued", "queued", "applied", "duplicate"]


def test_every_snapshot_that_the_drain_makes_stale_is_a_line(
    gateway: Gateway, deferred: None
) -> None:
    for at in range(3):  # twice: the second time one statement may settle them
        gateway.send(full(at=NOON + at))
    drain.drain()
    told()
    ids = [int(gateway.send(full(at=NOON + 10 + at))["event_id"]) for at in range(3)]
    told()
    drain.drain()
    drained = lines.told("drained")
    states = {one["event_id"]: one["state"] for one in told()}
    assert states == dict(zip(ids, ["stale", "stale", "applied"], strict=True))
    assert drained[0]["states"] == {"applied": 1, "stale": 2}
    assert drained[0]["duration"] > 0.0


def test_an_event_whose_worker_died_each_time(gateway: Gateway, deferred: None) -> None:
    event_id = int(gateway.send(returned())["event_id"])
    IngestEvent.objects.update(attempts=3)
    drain.drain()
    assert [(one["event_id"], one["error_code"]) for one in told("was not applied")] == [
        (event_id, "Interrupted")
    ]


@pytest.fixture
def begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the transaction in which a failure is announced fail once, after that."""
    announce, conflicts = ledger._announce_failure, [ConcurrentChange()]

    def announce_once_more(row: IngestEvent) -> None:
        announce(row)
        if conflicts:
            raise conflicts.pop()

    monkeypatch.setattr(ledger, "_announce_failure", announce_once_more)


def test_a_death_whose_transaction_is_begun_again_is_one_line(
    gateway: Gateway, begun_again: None
) -> None:
    event_id = int(gateway.send(returned())["event_id"])
    in_transaction(lambda: ledger.bury(ledger.lock(event_id)))
    assert [one["event_id"] for one in told("is dead")] == [event_id]


def test_a_failure_whose_transaction_is_begun_again_is_one_line(
    gateway: Gateway, deferred: None, begun_again: None
) -> None:
    event_id = int(gateway.send(returned())["event_id"])
    IngestEvent.objects.update(attempts=3)
    drain.drain()
    assert [one["event_id"] for one in told("was not applied")] == [event_id]


# Refusals, and whatever else


def test_a_refusal_is_told_by_its_id_and_reason(gateway: Gateway) -> None:
    answer = gateway.post(status(), secret="o" * 40).json()
    assert told("refused") == [
        {"request_id": answer["request_id"], "reason": "INVALID_SIGNATURE", "held_back": 0}
    ]


def test_what_follows_a_snapshot_and_fails(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "deferred_returns", lambda report: 1 / 0)
    gateway.send(full())
    assert told("wait on") == [
        {"event_type": "full", "device_serial": STATION, "error_code": "ZeroDivisionError"}
    ]


def test_a_log_handler_sees_json_that_says_the_same(gateway: Gateway) -> None:
    data = gateway.send(full())
    (record,) = [one for one in lines.records if IS in one.getMessage()]
    said = json.loads(JsonFormatter().format(record))
    assert {name: said[name] for name in ("level", "logger", "event_id", "state")} == {
        "level": "INFO",
        "logger": "django_iot_ingest.journal",
        "event_id": int(data["event_id"]),
        "state": "applied",
    }
    assert "StationSyncService" in said["message"]


def test_both_greps_of_the_contract_find_our_lines(gateway: Gateway) -> None:
    gateway.send(full())
    gateway.post(status(), secret="o" * 40)
    texts = [one.getMessage() for one in lines.records]
    watched = [text for text in texts if "StationDataInternalView" in text or "SyncService" in text]
    assert [text.split(",")[0] for text in watched] == [
        f"StationSyncService: full event of {STATION} is applied",
        "StationDataInternalView refused the signature: INVALID_SIGNATURE",
    ]
    assert any("signature" in text for text in texts)
