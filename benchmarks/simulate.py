"""``iot_simulate`` against gunicorn with two workers, on a database of its own.

``python -m benchmarks.simulate`` lets 500 stations report for a minute, with rentals and all chaos;
what comes after it goes to the command: ``--stations 100 --seconds 20``. ``--write`` puts the summary
into docs/simulate.md.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from benchmarks import stage

stage.prepare()

# All of these need the settings.
from django.core.management import call_command
from django.db import connection

from benchmarks import report, server

PAGE = Path(__file__).resolve().parent.parent / "docs" / "simulate.md"
OPTIONS = "--stations 500 --seconds 60 --rentals 20% --chaos all --seed 1"
SECTION = re.compile("(<!-- run:begin -->\n).*?(<!-- run:end -->)", re.DOTALL)


def main() -> None:
    """Run it, print the summary, and end with an error if anything was not as it should be."""
    given = sys.argv[1:]
    options = [text for text in given if text != "--write"] or OPTIONS.split()
    out = io.StringIO()
    with stage.database(), server.running(connection.settings_dict["NAME"]) as served:
        url = f"http://127.0.0.1:{served.port}"
        how = [*options, "--rent", "simulation.rentals.rent"]
        about = report.about()
        try:
            call_command("iot_simulate", "--url", url, "--token", stage.bearer(), *how, stdout=out)
        finally:
            print(out.getvalue())
    if "--write" in given:
        shown = f"`iot_simulate {' '.join(how)}`; gunicorn with 2 sync workers. {about}"
        text = f"{shown}\n\n```\n{out.getvalue()}```\n"
        PAGE.write_text(SECTION.sub(lambda found: found[1] + text + found[2], PAGE.read_text()))


if __name__ == "__main__":
    main()
