"""Walk the tutorial as a stranger would: an empty folder, a new environment, the built wheel.

``python -m tests.tutorial FOLDER`` takes the wheel from that folder. What it needs besides comes
from the package index. It prints how long it took, and how many lines a reader types.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests import walk
from tests.walk import TUTORIAL, Walk

APPLICATION = ("fleet/", "host/")
"""Where the files are that a host keeps; the others are tools of the tutorial."""


MINUTES = 10
"""What the page promises, with the reader's own typing left out."""


class Lines(NamedTuple):
    """Lines that are not empty, by what they are."""

    python: int
    application: int
    shell: int


def main(arguments: list[str]) -> int:
    """Walk the page; return the exit code."""
    (wheel,) = Path(arguments[0]).resolve().glob("*.whl")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Walk(TUTORIAL, Path(folder), wheel=wheel).run()
    minutes = (time.monotonic() - started) / 60
    lines = counted(TUTORIAL)
    print(
        f"tutorial: every block of {len(walk.blocks(TUTORIAL))} as the page says, with {wheel.name}, in "
        f"{minutes:.1f} minutes; {lines.python} lines of Python ({lines.application} of the "
        f"application) and {lines.shell} of shell"
    )
    return 0 if minutes < MINUTES else 1


def counted(page: Path) -> Lines:
    """Return how many lines of a page somebody types."""
    python = application = shell = 0
    for block in walk.blocks(page):
        lines = len([line for line in block.text.splitlines() if line.strip()])
        if block.language in walk.SHELLS:
            shell += lines
        elif block.is_file:
            python += lines
            if block.text.startswith(tuple(f"# {name}" for name in APPLICATION)):
                application += lines
    return Lines(python, application, shell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
