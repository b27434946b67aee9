"""docs/reference: each generated page is as the code has it, and what stands around it is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.dispatch import Signal

from django_iot_ingest import event_types, signals
from django_iot_ingest.conf import (
    IngestSettings,
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import StationSyncService
from django_iot_ingest.services.hooks import NAMES
from django_iot_ingest.simulator.summary import FAILED, INTERRUPTED, SUCCESS, UNUSABLE
from tests.gateway import Gateway
from tests.payloads import cabinet, encode, full, returned, status
from tests.reference import commands, models
from tests.reference.markdown import headings, table
from tests.reference.pages import PAGES, path, written
from tests.reference.signals import story

pytestmark = [pytest.mark.once, pytest.mark.one_host, pytest.mark.whole]


def text_of(page: str) -> str:
    return path(page).read_text("utf-8")


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_it_is_made(page: str) -> None:
    """After a change: ``python -m tests.reference --write``."""
    assert text_of(page) == written(text_of(page), PAGES[page]())


def test_a_cell_keeps_its_bars() -> None:
    assert table(["a"], [["b | c"], [""]]) == "| a |\n| --- |\n| b \\| c |\n| |"


# --- settings


def test_every_setting_has_a_section() -> None:
    declared = [name for name in vars(IngestSettings) if name.isupper()]
    assert headings(text_of("settings")) == declared


# --- signals


def test_every_signal_has_a_section_and_a_row() -> None:
    names = [name for name, one in vars(signals).items() if isinstance(one, Signal)]
    assert headings(text_of("signals")) == names
    rows = re.findall(r"^\| `(\w+)` \| (?:for|when)", text_of("signals"), re.MULTILINE)
    assert rows == names


@pytest.mark.django_db
def test_signals_are_sent_when_the_page_says() -> None:
    heard = {name: len(sent) for name, sent in story().items()}
    assert heard == {
        "station_synced": 6,  # a status, four snapshots, the repeat of the return
        "station_status_changed": 1,
        "power_bank_returned": 1,
        "power_bank_missing": 1,
        "event_failed": 2,
        "request_refused": 2,  # the bad signature, and the 503 of the hook that raised
    }


# --- hooks


def test_every_hook_is_in_the_table() -> None:
    hooks = ["get_station_defaults", "get_power_bank_defaults", *NAMES.values()]
    assert all(callable(getattr(StationSyncService, name)) for name in hooks)
    runs = text_of("hooks").partition("## When they run")[2].partition("\n\nWhat")[0]
    assert re.findall(r"^\| `(\w+)`", runs, re.MULTILINE) == hooks
    for name in ("register", "unregister", "names", "find"):
        assert f"`{name}" in text_of("hooks") or f".{name}`" in text_of("hooks")
        assert callable(getattr(event_types, name))


# --- commands


def test_every_command_has_a_section_and_exit_codes() -> None:
    page = text_of("commands")
    assert headings(page) == commands.names()
    codes = page.partition("## Exit codes")[2].partition("\n\nargparse")[0]
    assert re.findall(r"^\| `(\w+)`", codes, re.MULTILINE) == commands.names()
    assert (SUCCESS, FAILED, UNUSABLE, INTERRUPTED) == (0, 1, 2, 130)


SIGNED = ["iot_sign", "BODY"]
RUNS: list[tuple[list[str], int]] = [
    (["iot_doctor", "no-such-file"], 2),
    (["iot_drain"], 0),
    (["iot_mark_offline"], 0),
    (["iot_prune"], 0),
    (["iot_replay"], 1),
    (["iot_replay", "--all", "--since", "yesterday"], 1),
    (["iot_replay", "--all"], 0),
    (["iot_send", "BODY", "--url", "http://127.0.0.1:9/"], 1),
    (["iot_send", "BODY"], 2),
    (SIGNED, 0),
    ([*SIGNED, "--secret-index", "9"], 2),
    (["iot_sign", "no-such-file"], 2),
    (["iot_simulate", "--url", "no-url"], 2),
    (["iot_sweep"], 0),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("words", "code"), RUNS, ids=lambda one: str(one))
def test_exit_codes(words: list[str], code: int, tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("IOT_URL", "IOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    body = tmp_path / "body.json"
    body.write_bytes(encode(status()))
    assert exit_code([str(body) if word == "BODY" else word for word in words]) == code


def exit_code(words: list[str]) -> Any:
    """Return what a command ends with, as ``manage.py`` would."""
    try:
        call_command(*words)
    except SystemExit as end:
        return end.code
    except CommandError as error:
        return error.returncode
    return 0


# --- models


@pytest.mark.django_db
def test_a_sync_writes_columns_of_the_device_only() -> None:
    gateway, hosts = Gateway.with_admin(), (get_station_model(), get_power_bank_model())
    gateway.send(full(at=1_700_000_000))
    for model in (*hosts, get_station_slot_model()):
        model.objects.update(out_of_service=True)
    before = [values(model) for model in hosts]
    gateway.send(status("OFFLINE", at=1_700_000_001))
    gateway.send(returned(slot=1, at=1_700_009_000, battery=12))
    gateway.send(cabinet({}, at=1_700_010_000, device={"imei": "x", "signal_strength": "1"}))
    gateway.send(cabinet({}, at=1_700_011_000))
    for model, was in zip(hosts, before, strict=True):
        now = values(model)
        changed = {name for name in now if now[name] != was[name]}
        role = next(base for base in models.HOSTS if issubclass(model, base))
        assert changed, model
        assert {models.owner_of(role, name) for name in changed} <= {
            models.DEVICE,
            models.BANK_STATUS,
        }
    assert get_station_slot_model().objects.filter(out_of_service=False).count() == 2


def values(model: Any) -> dict[str, Any]:
    """Return the one row of a model."""
    found: dict[str, Any] = model.objects.values().get()
    return {name.removesuffix("_id"): value for name, value in found.items()}


@pytest.mark.parametrize("model", models.HOSTS, ids=lambda model: model.__name__)
def test_what_stands_below_out_of_service_is_bookkeeping(model: Any) -> None:
    below = [field for field in model._meta.local_fields if not field.editable]
    names = [field.name for field in model._meta.local_fields]
    assert names[names.index("out_of_service") + 1 :] == [field.name for field in below]


# --- errors


def test_states_in_groups_are_as_the_page_says() -> None:
    waiting = {"received", "deferred", "failed"}
    assert {str(state) for state in IngestEvent.WAITING} == waiting
    assert {str(state) for state in IngestEvent.UNAPPLIED} == waiting | {"dead"}
    assert "`IngestEvent.WAITING` are `received`, `deferred` and `failed`" in text_of("errors")
