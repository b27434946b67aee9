"""Stations that fall silent are OFFLINE, and come back."""

from __future__ import annotations

import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_iot_ingest import silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import StationStatusChange
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, full, returned, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


def heard(seconds_ago: float) -> Any:
    stations = get_station_model().objects
    stations.update(last_heard_at=timezone.now() - timedelta(seconds=seconds_ago))
    return stations.get()


def test_a_silent_station_is_marked_offline(gateway: Gateway) -> None:
    gateway.send(status("ONLINE", at=time.time() - 1600), timestamp=int(time.time()))
    heard(1501)

    assert silence.mark_offline() == 1

    station = get_station_model().objects.get()
    change = StationStatusChange.objects.latest("pk")
    assert (station.status, station.silent_since) == ("OFFLINE", station.last_heard_at)
    assert (change.from_status, change.to_status, change.trigger) == (
        "ONLINE",
        "OFFLINE",
        "TIMEOUT",
    )
    assert 1598 <= change.seconds_in_previous <= 1610
    assert silence.mark_offline() == 0, "once is enough"


def test_a_station_that_was_heard_is_left_alone(gateway: Gateway) -> None:
    gateway.send(status("ONLINE"))
    heard(1490)

    assert silence.mark_offline() == 0


def test_offline_after_is_a_setting(gateway: Gateway, settings: Any) -> None:
    gateway.send(status("ONLINE"))
    heard(61)
    settings.IOT_INGEST = {**settings.IOT_INGEST, "OFFLINE_AFTER": 60}

    assert silence.mark_offline() == 1


@pytest.mark.parametrize("event", ["full", "full without a status", "returned", "status"])
def test_a_silent_station_comes_back_by_a_newer_event(gateway: Gateway, event: str) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(status("ONLINE"))
    heard(2000)
    silence.mark_offline()
    payloads = {
        "full": full(),
        "full without a status": full(device={"status": None}),
        "returned": returned(),
        "status": status("ONLINE"),
    }

    gateway.send(payloads[event])

    station = get_station_model().objects.get()
    assert (station.status, station.silent_since) == ("ONLINE", None)


def test_an_event_from_before_the_silence_does_not_bring_it_back(gateway: Gateway) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(status("ONLINE", at=time.time() - 5000), timestamp=int(time.time()))
    heard(2000)
    silence.mark_offline()

    gateway.send(returned(at=time.time() - 3000), timestamp=int(time.time()))

    assert get_station_model().objects.get().status == "OFFLINE"


def test_a_station_that_said_offline_waits_for_its_own_word(gateway: Gateway) -> None:
    get_power_bank_model().objects.create(serial_number=BANK)
    gateway.send(status("OFFLINE"))
    heard(2000)
    assert silence.mark_offline() == 0

    gateway.send(returned())
    gateway.send(full(device={"status": None}))
    assert get_station_model().objects.get().status == "OFFLINE"

    gateway.send(full())
    assert get_station_model().objects.get().status == "ONLINE"


def test_one_that_a_hook_refuses_keeps_no_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for serial in ("a", "b", "c"):
        gateway.send(status("ONLINE", serial=serial))
    get_station_model().objects.update(last_heard_at=timezone.now() - timedelta(hours=1))
    hook = FlakyHook(monkeypatch, "on_station_status_changed")
    hook.failures = [RuntimeError("no")]
    out = StringIO()

    call_command("iot_mark_offline", stdout=out)

    assert out.getvalue() == "2 stations marked OFFLINE\n"
    assert "was not marked OFFLINE" in caplog.text
    assert silence.mark_offline() == 1
