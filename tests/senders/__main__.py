"""``python -m tests.senders --write``: run every sender, and write what it prints into the page."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.senders import host, page
from tests.senders.languages import LANGUAGES, Built
from tests.senders.scenarios import SCENARIOS, Lived, live, rented, run_name


def main(arguments: list[str]) -> int:
    """Print the transcripts, or write them; return the exit code."""
    if arguments not in ([], ["--write"]):
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        lived = all_lived(Path(name))
    made = page.parts(lived)
    if arguments:
        page.PAGE.write_text(page.renewed(page.PAGE.read_text(), made))
    else:
        print(made["transcripts"])
    return 0


def all_lived(folder: Path) -> dict[str, dict[str, Lived]]:
    """Return what each sender has lived through of what the page shows."""
    places = {name: folder / str(number) for number, name in enumerate(["host", *LANGUAGES])}
    for place in places.values():
        place.mkdir()
    with host.running(places["host"], rented()) as running:
        builts = [Built(language, places[name]) for name, language in LANGUAGES.items()]
        return {built.language.name: lived_by(built, running) for built in builts}


def lived_by(built: Built, running: host.Host) -> dict[str, Lived]:
    name = built.language.name
    return {
        shown: live(built, running, SCENARIOS[shown], run_name(name, shown)) for shown in page.SHOWN
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
