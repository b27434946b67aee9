"""``iot_simulate`` against gunicorn with two workers, on a database of its own.

``python -m benchmarks.simulate`` lets 500 stations report for a minute, with rentals and all chaos;
what comes after it goes to the command: ``--stations 100 --seconds 20``. Then the fleet page of the
admin has to show the same numbers. ``--write`` puts the summary into docs/how-to/simulate.md.
"""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import stage

stage.prepare()

# All of these need the settings.
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from benchmarks import report, server
from tests import settings as with_admin

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "simulate.md"
OPTIONS = "--stations 500 --seconds 60 --rentals 20% --chaos all --seed 1"
SECTION = re.compile("(<!-- run:begin -->\n).*?(<!-- run:end -->)", re.DOTALL)


TILE = re.compile(r"<div><dt>(?:<a [^>]*>)?([^<]*)(?:</a>)?</dt><dd>([^<]*)</dd></div>")
GROUPS = re.compile(r"<h3>([^<]*)</h3>\s*<dl class=\"tiles\">(.*?)</dl>", re.DOTALL)
PREFIXES = {"Stations": "stations", "Power banks": "banks"}


def main() -> None:
    """Run it, print the summary, and end with an error if anything was not as it should be."""
    given = sys.argv[1:]
    options = [text for text in given if text != "--write"] or OPTIONS.split()
    how = [*options, "--rent", "simulation.rentals.rent"]
    out = io.StringIO()
    with stage.database(), server.running(connection.settings_dict["NAME"]) as served:
        about = report.about()
        try:
            said = simulate(served.port, how, out)
            shown = compared(said, page_numbers())
        finally:
            print(out.getvalue())
    rows = ([name, f"{ours:,}", f"{theirs:,}"] for name, ours, theirs in shown)
    table = report.table(["number", "simulator", "fleet page"], rows)
    print(table)
    if any(ours != theirs for _, ours, theirs in shown):
        raise SystemExit("the fleet page shows other numbers")
    if "--write" in given:
        told = f"`iot_simulate {' '.join(how)}`; gunicorn with 2 sync workers. {about}"
        text = f"{told}\n\n```\n{out.getvalue()}```\n\nThe fleet page then:\n\n{table}\n"
        PAGE.write_text(SECTION.sub(lambda found: found[1] + text + found[2], PAGE.read_text()))


def simulate(port: int, how: list[str], out: io.StringIO) -> dict[str, int]:
    """Run the command; return the numbers of its fleet."""
    with TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        where = ["--url", f"http://127.0.0.1:{port}", "--json", str(summary)]
        call_command("iot_simulate", *where, "--token", stage.bearer(), *how, stdout=out)
        fleet: dict[str, int] = json.loads(summary.read_text())["fleet"]
    return fleet


def page_numbers() -> dict[str, int]:
    """Return the numbers that the page has in its HTML."""
    admin = get_user_model()._default_manager.get(username="gateway")
    names = {"ROOT_URLCONF": with_admin.ROOT_URLCONF, "MIDDLEWARE": with_admin.MIDDLEWARE}
    with override_settings(**names, ALLOWED_HOSTS=["*"]):
        client = Client()
        client.force_login(admin)
        response = client.get(reverse("admin:django_iot_ingest_fleet_changelist"))
    assert response.status_code == 200, response.status_code
    return {
        f"{PREFIXES[group]}_{label.replace(' ', '_')}": int(number.replace(",", ""))
        for group, tiles in GROUPS.findall(response.content.decode())
        for label, number in TILE.findall(tiles)
    }


def compared(said: dict[str, int], shown: dict[str, int]) -> list[tuple[str, int, int]]:
    """Return each number of the page, as the simulator has it and as the page shows it."""
    return [(name.replace("_", " "), said.get(name, 0), number) for name, number in shown.items()]


if __name__ == "__main__":
    main()
