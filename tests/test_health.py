"""The health report: what asks for attention, what takes a process out, and who is told what."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import path

from django_iot_ingest import health, overview
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.health import LATE, HealthView, report
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.overview import Backlog, Overview
from tests import urls
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, full, returned

TOKEN = "a-token-for-the-tests-alone"

urlpatterns = [*urls.urlpatterns, path("health", HealthView.as_view(token=TOKEN))]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

SILENCE = 1500
TYPES = ("full", "returned", "status")


def seen(
    monkeypatch: pytest.MonkeyPatch,
    *,
    waiting: dict[str, tuple[int, float]] | None = None,
    ages: dict[str, float] | None = None,
    stations: int = 1,
) -> dict[str, Any]:
    """Return the report of a database that says so: ages in seconds, by state and by type."""
    now = time.time()
    backlog = {str(state): Backlog() for state in IngestEvent.UNAPPLIED}
    for state, (count, age) in (waiting or {}).items():
        backlog[state] = Backlog(count, now - age)
    last = dict.fromkeys(TYPES, None) | {
        name: now - age for name, age in (ages if ages is not None else {"full": 1.0}).items()
    }
    found = Overview(now, True, 0.01, backlog, last, {"ONLINE": stations, "other": 0})
    monkeypatch.setattr(overview, "get", lambda: found)
    return report()


@pytest.mark.parametrize(
    ("about", "codes"),
    [
        ({}, []),
        ({"ages": {}, "stations": 0}, []),
        ({"ages": {}}, ["silent", "no_snapshot"]),
        ({"ages": {"full": SILENCE - 5}}, []),
        ({"ages": {"full": SILENCE + 5}}, ["silent", "no_snapshot"]),
        ({"ages": {"full": SILENCE + 5, "status": 5}}, ["no_snapshot"]),
        ({"ages": {"status": 5}}, ["no_snapshot"]),
        ({"ages": {"full": 5, "status": 9999, "returned": 9999}}, []),
        ({"waiting": {"received": (3, LATE - 5)}}, []),
        ({"waiting": {"received": (3, LATE + 5)}}, ["received_waits"]),
        ({"waiting": {"failed": (1, LATE - 5)}}, []),
        ({"waiting": {"failed": (1, LATE + 5)}}, ["failed_waits"]),
        ({"waiting": {"deferred": (1, SILENCE - 5)}}, []),
        ({"waiting": {"deferred": (1, SILENCE + 5)}}, ["deferred_waits"]),
        ({"waiting": {"dead": (1, 1)}}, ["dead"]),
        ({"waiting": {"dead": (1, 1), "failed": (1, 9999)}}, ["failed_waits", "dead"]),
    ],
    ids=str,
)
def test_what_asks_for_attention(
    about: dict[str, Any], codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = seen(monkeypatch, **about)
    assert [reason["code"] for reason in found["reasons"]] == codes
    assert found["status"] == ("attention" if codes else "ok")


def test_a_reason_tells_what_was_seen_and_its_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(monkeypatch, waiting={"dead": (3, 9), "failed": (1, 9000)}, ages={})
    silent, snapshot, failed, dead = found["reasons"]
    assert silent == {"code": "silent", "value": None, "threshold": SILENCE}
    assert snapshot == {"code": "no_snapshot", "value": None, "threshold": SILENCE}
    assert (failed["threshold"], round(failed["value"], -1)) == (LATE, 9000)
    assert dead == {"code": "dead", "value": 3, "threshold": 0}


def test_thresholds_follow_the_settings(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "OFFLINE_AFTER": 60}
    assert seen(monkeypatch, ages={"full": 65})["reasons"][0]["threshold"] == 60


def test_a_clock_that_was_set_back_gives_no_negative_age(monkeypatch: pytest.MonkeyPatch) -> None:
    found = seen(monkeypatch, ages={"full": -3600}, waiting={"received": (1, -3600)})
    assert found["last_events"]["full"]["age"] == found["backlog"]["received"]["oldest_age"] == 0.0
    assert found["status"] == "ok"


def test_the_report_of_a_real_fleet_is_numbers_alone() -> None:
    gateway = Gateway.with_admin()
    gateway.send(full())
    gateway.send(returned("B-unknown", 2))
    found = report()
    assert found["status"] == "ok"
    assert found["database"]["up"] is True
    assert found["dead"] == 0
    assert found["backlog"]["deferred"]["count"] == 1
    assert 0.0 <= found["backlog"]["deferred"]["oldest_age"] < 60.0
    assert set(found["last_events"]) == set(TYPES)
    text = json.dumps(found)
    for word in (STATION, BANK, "B-unknown", "gateway@"):
        assert word not in text


def test_a_gateway_that_never_called() -> None:
    get_station_model().objects.create(serial_number="S1")
    assert [reason["code"] for reason in report()["reasons"]] == ["silent", "no_snapshot"]


def down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "get", lambda: Overview(time.time(), seconds=3.0))


def test_a_database_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    down(monkeypatch)
    assert report() == {
        "status": "unavailable",
        "database": {"up": False, "seconds": 3.0},
        "reasons": [],
    }


# The page


@pytest.mark.parametrize("method", ["get", "head"])
def test_everybody_is_told_the_status_and_no_more(method: str) -> None:
    answer = getattr(Client(), method)("/health")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Content-Type"] == "application/json"
    if method == "get":
        assert answer.json() == {"status": "ok"}
    else:
        assert answer.content == b""


def test_who_shows_the_token_is_told_all() -> None:
    found = Client().get("/health", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert set(found) == {"status", "reasons", "database", "last_events", "backlog", "dead"}


def test_staff_is_told_all(admin_client: Client) -> None:
    assert "backlog" in admin_client.get("/health").json()


def test_attention_takes_no_process_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, waiting={"dead": (1, 1)})
    answer = Client().get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "attention"})


def test_a_database_that_is_down_does(monkeypatch: pytest.MonkeyPatch) -> None:
    down(monkeypatch)
    client = Client()
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr(health, "may_see", lambda *_: pytest.fail("the session was looked up"))
    answer = client.get("/health", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert answer["Cache-Control"] == "no-store"


def test_a_database_that_hangs_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def ask() -> Overview:
        go_on.wait(10)
        return Overview(1.0, True)

    monkeypatch.setattr(overview, "WITHIN", 0.3)
    monkeypatch.setattr(overview, "_asker", overview.Asker(ask))
    started = time.monotonic()
    answer = Client().get("/health")
    assert answer.status_code == 503
    assert time.monotonic() - started < 3.0
    go_on.set()


def test_it_begins_no_transaction_with_the_request() -> None:
    """With ``ATOMIC_REQUESTS`` Django would, and fail where the database does not answer."""
    assert HealthView.as_view()._non_atomic_requests == {"default"}
