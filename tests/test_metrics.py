"""Numbers for Prometheus: what is counted, with which labels, and who may read them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.test import Client
from django.urls import path
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from django_iot_ingest import bell, database, drain, metrics, overview, patience, telemetry
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.faults import ConcurrentChange
from django_iot_ingest.metrics import installed
from django_iot_ingest.metrics.collector import GAUGES, UP, DatabaseCollector
from django_iot_ingest.metrics.recorder import ANSWERS, STATES, Recorder
from django_iot_ingest.models import AbstractStation, IngestEvent
from django_iot_ingest.overview import Overview
from tests import urls
from tests.flaky import FlakyHook
from tests.gateway import URL, Gateway
from tests.listening import counting
from tests.nemesis.surroundings import environment
from tests.nemesis.workers import Application
from tests.payloads import BANK, SECRET, STATION, encode, full, returned, status

TOKEN = "a-token-for-the-tests-alone"

shown = CollectorRegistry()

urlpatterns = [
    *urls.urlpatterns,
    path("metrics", metrics.MetricsView.as_view(token=TOKEN)),
    path("ours", metrics.MetricsView.as_view(token=TOKEN, registry=shown)),
]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}

Sample = tuple[str, tuple[str, ...]]


@pytest.fixture
def counted() -> Iterator[CollectorRegistry]:
    with counting() as registry:
        yield registry


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


def numbers(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one name that are not 0, by the values of their labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name and sample.value
    }


def labels(registry: CollectorRegistry) -> set[tuple[str, str]]:
    """Return every pair of a label and its value, but the bounds of buckets."""
    return {
        pair
        for family in registry.collect()
        for sample in family.samples
        for pair in sample.labels.items()
        if pair[0] != "le"
    }


# Requests


def test_requests_by_answer_and_type(gateway: Gateway, counted: CollectorRegistry) -> None:
    gateway.send(full())
    body = encode(returned(slot=2))
    for _ in range(3):
        gateway.send(body)
    gateway.send(full(at=time.time() - 600))
    gateway.send(returned("B-unknown"))
    gateway.post(status("SLEEPING"))
    gateway.post({"type": "alarm"})
    gateway.post(b"{")
    gateway.post(status(), secret="o" * 40)
    gateway.client.get(URL)
    assert numbers(counted, "iot_ingest_requests_total") == {
        ("full", "applied"): 1,
        ("full", "stale"): 1,
        ("returned", "applied"): 1,
        ("returned", "duplicate"): 2,
        ("returned", "deferred"): 1,
        ("status", "INVALID_PAYLOAD"): 1,
        ("other", "UNKNOWN_TYPE"): 1,
        ("unread", "INVALID_JSON"): 1,
        ("unread", "INVALID_SIGNATURE"): 1,
        ("unread", "METHOD_NOT_ALLOWED"): 1,
    }
    seconds = numbers(counted, "iot_ingest_request_duration_seconds_count")
    assert seconds == {
        ("full",): 2,
        ("returned",): 4,
        ("status",): 1,
        ("other",): 1,
        ("unread",): 3,
    }
    spent = numbers(counted, "iot_ingest_request_duration_seconds_sum")
    assert all(0 < value < 60 for value in spent.values())


def test_what_was_answered_counts_and_not_what_was_done(
    gateway: Gateway, counted: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_iot_ingest.answers.accepted", lambda answer: 1 / 0)
    assert gateway.post(status()).status_code == 503
    answers = numbers(counted, "iot_ingest_requests_total")
    assert answers == {("status", "TEMPORARILY_UNAVAILABLE"): 1}


def test_events_and_the_time_that_applying_takes(
    gateway: Gateway, counted: CollectorRegistry
) -> None:
    gateway.send(returned(slot=2))
    gateway.send(full())
    assert numbers(counted, "iot_ingest_events_total") == {
        ("returned", "deferred"): 1,
        ("full", "applied"): 1,
        ("returned", "applied"): 1,
    }
    assert numbers(counted, "iot_ingest_apply_duration_seconds_count") == {
        ("returned", "deferred"): 1,
        ("full", "applied"): 1,
        ("returned", "applied"): 1,
    }


def test_hooks(
    gateway: Gateway, counted: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.send(full())
    hook = FlakyHook(monkeypatch)
    hook.failures = [ValueError("words")]
    body = encode(returned(slot=2))
    assert gateway.post(body).status_code == 503
    gateway.send(body)
    assert numbers(counted, "iot_ingest_hook_duration_seconds_count") == {
        ("on_station_created", "ok"): 1,
        ("on_station_status_changed", "ok"): 1,
        ("on_power_bank_returned", "error"): 1,
        ("on_power_bank_returned", "ok"): 1,
    }
    states = numbers(counted, "iot_ingest_events_total")
    assert (states["returned", "failed"], states["returned", "applied"]) == (1, 1)
    answers = numbers(counted, "iot_ingest_requests_total")
    assert answers["returned", "TEMPORARILY_UNAVAILABLE"] == 1
    assert numbers(counted, "iot_ingest_apply_duration_seconds_count")["returned", "failed"] == 1


def test_each_event_that_the_drain_applies_together_has_its_share(
    gateway: Gateway,
    counted: CollectorRegistry,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "deferred"}
    monkeypatch.setattr(bell, "ring", lambda: None)
    for round_ in range(2):
        for number in range(3):
            gateway.send(full(serial=f"S{number}", slots=[], banks=[], at=time.time() - 9 + round_))
        drain.drain()
    assert numbers(counted, "iot_ingest_requests_total") == {("full", "queued"): 6}
    assert numbers(counted, "iot_ingest_events_total") == {
        ("full", "queued"): 6,
        ("full", "applied"): 6,
    }
    assert numbers(counted, "iot_ingest_apply_duration_seconds_count") == {("full", "applied"): 6}


def test_transactions_that_are_begun_again(counted: CollectorRegistry) -> None:
    failures = [ConcurrentChange(), ConcurrentChange()]

    def work() -> int:
        if failures:
            raise failures.pop()
        return 1

    assert database.in_transaction(work) == 1
    assert numbers(counted, "iot_ingest_transaction_retries_total") == {("conflict",): 2}


def away() -> OperationalError:
    """Return the error of a server that cannot be reached, as a driver tells it."""
    return OperationalError(2003, "away")


def test_returns_that_are_held(
    counted: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    failures = [away(), away()]

    def work() -> int:
        if failures:
            raise failures.pop()
        return 1

    assert patience.hold_on(work, time.monotonic()) == 1
    failures += [away(), ValueError()][::-1]
    with pytest.raises(ValueError):
        patience.hold_on(work, time.monotonic())
    settings.IOT_INGEST = {**settings.IOT_INGEST, "HOLD_MAX": 0}
    failures.append(away())
    with pytest.raises(OperationalError):
        patience.hold_on(work, time.monotonic())
    held = {("recovered",): 1, ("given_up",): 1, ("no_place",): 1}
    assert numbers(counted, "iot_ingest_holds_total") == held


# Labels


class Odd(Refusal):
    """A refusal of the host's own."""

    error = "words of the host's, once for each request"


