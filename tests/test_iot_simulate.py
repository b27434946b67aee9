"""``iot_simulate`` against a real server: it agrees with what is right, and names what is not."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import DatabaseError
from django.test.testcases import QuietWSGIRequestHandler
from django.utils import timezone

from django_iot_ingest import inbox
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_sync_service
from django_iot_ingest.fleet import numbers
from django_iot_ingest.management.commands import iot_simulate
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import Outcome, StationSyncService
from django_iot_ingest.simulator import agenda, delivery, gateway, hardware, tables, watch
from django_iot_ingest.simulator.chaos import Chaos
from django_iot_ingest.simulator.expectation import Expectation
from django_iot_ingest.simulator.summary import Summary
from django_iot_ingest.simulator.tally import Tally
from tests import hosts
from tests.gateway import Gateway
from tests.test_client import free_port, serving
from tests.test_simulator_options import GOOD

FLEET = ("--stations", "20", "--slots", "8", "--seed", "1", "--threads", "6", "-v", "0")
RENTALS = ("--rentals", "20%", "--rent", "tests.test_iot_simulate.rent_for_test")


NO_HOST_RENTALS = ("--rentals", "20%")


def rent_for_test(power_bank: Any) -> None:
    """Rent as the host's app would."""
    hosts.start_rental(power_bank, timezone.now())


