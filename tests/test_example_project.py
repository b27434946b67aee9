"""The example project's own tests, run the way its users do; the demo is run by CI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError
from django.urls import resolve

from django_iot_ingest.exceptions import AlreadyRented
from simulation import crowd, main, show, surroundings
from simulation.surroundings import Surroundings

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.once


def test_its_own_tests_pass(tmp_path: Path) -> None:
    manage = ROOT / "example_project" / "manage.py"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # it is pytest's
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(manage), "test"],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # The contract suite's three about row locks, which SQLite has none of.
    assert "\nOK (skipped=3)\n" in done.stderr


SURROUNDINGS = Surroundings(ROOT, "secret", "admin@example.com", "pass-word")


@pytest.mark.parametrize("error", [None, CommandError("Failed: 1 lost event.", returncode=1)])
def test_the_demo_fails_with_its_fleet(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def simulate(*options: str) -> None:
        told.extend([*options, os.environ["IOT_PASSWORD"]])
        if error:
            raise error

    monkeypatch.setattr(crowd, "call_command", simulate)
    assert crowd.let_go(8010, SURROUNDINGS) == (error is None)
    assert "http://127.0.0.1:8010" in told and told[-1] == "pass-word"
    assert "IOT_PASSWORD" not in os.environ
    shown = capsys.readouterr().out
    assert "pass-word" not in shown and ("1 lost event" in shown) == bool(error)


@pytest.mark.parametrize(
    ("is_fine", "failures", "code"), [(True, [], 0), (False, [], 1), (True, ["the return"], 1)]
)
def test_the_demo_ends_with_what_went_wrong(
    is_fine: bool, failures: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Story:
        def __init__(self, *_: object) -> None:
            self.failures = failures

        def tell(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "simulation.story", SimpleNamespace(Story=Story))
    monkeypatch.setattr(crowd, "let_go", lambda *_: is_fine)
    server = SimpleNamespace(port=8010)
    assert main._run(server, SURROUNDINGS, True) == code  # type: ignore[arg-type]


def test_the_demo_names_every_variable(tmp_path: Path) -> None:
    """One that it leaves out would be a developer's own, of the file beside manage.py."""
    surroundings._write_env(replace(SURROUNDINGS, folder=tmp_path))
    named = re.compile(r"^#?([A-Z][A-Z_]+)=", re.MULTILINE)
    example = (ROOT / "example_project" / ".env.example").read_text()
    assert set(named.findall(example)) <= set(named.findall((tmp_path / ".env").read_text()))


def test_the_pages_to_look_at_are_there(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    settings.METRICS_TOKEN, settings.SERVE_STATIC = "", False
    show.where_to_look(8010, SURROUNDINGS)
    paths = re.findall(r"(?<=[0-9 ])/[a-z_/]+", capsys.readouterr().out)
    looked_at = [path for path in paths if path.startswith(("/admin", "/health", "/metrics"))]
    assert len(looked_at) == 5
    for path in looked_at:
        assert resolve(path, "example_project.urls")


@pytest.mark.django_db
def test_the_fleet_rents_as_the_app_would() -> None:
    from fleet.models import PowerBank, Rental
    from simulation.rentals import RENTER, rent

    bank = PowerBank.objects.create(serial_number="SIM-0001-01")
    rent(bank)
    rental = Rental.objects.get()
    assert (rental.user.username, rental.power_bank, bank.status) == (RENTER, bank, "RENTED")
    with pytest.raises(AlreadyRented):
        rent(bank)
