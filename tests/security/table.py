"""The table of cases in ``docs/explanation/security.md``, generated from the tests that are collected.

``python -m tests.security.table`` writes it; ``--check`` says whether it is up to date.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "explanation" / "security.md"
BEGIN = "<!-- cases: written by python -m tests.security.table -->\n"
END = "<!-- end of cases -->\n"


class Row(NamedTuple):
    """One case."""

    section: str
    what: str
    answer: str
    test: str


class Collector:
    """A plugin of pytest that keeps the cases of all tests that are collected."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = item.get_closest_marker("case")
            if mark:
                self.rows.append(Row(section(item), *mark.args, test=name(item)))


def section(item: pytest.Item) -> str:
    """Return the first line of a test module's docstring."""
    module = item.getparent(pytest.Module)
    assert module is not None
    return str(module.obj.__doc__).splitlines()[0].rstrip(".")


def name(item: pytest.Item) -> str:
    """Return the test of a case, without its parameters: they are the case."""
    assert isinstance(item, pytest.Function)
    return f"{item.path.stem}::{item.originalname}"


def collect() -> list[Row]:
    """Return every case, by module: fixtures of a wider scope have pytest change the order."""
    collector = Collector()
    options = ["--collect-only", "-qq", "-p", "no:cacheprovider", str(Path(__file__).parent)]
    os.environ["TEST_ONCE"] = "1"
    if pytest.main(options, plugins=[collector]) != pytest.ExitCode.OK:
        raise SystemExit("The security tests cannot be collected.")
    sections = list(dict.fromkeys(row.section for row in collector.rows))
    return sorted(collector.rows, key=lambda row: sections.index(row.section))


def lines(rows: list[Row]) -> Iterator[str]:
    """Yield the Markdown of the table, a section for each test module."""
    numbered = enumerate(rows, start=1)
    for title, cases in groupby(numbered, key=lambda case: case[1].section):
        yield f"\n### {title}\n\n| # | what is tried | what is answered | test |\n|--:|---|---|---|\n"
        for number, row in cases:
            yield f"| {number} | {cell(row.what)} | {cell(row.answer)} | `{row.test}` |\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the table, or compare it; return the exit code."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = collect()
    new = "".join(lines(rows)) + "\n"
    print(f"{len(rows)} cases")
    if "--check" in arguments:
        return int(old != new)
    PAGE.write_text(before + BEGIN + new + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
