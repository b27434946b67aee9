"""The tutorial, walked with the package at hand; ``tests/tutorial.py`` walks it with the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tutorial import counted
from tests.walk import TUTORIAL, Walk

pytestmark = [pytest.mark.once, pytest.mark.whole]


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    Walk(TUTORIAL, tmp_path).run()


def test_the_lines_that_a_reader_types_are_counted() -> None:
    """After a change: the numbers are under "Where to go from here"."""
    lines = counted(TUTORIAL)
    said = (
        f"{lines.python} lines of Python, {lines.application} of them your application's, "
        f"and {lines.shell} of shell"
    )
    assert said in " ".join(TUTORIAL.read_text().split())


def test_the_table_at_the_end_is_the_one_that_was_promised() -> None:
    """A walk compares what is printed; so the page has to print the table, with the money in it."""
    assert "rental of 12345678: 40.00" in TUTORIAL.read_text()
    assert TUTORIAL.read_text().count('"state": "duplicate"') == 1
