"""The same pages as plain Markdown, on a code host: relative links lead to files and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.conftest import DOCS

pytestmark = [pytest.mark.once, pytest.mark.whole]

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md"])

FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(CODE.sub("", FENCE.sub("", page.read_text("utf-8"))))
    assert [link for link in links if not leads_somewhere(page, link)] == []


def test_a_lost_link_is_noticed() -> None:
    assert leads_somewhere(DOCS / "index.md", "how-to/deferred.md#what-is-promised")
    assert not leads_somewhere(DOCS / "index.md", "how-to/deferred.md#what-is-not")
    assert not leads_somewhere(DOCS / "index.md", "how-to/nothing.md")


def leads_somewhere(page: Path, link: str) -> bool:
    """Return whether a link has a file of the repository, and a heading, to lead to."""
    name, _, fragment = link.partition("#")
    if re.match(r"[a-z]+:", name):
        return True
    path = (page.parent / name).resolve() if name else page
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    return not fragment or fragment in anchors(path)


def anchors(page: Path) -> set[str]:
    """Return the names that a code host gives to the headings of a page."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
