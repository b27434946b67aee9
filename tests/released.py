"""The version, and where else it is said: the one reading of it that tests and the release share.

``python -m tests.released v0.1.0`` ends with a message unless that tag may be released.
"""

from __future__ import annotations

import re
import sys

from tests.supported import ROOT, pyproject

VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
HEADING = re.compile(r"^## \[([^\]]+)\](.*)$", re.MULTILINE)
DATE = re.compile(r" - \d{4}-\d\d-\d\d")
UNRELEASED = "Unreleased"


def version() -> str:
    """Return the version, from the file that hatchling reads."""
    path = ROOT / pyproject()["tool"]["hatch"]["version"]["path"]
    (found,) = VERSION.findall(path.read_text(encoding="utf-8"))
    return found


def sections() -> dict[str, tuple[str, str]]:
    """Return the changelog: each version, with what follows it in its heading, and its text."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    ends = [one.start() for one in headings[1:]] + [len(text)]
    return {
        one[1]: (one[2], text[one.end() : end].strip())
        for one, end in zip(headings, ends, strict=True)
    }


def problems(tag: str) -> list[str]:
    """Return what keeps this tag from being released."""
    found = []
    if tag != f"v{version()}":
        found.append(f"the tag is {tag}, the version {version()}")
    heading, text = sections().get(version(), ("", ""))
    if not DATE.fullmatch(heading) or not text:
        found.append(f"CHANGELOG.md has no dated section of {version()}")
    if sections()[UNRELEASED][1]:
        found.append(f"CHANGELOG.md has something under {UNRELEASED}: move it below")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems(*sys.argv[1:])) or 0)
