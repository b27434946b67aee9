"""No default of a project changes an answer, however different the project is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import StationSyncService
from django_iot_ingest.times import aware, native
from tests.gateway import Gateway
from tests.hosts import ended_at, start_rental
from tests.payloads import BANK, STATION, encode, full, returned, status

ROOT = Path(__file__).resolve().parent.parent
OTHER = "tests.settings_other_defaults"
SAME_ANSWERS = ["tests/test_project_defaults.py", "tests/test_views.py"]
OTHERWISE = os.environ.get("DJANGO_SETTINGS_MODULE") == OTHER

pytestmark = pytest.mark.django_db


class RefusingService(StationSyncService):
    """A host that refuses every return."""

    def on_power_bank_returned(self, event: Any) -> None:
        raise ValueError("not now")


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


if OTHERWISE:

    def test_this_project_is_really_another() -> None:
        assert (project.DEBUG, project.USE_TZ, project.TIME_ZONE) == (True, False, "Asia/Kathmandu")
        assert project.DATABASES["default"]["ATOMIC_REQUESTS"] is True
        assert [cls.__name__ for cls in APIView.renderer_classes] == ["Forbidden"]
        for setting in ("EXCEPTION_HANDLER", "UNAUTHENTICATED_USER"):
            with pytest.raises(AssertionError):
                getattr(api_settings, setting)()

else:

    @pytest.mark.once
    @pytest.mark.whole
    def test_every_answer_is_the_same_in_a_project_with_other_defaults() -> None:
        # A process of its own: REST framework binds the defaults when its modules are imported.
        suffix = os.environ.get("TEST_DATABASE_SUFFIX", "") + "-other-defaults"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": OTHER,
            "TEST_DATABASE_SUFFIX": suffix,
        }
        options = f"-q --tb=short --maxfail=5 -p no:cacheprovider --ds={OTHER}".split()
        options += ["-o", "django_debug_mode=keep"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *SAME_ANSWERS],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def ago(seconds: int) -> datetime:
    """Return a past moment as this project stores it, in whole seconds."""
    return native(datetime.fromtimestamp(int(time.time()) - seconds, UTC))


def unix(moment: datetime) -> float:
    return aware(moment).timestamp()


def test_a_rental_is_closed_at_the_moment_of_its_return(gateway: Gateway) -> None:
    gateway.send(full(at=unix(ago(7200))))
    bank = get_power_bank_model()._base_manager.get(serial_number=BANK)
    rental = start_rental(bank, ago(3600))
    body = encode(returned(BANK, 2, at=unix(ago(0)), returned_at=unix(ago(600))))
    before, after = ago(601), ago(599)
    states = [gateway.send(body)["state"] for _ in range(3)]
    assert states == ["applied", "duplicate", "duplicate"]
    ended = ended_at(rental)
    assert ended is not None
    assert before <= ended <= after
    bank.refresh_from_db()
    assert (bank.status, bank.current_slot.slot_number) == ("AVAILABLE", 2)


def test_a_failed_return_survives_the_rollback_and_is_applied_by_its_retry(
    gateway: Gateway, settings: Any
) -> None:
    gateway.send(full(at=unix(ago(7200))))
    body = encode(returned(BANK, 2))
    works = settings.IOT_INGEST
    settings.IOT_INGEST = {**works, "SYNC_SERVICE": "tests.test_project_defaults.RefusingService"}
    assert gateway.post(body).status_code == 503
    row = IngestEvent.objects.get(event_type="returned")
    assert (row.state, bytes(row.body)) == ("failed", body)
    settings.IOT_INGEST = works
    assert gateway.send(body)["state"] == "applied"


def test_times_in_answers_and_tables_are_the_same_moments(gateway: Gateway) -> None:
    before = time.time()
    data = gateway.send(status())
    told = datetime.fromisoformat(data["timestamp"])
    station = get_station_model()._base_manager.get(serial_number=STATION)
    heard = aware(station.last_heard_at)
    assert told.tzinfo is not None
    assert before - 1 <= heard.timestamp() <= told.timestamp() + 1 <= time.time() + 2


def test_nobody_is_sent_to_a_login_page() -> None:
    response = Client().post("/api/internal/stations/data", b"{}", content_type="application/json")
    assert (response.status_code, response.json()["error"]) == (403, "INVALID_SIGNATURE")
