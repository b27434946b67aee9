"""The tutorial, walked with the package at hand; ``tests/tutorial.py`` walks it with the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_iot_ingest.checks.secrets import LEAST_BYTES
from tests.tutorial import counted
from tests.walk import OUTPUTS, TUTORIAL, Walk, blocks

pytestmark = [pytest.mark.once, pytest.mark.whole]

FACTS = (
    f"{LEAST_BYTES} bytes at least",
    "The gateway uses a token for 55 minutes",
    '"ACCESS_TOKEN_LIFETIME": timedelta(minutes=60)',
    "began an hour and a half ago",
    "start = timezone.now() - timedelta(minutes=90)",
    'PRICE = Decimal("20.00")',
    f"Two hours had begun, so the rental costs {2 * 20}.00, once",
)
"""What the page says in words, beside what its blocks do; the gateway's 55 minutes are observed."""

TABLE = """\
station 860000000000017: ONLINE, 2 slots
slot 1: OCCUPIED, ['12345678']
slot 2: OCCUPIED, []
bank 12345678: AVAILABLE, 85 %
rental of 12345678: 40.00
"""
"""What the tables have to say at the end, after a return that came twice."""


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    Walk(TUTORIAL, tmp_path).run()


def test_the_lines_that_a_reader_types_are_counted() -> None:
    """After a change: the numbers are under "Where to go from here"."""
    lines = counted(TUTORIAL)
    said = (
        f"{lines.python} lines of Python, {lines.application} of them your application's, "
        f"and {lines.shell} of shell"
    )
    assert said in words()


def test_the_page_compares_the_tables_after_the_repeated_return() -> None:
    """A walk compares what the page shows, so the page has to show it."""
    shown = [block.text for block in blocks(TUTORIAL) if block.language in OUTPUTS]
    repeated = next(place for place, text in enumerate(shown) if '"state": "duplicate"' in text)
    assert shown[repeated + 1] == TABLE


@pytest.mark.parametrize("fact", FACTS)
def test_the_numbers_in_words_are_those_of_the_blocks(fact: str) -> None:
    assert fact in words()


def words() -> str:
    return " ".join(TUTORIAL.read_text().split())