def test_a_flood_of_hostile_words_makes_no_label(
    gateway: Gateway, counted: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = labels(counted)
    for number in range(60):
        gateway.post({"type": f"type-{number}", "device": {"serial_number": f"S-{number}"}})
        gateway.post({"type": ["full", number]})
        gateway.post({"type": "x" * 10_000 + str(number)})
        gateway.post(status(f"STATUS-{number}", serial=f"S-{number}"))
        gateway.post(status(), secret=f"{number:040d}")
        gateway.post(status(), X_Timestamp=f"{number}")
        gateway.client.generic(f"METHOD{number}", URL)
        gateway.client.post(URL, b"x", content_type=f"text/{number}")
    for number in range(5):
        Odd.error = f"reason-{number}"
        monkeypatch.setattr("django_iot_ingest.network.is_allowed", lambda meta: raise_odd())
        gateway.post(status())
    telemetry.count("events", event_type="other", state=f"state {STATION}")
    made = labels(counted) - few
    assert {value for name, value in made if name == "answer"} <= {*ANSWERS, "other"}
    assert {value for name, value in made if name == "state"} <= {*STATES, "other"}
    assert {value for name, value in made if name == "event_type"} == {"unread", "other", "status"}
    assert numbers(counted, "iot_ingest_requests_total")["unread", "other"] == 5


def raise_odd() -> bool:
    raise Odd


def test_no_number_names_a_device(gateway: Gateway, counted: CollectorRegistry) -> None:
    gateway.send(full())
    gateway.send(returned(slot=2))
    gateway.post(returned(None))
    counted.register(DatabaseCollector())
    text = generate_latest(counted).decode()
    for word in (STATION, BANK, "127.0.0.1", "gateway@"):
        assert word not in text


def test_names_follow_the_conventions() -> None:
    registry = CollectorRegistry()
    Recorder(registry)
    registry.register(DatabaseCollector(lambda: Overview(0.0)))
    for family in registry.collect():
        assert re.fullmatch(r"iot_ingest_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        units = {"histogram": "_seconds", "counter": ""}
        assert family.name.endswith(units.get(family.type, ""))
        if "age" in family.name.split("_") or "timestamp" in family.name:
            assert family.name.endswith("_seconds")


# What the database is asked


def test_the_database_says_how_the_fleet_is(gateway: Gateway) -> None:
    gateway.send(full())
    gateway.send(returned("B-unknown"))
    get_power_bank_model().objects.get().mark_rented()
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    assert registry.get_sample_value(UP) == 1
    assert numbers(registry, "iot_ingest_stations") == {("ONLINE",): 1}
    assert numbers(registry, "iot_ingest_power_banks") == {("RENTED",): 1}
    assert numbers(registry, "iot_ingest_backlog_events") == {("deferred",): 1}
    (age,) = numbers(registry, "iot_ingest_backlog_oldest_age_seconds").values()
    assert 0 < age < 60
    last = numbers(registry, "iot_ingest_last_event_timestamp_seconds")
    assert set(last) == {("full",), ("returned",)}
    assert all(abs(time.time() - at) < 60 for at in last.values())
    names = {family.name for family in registry.collect() if family.samples}
    assert names == {UP, *GAUGES}


def test_states_without_events_are_told_too(gateway: Gateway) -> None:
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    for state in IngestEvent.UNAPPLIED:
        for name in ("iot_ingest_backlog_events", "iot_ingest_backlog_oldest_age_seconds"):
            assert registry.get_sample_value(name, {"state": state}) == 0


def test_a_scrape_does_not_fail_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(overview, "_backlog", lambda: raise_away())
    answer = Client().get("/metrics", headers=AUTHORIZATION)
    assert answer.status_code == 200
    samples = read(answer.content.decode())
    assert samples[UP, ()] == 0
    assert not [name for name, _ in samples if name in GAUGES]
    assert "iot_ingest_requests_total" in answer.content.decode()


def raise_away() -> None:
    raise away()


def read(text: str) -> dict[Sample, float]:
    """Return the samples of a scrape, as Prometheus reads them, labels in the order of names."""
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_to_be_registered_asks_nobody() -> None:
    def ask() -> Overview:
        raise AssertionError

    CollectorRegistry(auto_describe=True).register(DatabaseCollector(ask))


# The page


def test_the_page_is_for_whoever_shows_the_token() -> None:
    assert Client().get("/metrics").status_code == 401
    wrong = Client().get("/metrics", headers={"Authorization": "Bearer of-somebody-else"})
    assert (wrong.status_code, wrong.content) == (401, b"Not permitted\n")
    answer = Client().get("/metrics", headers=AUTHORIZATION)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert read(answer.content.decode())[UP, ()] == 1


def test_the_page_is_for_staff(admin_client: Client) -> None:
    assert admin_client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text", "x;q=;version=,", "\x00", "*/*"]
)
def test_whatever_accept_says_the_text_is_the_same(accept: str) -> None:
    answer = Client().get("/metrics", headers={**AUTHORIZATION, "Accept": accept})
    assert answer["Content-Type"] == installed.client.CONTENT_TYPE_LATEST
    assert read(answer.content.decode())[UP, ()] == 1


def test_a_registry_of_the_hosts() -> None:
    assert Client().get("/ours", headers=AUTHORIZATION).content == generate_latest(shown)


def test_everything_is_in_the_registry_that_exporters_show() -> None:
    names = set(REGISTRY._names_to_collectors)
    assert {UP, *GAUGES, "iot_ingest_requests_total", "iot_ingest_holds_total"} <= names


def test_without_a_client_the_view_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "client", None)
    with pytest.raises(ImproperlyConfigured, match=r"django-iot-ingest\[metrics\]"):
        metrics.MetricsView.as_view()
    assert not metrics.is_installed()
    metrics.install()  # nothing, and no error


def test_a_folder_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match="must be a folder that exists"):
        metrics.of_all_processes()


# Several processes

REQUESTS = 40
WORKERS = 2


@pytest.mark.once
def test_two_workers_count_together_and_the_database_is_asked_once(tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    variables = {
        **environment(f"sqlite:///{tmp_path / 'db.sqlite3'}", {}),
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "SECRET_KEY": "only-for-the-real-server-and-long-enough-for-hs256",
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
        "IOT_SYSTEM_METRICS_TOKEN": TOKEN,
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "DEBUG": "False",
        "GUNICORN_CMD_ARGS": f"--workers {WORKERS} --threads 1",
    }
    prepare = [sys.executable, "-m", "tests.security.prepare"]
    done = subprocess.run(prepare, cwd=tmp_path, env=variables, check=True, capture_output=True)
    gateway = Gateway(json.loads(done.stdout)[0])
    with Application(tmp_path, variables) as application:
        sent = 0
        while sent < REQUESTS or len(pids(folder)) < WORKERS:
            assert sent < 50 * REQUESTS, "one worker takes all"
            assert send(application.port, gateway) == 200
            sent += 1
        first = scrape(application.port)
        again = scrape(application.port)
    assert len(pids(folder)) == WORKERS
    for text in (first, again):
        samples = read(text)
        assert samples["iot_ingest_requests_total", ("applied", "status")] == sent
        assert samples["iot_ingest_request_duration_seconds_count", ("status",)] == sent
        assert text.count("\niot_ingest_database_up 1.0\n") == 1
        assert text.count("\niot_ingest_stations{") == len(AbstractStation.Status.values) + 1


def pids(folder: Path) -> set[str]:
    """Return the processes that have counted requests."""
    return {found.stem.rpartition("_")[2] for found in folder.glob("counter_*.db")}


def send(port: int, gateway: Gateway) -> int:
    body = encode(status())
    headers = {**gateway.headers(body), "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", URL, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def scrape(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics", headers=AUTHORIZATION)
    text = connection.getresponse().read().decode()
    connection.close()
    return text
