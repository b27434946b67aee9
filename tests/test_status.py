"""A station's own word about itself, and the history of what it said."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_iot_ingest import signals, silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.events import StationStatusChanged
from django_iot_ingest.models import IngestEvent, StationStatusChange
from tests.flaky import FlakyHook
from tests.gateway import Gateway, listen
from tests.payloads import STATION, full, moment, status

State = IngestEvent.State


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch, "on_station_status_changed")


def station(serial: str = STATION) -> Any:
    return get_station_model().objects.get(serial_number=serial)


def history(serial: str = STATION) -> list[tuple[str, str, str]]:
    """Return the changes of a station: from, to, trigger."""
    rows = StationStatusChange.objects.filter(device_serial=serial).order_by("pk")
    return list(rows.values_list("from_status", "to_status", "trigger"))


def fall_silent(now: int) -> None:
    """Let the station be OFFLINE because nobody heard it for 2000 s."""
    get_station_model().objects.update(last_heard_at=moment(now - 2000))
    assert silence.mark_offline() == 1


def test_the_first_contact_creates_the_station(gateway: Gateway, now: int) -> None:
    data = gateway.send(status("ONLINE", at=now - 50))
    assert (data["state"], data["warnings"]) == ("applied", [])
    assert (data["station_id"], data["station_serial"]) == (str(station().pk), STATION)
    assert data["event_id"] == str(IngestEvent.objects.get().pk)
    assert (data["slots_updated"], data["powerbanks_updated"]) == (0, 0)
    assert data["offline_returns_processed"] == 0
    assert (station().status, station().total_slots) == ("ONLINE", 0)
    assert not get_power_bank_model().objects.exists()


def test_an_unknown_station_may_not_be_created(gateway: Gateway, now: int, settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    data = gateway.send(status(at=now))
    assert (data["state"], data["station_id"]) == ("deferred", None)
    assert not get_station_model().objects.exists()


@pytest.mark.parametrize("value", ["ONLINE", "OFFLINE", "MAINTENANCE", "online", "Offline"])
def test_a_station_says_its_status(value: str, gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 50))
    gateway.send(status(value, at=now - 40))
    assert station().status == value.upper()


@pytest.mark.parametrize("value", ["onlıne", "", None, "BUSY", 1], ids=repr)
def test_any_other_status_is_refused(value: Any, gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 50))
    response = gateway.post(status(value, at=now))
    assert response.status_code == 400
    assert response.json()["error"] == "INVALID_PAYLOAD"
    assert set(response.json()["errors"]) == {"device.status"}
    assert station().status == "ONLINE"


@pytest.mark.parametrize("value", ["onlıne", "", "BUSY", 1], ids=repr)
def test_any_other_status_in_a_snapshot_changes_nothing(
    value: Any, gateway: Gateway, now: int
) -> None:
    gateway.send(status("MAINTENANCE", at=now - 50))
    data = gateway.send(full(at=now - 40, device={"status": value}))
    assert data["state"] == "applied"
    assert data["warnings"] == [{"code": "unknown_status", "path": "device.status"}]
    assert station().status == "MAINTENANCE"


# Which station


def test_a_station_is_found_by_its_imei(gateway: Gateway, now: int) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": "861"}))
    data = gateway.send(status("OFFLINE", serial="861", at=now - 40))
    assert (data["station_serial"], data["station_id"]) == ("S1", str(station("S1").pk))
    assert station("S1").status == "OFFLINE"
    assert history("S1")[-1] == ("ONLINE", "OFFLINE", "STATUS")
    assert get_station_model().objects.count() == 1


def test_the_serial_number_comes_before_the_imei(gateway: Gateway, now: int) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": "861"}))
    gateway.send(full(serial="861", at=now - 50, device={"imei": "862"}))
    gateway.send(status("OFFLINE", serial="861", at=now - 40))
    assert (station("S1").status, station("861").status) == ("ONLINE", "OFFLINE")


def test_an_imei_that_two_stations_have_finds_neither(gateway: Gateway, now: int) -> None:
    for serial in ("S1", "S2"):
        gateway.send(full(serial=serial, at=now - 50, device={"imei": "861"}))
    data = gateway.send(status("OFFLINE", serial="861", at=now - 40))
    assert data["station_serial"] == "861"
    assert (station("S1").status, station("S2").status) == ("ONLINE", "ONLINE")
    assert station("861").status == "OFFLINE"


@pytest.mark.parametrize("imei", ["ab", "AB ", " AB", "AB\t", "ÁB", "ＡＢ", "AB\u200b"])
def test_an_imei_is_compared_letter_by_letter(imei: str, gateway: Gateway, now: int) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": imei}))
    gateway.send(status("OFFLINE", serial="AB", at=now - 40))
    assert (station("S1").status, station("AB").status) == ("ONLINE", "OFFLINE")


def test_an_imei_that_is_almost_that_of_another_station_finds_the_other(
    gateway: Gateway, now: int
) -> None:
    for serial, imei in (("S1", "AB "), ("S2", "AB"), ("S3", "ab")):
        gateway.send(full(serial=serial, at=now - 50, device={"imei": imei}))
    assert gateway.send(status("OFFLINE", serial="AB", at=now - 40))["station_serial"] == "S2"


def test_an_imei_that_is_almost_the_one_is_not_heard(
    gateway: Gateway, now: int, settings: Any
) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": "AB "}))
    get_station_model().objects.update(last_heard_at=moment(now - 50))
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    assert gateway.send(status("OFFLINE", serial="AB", at=now))["state"] == "deferred"
    assert station("S1").last_heard_at == moment(now - 50)


def test_only_a_status_is_found_by_imei(gateway: Gateway, now: int) -> None:
    gateway.send(full(serial="S1", at=now - 50, device={"imei": "861"}))
    gateway.send(full(serial="861", at=now - 40))
    assert get_station_model().objects.count() == 2


# Order


def test_equal_bodies_in_one_second_are_three_events(
    gateway: Gateway, now: int, changes: FlakyHook
) -> None:
    for value in ("ONLINE", "OFFLINE", "ONLINE"):
        data = gateway.send(status(value, at=now - 5))
        assert (data["state"], station().status) == ("applied", value)
    assert IngestEvent.objects.filter(state=State.APPLIED).count() == 3
    assert [value for _, value, _ in history()] == ["ONLINE", "OFFLINE", "ONLINE"]
    assert changes.calls == 3


def test_a_status_sent_twice_is_applied_twice_and_recorded_once(gateway: Gateway, now: int) -> None:
    for _ in range(2):
        assert gateway.send(status("ONLINE", at=now))["state"] == "applied"
    assert IngestEvent.objects.filter(state=State.APPLIED).count() == 2
    assert len(history()) == 1


def test_an_older_status_is_stale_and_changes_nothing(
    gateway: Gateway, now: int, changes: FlakyHook
) -> None:
    gateway.send(status("ONLINE", at=now - 40))
    data = gateway.send(status("OFFLINE", at=now - 41))
    assert (data["state"], station().status, changes.calls) == ("stale", "ONLINE", 1)
    assert len(history()) == 1


def test_a_status_is_not_stale_for_a_newer_snapshot(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 30))
    data = gateway.send(status("OFFLINE", at=now - 40))
    assert (data["state"], station().status) == ("applied", "OFFLINE")


# History


def test_every_change_of_status_is_recorded(
    gateway: Gateway,
    now: int,
    changes: FlakyHook,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with (
        listen(signals.station_status_changed) as heard,
        django_capture_on_commit_callbacks(execute=True),
    ):
        gateway.send(status("ONLINE", at=now - 300))
        gateway.send(status("OFFLINE", at=now - 240))
        gateway.send(full(at=now - 235))
        gateway.send(full(at=now - 234))
        gateway.send(status("MAINTENANCE", at=now - 200))
        assert heard == []
    rows = StationStatusChange.objects.order_by("pk").values_list(
        "device_serial", "from_status", "to_status", "changed_at", "trigger"
    )
    assert list(rows) == [
        (STATION, "OFFLINE", "ONLINE", moment(now - 300), "STATUS"),
        (STATION, "ONLINE", "OFFLINE", moment(now - 240), "STATUS"),
        (STATION, "OFFLINE", "ONLINE", moment(now - 235), "FULL"),
        (STATION, "ONLINE", "MAINTENANCE", moment(now - 200), "STATUS"),
    ]
    seconds = StationStatusChange.objects.order_by("pk").values_list("seconds_in_previous")
    assert list(seconds.values_list("seconds_in_previous", flat=True)) == [None, 60, 5, 35]
    assert [payload["event"] for payload in heard] == changes.events
    event = changes.events[1]
    assert isinstance(event, StationStatusChanged)
    assert (event.station, event.from_status, event.to_status) == (station(), "ONLINE", "OFFLINE")
    assert (event.at, event.seconds_in_previous, event.trigger) == (
        moment(now - 240),
        60,
        "STATUS",
    )


def test_a_refused_change_is_no_change(gateway: Gateway, now: int, changes: FlakyHook) -> None:
    gateway.send(status("ONLINE", at=now - 50))
    changes.failures = [RuntimeError("no")]
    assert gateway.post(status("OFFLINE", at=now - 40)).status_code == 503
    assert (station().status, len(history())) == ("ONLINE", 1)
    assert IngestEvent.objects.filter(state=State.FAILED).count() == 1
    assert gateway.send(status("OFFLINE", at=now - 40))["state"] == "applied"
    assert (station().status, len(history())) == ("OFFLINE", 2)


# When a station was heard


@pytest.mark.parametrize("serial", [STATION, "861"], ids=["serial", "imei"])
@pytest.mark.parametrize("kind", ["applied", "stale", "failed"])
def test_every_status_says_that_the_station_lives(
    kind: str, serial: str, gateway: Gateway, now: int, changes: FlakyHook
) -> None:
    gateway.send(full(at=now - 60, device={"imei": "861"}))
    gateway.send(status("ONLINE", at=now - 50))
    long_ago = timezone.now() - timedelta(hours=2)
    get_station_model().objects.update(last_heard_at=long_ago)
    changes.failures = [RuntimeError("no")] if kind == "failed" else []
    before = timezone.now()
    at = now - (55 if kind == "stale" else 40)
    response = gateway.post(status("OFFLINE", at=at, serial=serial))
    assert response.status_code == (503 if kind == "failed" else 200)
    assert before <= station().last_heard_at <= timezone.now()


def test_a_station_was_heard_on_our_clock(gateway: Gateway, now: int) -> None:
    before = timezone.now()
    gateway.send(status("ONLINE", at=now - 1000))
    assert before <= station().last_heard_at <= timezone.now()


# Silence


@pytest.mark.parametrize("value", [None, "BUSY", "ONLINE"])
def test_a_newer_snapshot_brings_a_silent_station_back(
    value: Any, gateway: Gateway, now: int
) -> None:
    gateway.send(full(at=now - 2000))
    fall_silent(now)
    gateway.send(full(at=now - 100, device={"status": value}))
    assert (station().status, station().silent_since) == ("ONLINE", None)
    assert history()[-1] == ("OFFLINE", "ONLINE", "FULL")


def test_a_newer_snapshot_that_failed_at_first_brings_a_silent_station_back(
    gateway: Gateway, now: int, changes: FlakyHook
) -> None:
    gateway.send(full(at=now - 2000))
    fall_silent(now)
    changes.failures = [RuntimeError("no")]
    payload = full(at=now, device={"status": None})
    assert gateway.post(payload).status_code == 503
    assert gateway.send(payload)["state"] == "applied"
    assert station().status == "ONLINE"


def test_a_stale_snapshot_does_not_bring_a_silent_station_back(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 2000))
    fall_silent(now)
    assert gateway.send(full(at=now - 2001))["state"] == "stale"
    assert station().status == "OFFLINE"


def test_a_silent_station_says_offline_itself_and_waits_for_its_own_word(
    gateway: Gateway, now: int
) -> None:
    gateway.send(full(at=now - 2000))
    fall_silent(now)
    gateway.send(status("OFFLINE", at=now - 100))
    gateway.send(full(at=now - 90, device={"status": None}))
    assert station().status == "OFFLINE"
    gateway.send(full(at=now - 80))
    assert station().status == "ONLINE"


def test_a_station_that_said_offline_waits_for_its_own_word(gateway: Gateway, now: int) -> None:
    gateway.send(full(at=now - 2000))
    gateway.send(status("OFFLINE", at=now - 1900))
    gateway.send(full(at=now - 100, device={"status": None}))
    assert station().status == "OFFLINE"
    gateway.send(status("ONLINE", at=now - 90))
    assert station().status == "ONLINE"
