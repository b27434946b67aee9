"""Python and configuration of pages that are not walked: each block is used for what it says."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from django.core import checks
from django.db import migrations
from django.test import Client
from django.urls import path

from django_iot_ingest import signals, signing
from django_iot_ingest import testing as kit
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.testing.chaos import ChaosGateway
from tests import partitions, programs, walk
from tests.gateway import URL, Gateway
from tests.nemesis.surroundings import environment
from tests.payloads import BANK, SECRET, cabinet, encode, full, returned, status
from tests.senders.scenarios import ACCOUNT, EXPIRED
from tests.shell import Shell
from tests.test_deferred_workers import WORKERS
from tests.walk import ROOT, block

README = ROOT / "README.md"
HOW_TO = ROOT / "docs" / "how-to"
REFERENCE = ROOT / "docs" / "reference"
ANSWERS = REFERENCE / "answers.md"
DEFERRED = HOW_TO / "deferred.md"
OBSERVABILITY = HOW_TO / "observability.md"
SCALE = ROOT / "docs" / "explanation" / "scale.md"

TOKEN = "of-whoever-scrapes-0123456789"

pytestmark = [pytest.mark.once, pytest.mark.whole]


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Let a block be a module that settings can name."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)


def used(text: str, **names: Any) -> dict[str, Any]:
    """Run a block with these names around it; return the names afterwards."""
    exec(text, names)  # noqa: S102 - our own page
    return names


# --- README


def test_a_bank_is_marked_as_rented_once(db: None) -> None:
    Gateway.with_admin().send(cabinet({1: BANK}))
    code = block(README, "from django_iot_ingest.exceptions import AlreadyRented")
    bank = get_power_bank_model().objects.get()

    used(code, power_bank=bank)
    began = get_power_bank_model().objects.get().rented_at
    used(code, power_bank=bank)

    bank = get_power_bank_model().objects.get()
    assert (bank.status, bank.current_slot, bank.rented_at) == ("RENTED", None, began)


def test_the_hooks_are_those_that_there_are(
    db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = block(README, "from django_iot_ingest.services import StationSyncService")
    module(tmp_path, monkeypatch, "readme_hooks", code)
    service = "readme_hooks.FleetSyncService"
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SYNC_SERVICE": service}
    gateway = Gateway.with_admin()

    assert checks.run_checks(tags=["iot_ingest"]) == []
    for payload in (full(), returned(slot=2), status("OFFLINE"), cabinet({}), cabinet({})):
        assert gateway.send(payload)["state"] == "applied"


def test_an_event_type_is_one_class(db: None, registered: None) -> None:
    used(block(README, "# fleet/alarms.py"))
    gateway = Gateway.with_admin()
    assert gateway.send({**status(), "type": "alarm"})["state"] == "applied"
    assert IngestEvent.objects.get().event_type == "alarm"


def test_what_can_be_made_is_made_in_ci() -> None:
    """``make test`` runs this very test, so it cannot be run by it."""
    steps = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line.partition("#")[0].strip() for line in block(README, "make demo").splitlines()]
    assert commands == ["make demo", "make test"]
    assert {"make demo ONCE=1", "make test"} <= set(steps)


# --- Deferred mode


def test_deferred_mode_is_one_setting(settings: Any) -> None:
    names = used(block(DEFERRED, "IOT_INGEST = {"))
    settings.IOT_INGEST = {**settings.IOT_INGEST, **names["IOT_INGEST"]}
    found = {one.id for one in checks.run_checks(tags=["iot_ingest"])}
    assert found <= {"iot_ingest.W100", "iot_ingest.W101"}


def test_the_database_does_the_work(tmp_path: Path) -> None:
    migrate, work, prune = commands(block(DEFERRED, "python manage.py migrate"))
    assert work.split()[2] == WORKERS["database"][0]
    with Shell(tmp_path, walk.environment()) as shell:
        shell.run("python -m django startproject host .")
        settings = block(DEFERRED, 'INSTALLED_APPS += ["django_tasks_db"]')
        walk.write(f"# host/settings.py (add)\n{settings}", tmp_path)
        shell.run(f"{migrate} --verbosity 0\n{prune}\n{work} --batch --no-startup-delay")


def test_redis_does_the_work() -> None:
    """With a worker of the same words, and these settings, in tests/test_deferred_workers.py."""
    names = used(block(DEFERRED, 'INSTALLED_APPS += ["django_rq"]'), INSTALLED_APPS=[])
    asked = "from tests.workers.settings import *; print((INSTALLED_APPS[-1], TASKS, RQ_QUEUES))"
    surroundings = environment("sqlite:///:memory:", {}) | {
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
        "WORKERS_BACKEND": "rq",
        "WORKERS_REDIS_PORT": "6379",
    }
    tried = programs.run(asked, **surroundings)
    assert tried.strip() == str((names["INSTALLED_APPS"][0], names["TASKS"], names["RQ_QUEUES"]))
    (command,) = commands(block(DEFERRED, "python manage.py rqworker"))
    assert command.split()[2:] == WORKERS["rq"]


def commands(text: str) -> list[str]:
    """Return the lines of a shell block without what is said of them."""
    return [line.partition("#")[0].strip() for line in text.splitlines()]


# --- Metrics and health


@pytest.mark.parametrize(
    ("first", "address"),
    [
        ("# urls.py\nfrom django_iot_ingest.metrics", "/metrics"),
        ("# urls.py\nfrom django_iot_ingest.health", "/healthz/ingest"),
    ],
)
def test_numbers_have_a_url(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, first: str, address: str
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    names = used(block(OBSERVABILITY, first), urlpatterns=[], path=path, os=os)
    settings.ROOT_URLCONF = tuple(names["urlpatterns"])
    answer = Client().get(address, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert b"iot_ingest_database_up" in answer.content or answer.json()["status"] == "ok"


def test_prometheus_is_told_where_to_scrape() -> None:
    (job,) = yaml.safe_load(block(OBSERVABILITY, "scrape_configs:"))["scrape_configs"]
    assert job.keys() <= {"job_name", "authorization", "static_configs", "scheme"}
    assert job["scheme"] == "https"
    # Prometheus asks for /metrics, with the type Bearer, unless it is told otherwise.
    assert 'path("metrics",' in block(OBSERVABILITY, "# urls.py\nfrom django_iot_ingest.metrics")
    assert job["authorization"].keys() == {"credentials_file"}


# --- Scale


def test_a_host_of_a_pooler_has_the_settings_that_are_tried() -> None:
    """tests/test_pgbouncer.py runs with the settings of ``tests.settings_pooled``."""
    names = used(block(SCALE, "# settings.py"), DATABASES={"default": {}})
    asked = "from django.conf import settings; print(settings.DATABASES['default'])"
    tried = programs.run(
        asked, DJANGO_SETTINGS_MODULE="tests.settings_pooled", POOLED_DATABASE="any"
    )
    for name, value in names["DATABASES"]["default"].items():
        assert re.search(rf"'{name}': {value!r}\b", tried), name


def test_the_migration_runs_the_sql_that_is_tried(tmp_path: Path) -> None:
    """tests/partitions.py runs the same operation on PostgreSQL."""
    file = tmp_path / "0002_inbox_partitions.py"
    file.with_name(partitions.SQL.name).write_text(partitions.SQL.read_text())
    code = block(SCALE, "# fleet/migrations/0002_inbox_partitions.py")
    (operation,) = used(code, __file__=str(file), __name__="host")["Migration"].operations
    assert isinstance(operation, migrations.RunSQL)
    assert operation.sql == partitions.SQL.read_text()


# --- Answers


def test_an_answer_has_what_the_page_shows(db: None) -> None:
    (shown,) = [one for one in walk.blocks(ANSWERS) if one.language == "json"]
    gateway = Gateway.with_admin()
    gateway.send({**status(), "timestamp": 1})
    promised, answer = json.loads(shown.text), gateway.post(full()).json()
    varying = ("event_id", "station_id", "timestamp")
    for one in (promised, answer):
        assert all(isinstance(one["data"].pop(name), str) for name in varying)
    assert answer == promised


@pytest.mark.django_db(transaction=True)
def test_a_receiver_hears_a_return(capsys: pytest.CaptureFixture[str]) -> None:
    names = used(block(REFERENCE / "signals.md", "from django.dispatch import receiver"))
    gateway = Gateway.with_admin()
    gateway.send(cabinet({1: BANK}))
    try:
        gateway.send(returned(slot=1))
    finally:
        assert signals.power_bank_returned.disconnect(names["thank_the_renter"])
    bank = get_power_bank_model().objects.get()
    assert capsys.readouterr().out.startswith(f"{bank} is back since 20")


def test_a_host_can_fail_at_a_deprecation(tmp_path: Path) -> None:
    page = REFERENCE / "deprecation.md"
    (tmp_path / "pytest.ini").write_text(block(page, "[pytest]"))
    (shown,) = [one.text.strip() for one in walk.blocks(page) if one.language == "text"]
    name, _, words = shown.partition(": ")
    warn = "    warnings.warn({!r}, {}, stacklevel=1)\n"
    (tmp_path / "test_host.py").write_text(
        "import warnings\n\ndef test_ours():\n"
        + warn.format(words, name)
        + "\ndef test_others():\n"
        + warn.format("another.name is deprecated", name)
    )
    with Shell(tmp_path, walk.environment()) as shell:
        said = shell.run("python -m pytest -p no:django -p no:cacheprovider || true")
    assert "1 failed, 1 passed" in said and f"E       {shown}" in said, said


# --- Senders


def test_a_signature_is_what_the_page_says() -> None:
    text = "Base64(HMAC-SHA256(key = secret as UTF-8, message = body bytes + X-Timestamp as ASCII))"
    assert f"X-Signature: {text}\n" in block(HOW_TO / "senders.md", "X-Timestamp: ")
    body, stamp = encode(full()), "1795452778"
    made = hmac.digest(SECRET.encode(), body + stamp.encode("ascii"), "sha256")
    assert base64.b64encode(made).decode() == signing.sign(body, stamp, SECRET)


def test_senders_read_what_the_page_exports(tmp_path: Path) -> None:
    """They are what tests/senders gives each of them."""
    exports = block(HOW_TO / "senders.md", "export IOT_SYSTEM_SIGNATURE_SECRET")
    with Shell(tmp_path, walk.environment()) as shell:
        said = shell.run(f'{exports}env | grep -o "^IOT_[A-Z_]*"; echo "$URL"')
    *names, url = said.split()
    assert {*names} == {"IOT_SYSTEM_SIGNATURE_SECRET", *EXPIRED, *ACCOUNT}
    assert url.endswith(URL)


# --- The test kit


class Taker:
    """A gateway whose posts are taken, the first of a body for the first time."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def post(self, body: bytes) -> Any:
        state = "duplicate" if body in self.bodies else "applied"
        self.bodies.append(body)
        return SimpleNamespace(status_code=200, json=lambda: {"data": {"state": state}})


def test_a_story_of_chaos_is_told_so() -> None:
    """Such a story is one of those that two returns can have."""
    shown = block(HOW_TO / "test-your-host.md", "seed 7").splitlines()
    assert shown[0] == story(7)[0]
    assert shown[1:] in [story(seed)[1:] for seed in range(50)]


def story(seed: int) -> list[str]:
    chaos = ChaosGateway(cast(Any, Taker()), seed, kinds=["lost"], share=0.3)
    chaos.deliver([kit.returned(slot=slot) for slot in (1, 2)])
    return str(chaos).splitlines()