def rent_nothing(power_bank: Any) -> None:
    """Do not rent at all."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gateway wait a tenth of the time: a run that has to fail need not take long."""
    monkeypatch.setattr(delivery, "PAUSES", (0.0, 0.2, 0.4))
    monkeypatch.setattr(gateway, "OFFSETS", (0.0, 0.2, 0.6))


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    """Serve this process's Django on threads, each with a database connection of its own."""
    with ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler) as server:
        server.set_app(WSGIHandler())
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def token(transactional_db: None) -> str:
    return Gateway.with_admin().token


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let banks come back soon."""
    monkeypatch.setattr(hardware, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(agenda, "AWAY_SECONDS", (1.6, 4.0))
    monkeypatch.setattr(agenda, "OFF_SECONDS", (1.0, 3.0))


class Run:
    """One run of the command: what it printed, what it wrote, how it ended."""

    def __init__(self, url: str, token: str, *options: str, folder: Path | None = None) -> None:
        out, self.code, self.error = StringIO(), 0, ""
        file = ("--json", str(folder / "summary.json")) if folder else ()
        try:
            call_command(
                *("iot_simulate", "--url", url, "--token", token, *FLEET, *options, *file),
                stdout=out,
                stderr=StringIO(),
            )
        except CommandError as error:
            self.code, self.error = error.returncode, str(error)
        self.text = out.getvalue()
        self.json = json.loads((folder / "summary.json").read_text()) if folder else {}

    def __repr__(self) -> str:
        return f"{self.text}\n{self.code} {self.error}"


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize("is_second", [False, True], ids=["an empty table", "a second run"])
def test_a_fleet_with_all_chaos_is_as_it_should_be(
    url: str, token: str, tmp_path: Path, is_second: bool
) -> None:
    if is_second:
        first = Run(url, token, *RENTALS, "--events", "40", "--rate", "15")
        assert first.code == 0, first
    options = ("--rate", "15", "--seconds", "8", "--chaos", "all", *RENTALS)

    run = Run(url, token, *options, folder=tmp_path)

    assert run.code == 0, run
    assert "everything is as it should be" in run.text
    told = run.json
    assert (told["differences"], told["unexpected"]["count"], told["lost"]["count"]) == ([], 0, 0)
    assert told["left_out"] == {"stations": 0, "banks": 0}
    assert told["events"].keys() == {"full", "returned", "status"}
    assert sum(told["trouble"].values()) > 5 and told["rentals"] > 5
    assert {"200 applied", "200 stale"} <= told["answers"].keys()
    assert told["answers"].keys() <= {"200 applied", "200 duplicate", "200 stale"}
    assert_same_fleet(told["fleet"])
    assert token not in run.text + json.dumps(told)


def assert_same_fleet(told: dict[str, int]) -> None:
    """The summary's fleet is the tables', and rentals that are over are billed."""
    banks = get_power_bank_model().objects.all()
    assert told["stations_online"] == get_station_model().objects.filter(status="ONLINE").count()
    assert told["banks_rented"] == banks.filter(status="RENTED").count() > 0
    assert told["banks_available"] == banks.filter(status="AVAILABLE", missing_since=None).count()
    assert told["banks_in_slots"] == banks.exclude(current_slot=None).count()
    page = numbers.read()
    shown = {f"banks_{kind}": count for kind, count in page.banks.items()}
    shown |= {f"stations_{kind}": count for kind, count in page.stations.items()}
    assert shown == {name: told.get(name, 0) for name in shown}, "the fleet page says the same"
    for bank in banks:
        assert len(hosts.open_rentals(bank)) == (bank.status == "RENTED")


@pytest.mark.once
@pytest.mark.usefixtures("lively")
def test_without_rentals_no_model_is_touched(url: str, token: str) -> None:
    options = ("--rate", "20", "--seconds", "6", "--chaos", "duplicates,lost", "--chaos", "reset")
    run = Run(url, token, *options)
    assert run.code == 0, run
    assert "not looked at" in run.text
    assert not get_power_bank_model().objects.filter(status="RENTED").exists()


@pytest.mark.once
@pytest.mark.usefixtures("lively")
def test_tables_can_be_looked_at_without_rentals(url: str, token: str) -> None:
    run = Run(url, token, "--verify", "--rate", "20", "--seconds", "7", "--chaos", "all")
    assert run.code == 0, run
    assert "differences none" in " ".join(run.text.split())


@pytest.mark.once
def test_a_number_of_events_ends_it(url: str, token: str, tmp_path: Path) -> None:
    run = Run(url, token, "--events", "25", "--rate", "20", folder=tmp_path)
    assert run.code == 0, run
    assert 25 <= sum(run.json["events"].values()) <= 27
    assert IngestEvent.objects.count() == sum(run.json["requests"].values())


# Faults that are planted


@pytest.mark.usefixtures("lively")
def test_a_host_that_applies_a_return_twice_is_named(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(inbox, "_known_answer", lambda row: None)
    monkeypatch.setattr("django_iot_ingest.simulator.chaos.SHARE", 1.0)
    options = ("--rate", "20", "--seconds", "30", "--chaos", "duplicates", *RENTALS)

    run = Run(url, token, *options)

    assert run.code == 1, run
    assert "returned of SIM-" in run.text and "times, by the answers to its copies" in run.text
    assert "unexpected answer" in run.error


@pytest.mark.once
@pytest.mark.usefixtures("lively")
def test_a_host_that_loses_a_return_is_named(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(service: StationSyncService, report: Any) -> Outcome:
        return Outcome()

    monkeypatch.setattr(type(get_sync_service()), "apply_returned", lose)
    options = ("--rate", "20", "--seconds", "7", *RENTALS)

    run = Run(url, token, *options)

    assert run.code == 1, run
    assert "is RENTED, and should be AVAILABLE in slot" in run.text
    assert "in the tables" in run.error


@pytest.mark.once
@pytest.mark.usefixtures("lively")
def test_a_receipt_that_is_gone_is_named(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watch.tables.differences

    def after_somebody_deleted(*given: Any, **options: Any) -> list[str]:
        IngestEvent.objects.filter(event_type="returned").delete()
        get_station_model().objects.filter(serial_number="SIM-0001").update(status="MAINTENANCE")
        get_power_bank_model().objects.filter(serial_number="SIM-0002-01").delete()
        return real(*given, **options)

    monkeypatch.setattr(tables, "differences", after_somebody_deleted)

    run = Run(url, token, "--rate", "20", "--seconds", "7", *NO_HOST_RENTALS)

    assert run.code == 1, run
    assert "station SIM-0001 is MAINTENANCE, and should be O" in run.text
    assert "power bank SIM-0002-01 is not in the tables" in run.text
    assert "accepted, 0 are applied in the inbox" in run.text


@pytest.mark.once
def test_a_host_that_answers_403_is_named(url: str, token: str, settings: Any, quick: None) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "ALLOWED_IPS": ["203.0.113.1"]}

    run = Run(url, token, "--seconds", "30")

    assert run.code == 1, run
    assert "403 IP_NOT_ALLOWED" in run.text
    assert "forgotten after 3 tries" in run.text
    assert "lost event" in run.error


@pytest.mark.once
def test_it_goes_on_after_a_fault_if_that_is_asked_for(
    url: str, token: str, settings: Any, quick: None, tmp_path: Path
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "ALLOWED_IPS": ["203.0.113.1"]}
    options = ("--seconds", "4", "--rate", "5", "--keep-going")

    run = Run(url, token, *options, folder=tmp_path)

    assert run.code == 1, run
    assert run.json["lost"]["count"] > 10
    assert run.json["seconds"] >= 4


@pytest.mark.once
def test_a_wrong_token_ends_it(url: str, token: str, quick: None) -> None:
    run = Run(url, "not-the-token", "--seconds", "30")
    assert run.code == 1, run
    assert "401 NOT_AUTHENTICATED, and no log-in helped" in run.text
    assert "not-the-token" not in repr(run)


@pytest.mark.once
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("tests.test_iot_simulate.rent_nothing", "is AVAILABLE after it was rented"),
        ("builtins.int", "renting raised TypeError"),
    ],
)
def test_a_rental_that_is_none_is_named(url: str, token: str, path: str, named: str) -> None:
    options = ("--rentals", "600", "--rent", path, "--rate", "20", "--seconds", "30")
    run = Run(url, token, *options)
    assert run.code == 1, run
    assert named in run.text and "1 failed rental" in run.error


# What cannot be begun


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--rate", "0"], "--rate"),
        (["--chaos", "losst"], "'losst'"),
        (["--rentals", "20%", "--rent", "no.such.thing"], "cannot be imported"),
        (["--rentals", "20%", "--rent", "tests.test_iot_simulate.FLEET"], "is not callable"),
        (["--json", "/no/such/folder/file"], "cannot be written"),
        (["--url", "ftp://host"], "--url"),
        (["--token", "two words"], "no header can hold"),
        (["--login", "/login"], "--email"),
    ],
    ids=str,
)
def test_unusable_options_are_named(db: None, options: list[str], named: str) -> None:
    run = Run("http://127.0.0.1:9/", "abc", *options)
    assert run.code == 2, run
    assert named in run.error and not run.text


@pytest.mark.once
@pytest.mark.parametrize("option", ["--slots=3", "--rentals=x", "--stations=many"])
def test_what_argparse_refuses_is_named(option: str) -> None:
    with pytest.raises(CommandError, match=option.partition("=")[0]):
        call_command("iot_simulate", "--url", "http://127.0.0.1:9/", option)


@pytest.mark.once
def test_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IOT_TOKEN", raising=False)
    run = Run("http://127.0.0.1:9/", "")
    assert run.code == 2 and "IOT_TOKEN" in run.error


@pytest.mark.once
def test_a_server_that_is_away_cannot_be_simulated_against() -> None:
    run = Run(f"http://127.0.0.1:{free_port()}", "abc")
    assert run.code == 2 and "does not answer" in run.error


@pytest.mark.once
def test_another_projects_server_is_noticed(token: str) -> None:
    body = b'{"success": true, "data": {"state": "applied", "event_id": "12345678"}}'
    with serving((200, {}, body)) as server:
        run = Run(server.url, token, "--verify", "--seconds", "30")
    assert run.code == 2, run
    assert "not the one that the URL serves" in run.error


@pytest.mark.once
def test_a_project_that_creates_nothing_is_noticed(url: str, token: str, settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTO_CREATE_STATIONS": False}
    run = Run(url, token, "--verify")
    assert run.code == 2 and "AUTO_CREATE_STATIONS" in run.error


@pytest.mark.once
@pytest.mark.usefixtures("lively")
def test_tables_that_fail_are_named(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> list[str]:
        raise DatabaseError("secret words")

    monkeypatch.setattr(tables, "differences", fail)
    run = Run(url, token, "--verify", "--events", "3")
    assert run.code == 1 and run.error == "the tables of this project failed: DatabaseError"


@pytest.mark.once
def test_a_secret_is_needed(settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": []}
    run = Run("http://127.0.0.1:9/", "abc")
    assert run.code == 2 and "SIGNATURE_SECRETS" in run.error


# How it ends


@pytest.mark.once
def test_ctrl_c_ends_it_with_a_summary(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_iot_ingest.simulator.chaos.SHARE", 1.0)
    kept = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        run = Run(url, token, "--seconds", "60", "--rate", "10", "--chaos", "lost")
    finally:
        timer.cancel()
        timer.join()
    assert run.code == 130, run
    assert "events a second" in run.text and "not sent to the end" in run.text
    assert "nothing was wrong so far" in run.text and run.error == "Interrupted."
    assert signal.getsignal(signal.SIGINT) is kept


@pytest.mark.once
def test_a_server_that_is_too_slow_slows_the_fleet(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = inbox.ingest

    def slow(*given: Any, **options: Any) -> Any:
        time.sleep(0.5)
        return real(*given, **options)

    monkeypatch.setattr("django_iot_ingest.views.inbox.ingest", slow)
    options = ("--seconds", "5", "--rate", "20", "--threads", "2")

    run = Run(url, token, *options, folder=tmp_path)

    assert run.code == 0, run
    assert run.json["rate"]["achieved"] < 6
    begun = sum(run.json["events"].values())
    slipped = run.json["slipped"]["the server kept all threads waiting"]
    assert begun + slipped == pytest.approx(20 * 5, abs=25)
    assert "were not begun in time" in run.text


@pytest.mark.usefixtures("lively")
def test_in_deferred_mode_what_is_queued_is_waited_for(
    url: str, token: str, settings: Any, tmp_path: Path
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "deferred"}
    stop = threading.Event()
    worker = threading.Thread(target=drain_until, args=(stop,))
    worker.start()
    try:
        options = ("--verify", "--seconds", "6", "--rate", "10", "--chaos", "all")
        run = Run(url, token, *options, folder=tmp_path)
    finally:
        stop.set()
        worker.join()
    assert run.code == 0, run
    assert run.json["answers"].keys() <= {"200 queued", "200 duplicate"}
    assert not {"late", "reorder"} & run.json["trouble"].keys()
    assert "reorder is left out" in run.text and "late is left out" in run.text
    assert run.json["differences"] == []


def drain_until(stop: threading.Event) -> None:
    """Be a worker."""
    from django.db import connection

    from django_iot_ingest import drain

    try:
        while not stop.wait(0.1):
            drain.drain()
    finally:
        connection.close()


@pytest.mark.once
def test_the_endpoint_is_the_projects_own() -> None:
    assert iot_simulate.default_path() == "/api/internal/stations/data"


# The page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "simulate.md"


@pytest.mark.once
def test_the_page_names_every_option_and_every_kind_of_chaos() -> None:
    parser = iot_simulate.Command().create_parser("manage.py", "iot_simulate")
    standard = BaseCommand().create_parser("manage.py", "iot_simulate")
    known = {name for action in parser._actions for name in action.option_strings}
    known -= {name for action in standard._actions for name in action.option_strings}
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| `")]
    first_cells = " ".join(row.split("|")[1] for row in rows)
    assert set(re.findall(r"`(--[a-z-]+)`", first_cells)) == known
    assert {str(kind) for kind in Chaos} <= set(re.findall(r"`([a-z]+)`", first_cells))


@pytest.mark.once
def test_the_page_shows_a_run_of_500_stations_that_was_as_it_should_be() -> None:
    page = PAGE.read_text()
    shown = page[page.index("<!-- run:begin -->") : page.index("<!-- run:end -->")]
    assert "--stations 500 --seconds 60" in shown and "PostgreSQL" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "all in all everything is as it should be" in lines
    made = Summary("", GOOD, Tally(), Expectation(), 1.0, differences=[])
    verdict = dict(made.sections())["Verdict"]
    end = lines.index("```", lines.index("Verdict"))
    assert [" ".join(row) for row in verdict] == lines[lines.index("Verdict") + 1 : end]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[end:] if "|" in line]
    assert rows[0] == ["number", "simulator", "fleet page"] and len(rows) == 13
    assert all(ours == theirs for _, ours, theirs in rows[2:])
