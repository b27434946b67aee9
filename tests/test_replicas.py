"""With a router that sends reads to a replica the plugin reads where it writes, all the same.

The router is the one of ``docs/explanation/scale.md``. There is no replica here: whatever asks it is an error.
"""

from __future__ import annotations

import re
import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import router
from django.db.utils import ConnectionDoesNotExist
from django.utils import timezone

from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, cabinet, returned, status

SCALE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "scale.md"

FLAGS = re.MULTILINE | re.DOTALL

LABELS = {"django_iot_ingest", get_station_model()._meta.app_label}


@pytest.fixture
def replica(settings: Any, tmp_path: Path) -> None:
    """Install the page's router, for the host under test."""
    found = re.findall(r"^```python\n(# fleet/routers\.py\n.*?)^```$", SCALE.read_text(), FLAGS)
    (text,) = found
    (tmp_path / "routers.py").write_text(text)
    made = runpy.run_path(str(tmp_path / "routers.py"))["ReplicaRouter"]()
    assert made.apps == {"django_iot_ingest", "fleet"}
    made.apps = LABELS
    settings.DATABASE_ROUTERS = [made]


def test_the_router_does_send_reads_there(replica: None, db: None) -> None:
    for model in (get_station_model(), IngestEvent):
        assert router.db_for_read(model) == "replica"
        assert router.db_for_write(model) == "default"
        assert not router.allow_migrate_model("replica", model)
        with pytest.raises(ConnectionDoesNotExist):
            model.objects.count()


@pytest.mark.django_db(transaction=True)
def test_every_event_reads_where_it_writes(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    gateway, hook = Gateway.with_admin(), FlakyHook(monkeypatch)
    gateway.send(cabinet({1: BANK}, at=timezone.now().timestamp() - 900))
    bank = get_power_bank_model().objects.get()
    hosts.start_rental(bank, timezone.now() - timedelta(seconds=600))
    request.getfixturevalue("replica")

    assert gateway.send(status())["state"] == "applied"
    hook.failures = [RuntimeError("no")]
    payload = returned(slot=2)
    assert gateway.post(payload).status_code == 503
    assert gateway.send(payload)["state"] == "applied"
    assert gateway.send(payload)["state"] == "duplicate"
    assert gateway.send(returned(bank="new"))["state"] == "deferred"
    assert gateway.send(cabinet({2: BANK, 3: "new"}))["state"] == "applied"
    assert gateway.post({**status(), "type": "unknown"}).status_code == 400
    assert hook.calls == 3

    rows = IngestEvent.objects.using("default")
    assert rows.filter(state="applied").count() == 5


@pytest.mark.django_db(transaction=True)
def test_so_does_every_command(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    gateway, hook = Gateway.with_admin(), FlakyHook(monkeypatch)
    get_power_bank_model().objects.create(serial_number=BANK)
    hook.failures = [RuntimeError("no"), RuntimeError("no")]
    gateway.send(status())
    for slot in (1, 2):
        assert gateway.post(returned(slot=slot)).status_code == 503
    long_ago = timezone.now() - timedelta(days=1)
    IngestEvent.objects.update(retry_at=long_ago)
    request.getfixturevalue("replica")

    call_command("iot_sweep", limit=1)
    call_command("iot_replay", "--all")
    stations = get_station_model().objects.using("default")
    stations.update(last_heard_at=long_ago)
    call_command("iot_mark_offline")
    assert stations.get(serial_number=STATION).status == "OFFLINE"
    rows = IngestEvent.objects.using("default")
    assert set(rows.values_list("state", flat=True)) == {"applied"}
    rows.update(received_at=timezone.now() - timedelta(days=1000))
    call_command("iot_prune")
    assert not rows.exists()
