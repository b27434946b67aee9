"""Numbers in the prose of docs/: each is the code's, and none stands there unasked for.

Tables, generated parts and code are compared elsewhere (``test_reference``, ``test_explanations``)
and left out here. A new number on one of these pages needs a line below.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from django_iot_ingest import client, database, exceptions, ledger, times
from django_iot_ingest.conf import IngestSettings
from django_iot_ingest.models.fields import SERIAL_NUMBER_LENGTH

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

DEFAULTS: Any = IngestSettings

WORDS = {3: "three", 12: "twelve"}

COPIES = len(client.PAUSES) * (1 + 3)
"""Each try of the gateway's, and up to three more of the same bytes (contract, section 1)."""


def seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"


def supported(what: str) -> list[str]:
    """Return the versions that ``pyproject.toml`` says are supported."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    found = (re.fullmatch(rf"{what} :: (\d\.\d+)", one) for one in classifiers)
    return [one[1] for one in found if one]


PYTHONS, DJANGOS = supported("Programming Language :: Python"), supported("Framework :: Django")

FACTS: dict[str, list[str]] = {
    "index": [
        f"Python {PYTHONS[0]} to {PYTHONS[-1]}",
        f"Django {', '.join(DJANGOS[:-1])} and {DJANGOS[-1]}",
    ],
    "reference/settings": [],
    "reference/signals": [],
    "reference/hooks": [
        f"waits longer than {database.LOCK_TIMEOUT:.0f} s for a lock",
        f"runs longer than {database.STATEMENT_TIMEOUT:.0f} s",
        f"the answer is {exceptions.InvalidPayload.status_code} `INVALID_PAYLOAD`",
    ],
    "reference/commands": ["argparse ends by 2", "Django by 1 for a system check"],
    "reference/models": [f"text of at most {SERIAL_NUMBER_LENGTH} characters"],
    "reference/errors": [
        f"waits {seconds(ledger.FIRST_BACK_OFF)} after a first attempt",
        "at most an hour",
    ],
    "explanation/exactly-once": [
        f"tries {WORDS[len(client.PAUSES)]} times, within {sum(client.PAUSES):.0f} s",
        f"arrive {WORDS[COPIES]} times",
        f"not told {client.SUCCESS}",
        f"left alone for {seconds(ledger.IN_FLIGHT)}",
        f"up to {database.MAX_ATTEMPTS} times in all",
        f"tries again after {seconds(ledger.FIRST_BACK_OFF)}",
        "up to an hour",
        f"`SWEEP_MAX_ATTEMPTS` ({DEFAULTS.SWEEP_MAX_ATTEMPTS})",
        f"`KEEP_RETURNS_DAYS` ({DEFAULTS.KEEP_RETURNS_DAYS})",
    ],
    "explanation/event-time": [
        f"Up to {times.SKEW_TOLERANCE} s is taken for delay",
        f"unix second {times.EARLIEST:,}",
        f"in {datetime.fromtimestamp(times.EARLIEST, UTC):%B %Y}",
        f"`SIGNATURE_TIMEOUT` ({DEFAULTS.SIGNATURE_TIMEOUT} s)",
    ],
    "explanation/staleness": [
        f"`EJECT_GRACE` ({DEFAULTS.EJECT_GRACE} s)",
        f"`OFFLINE_AFTER` ({DEFAULTS.OFFLINE_AFTER} s)",
    ],
    "explanation/trust-model": [
        f"`PRINCIPAL_CACHE_SECONDS` ({DEFAULTS.PRINCIPAL_CACHE_SECONDS})",
        f"`SIGNATURE_TIMEOUT` ({DEFAULTS.SIGNATURE_TIMEOUT} s)",
        f"up to {2 * DEFAULTS.SIGNATURE_TIMEOUT} s",
        f"up to {WORDS[COPIES]} times",
    ],
}
"""What each page has to say, with its numbers out of the code."""

CHECKED_ELSEWHERE = re.compile(
    r"<!-- ([\w-]+):begin -->.*?<!-- \1:end -->|^```.*?^```|^\|.*?$|^\d\. |\]\([^)]*\)",
    re.MULTILINE | re.DOTALL,
)
"""Generated parts, code, tables; and numbers that count nothing: of a list, of a file's name."""

NAMES = re.compile(r"SHA-?256|`[^`]*`")


def words_of(page: str) -> str:
    """Return the prose of a page, on one line."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    return " ".join(CHECKED_ELSEWHERE.sub(" ", text).split())


@pytest.mark.parametrize("page", FACTS)
def test_a_page_has_the_numbers_of_the_code(page: str) -> None:
    text = words_of(page)
    assert [fact for fact in FACTS[page] if fact not in text] == []
    for fact in FACTS[page]:
        text = text.replace(fact, " ")
    assert re.findall(r"\S*\d\S*", NAMES.sub(" ", text)) == []


def test_an_hour_is_an_hour() -> None:
    assert timedelta(hours=1) == ledger.MAX_BACK_OFF
