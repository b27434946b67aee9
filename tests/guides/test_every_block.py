"""The account of every fenced block in every page: which test runs it, or compares it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides.account import DRAWN, GENERATED, NOT_RUN, RUN, WALKED
from tests.walk import ROOT, Block, blocks

pytestmark = [pytest.mark.once, pytest.mark.whole]

PLACES = ("*.md", "clients/*.md", "docs/**/*.md")
HISTORY = {"CHANGELOG.md"}
"""Not a page of instructions: what it shows was so when it was written."""

FENCE_LINE = re.compile(r"^ *(?:```|~~~)", re.MULTILINE)
PART = re.compile(r"<!-- (?P<name>\w+)\b.*?<!-- (?:(?P=name):end|end of (?P=name)) -->", re.DOTALL)


def pages() -> list[str]:
    """Return every page, by its path in the repository."""
    found = {path.relative_to(ROOT).as_posix() for place in PLACES for path in ROOT.glob(place)}
    return sorted(found - HISTORY)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def by_hand(page: str, folder: Path) -> list[Block]:
    """Return the blocks of a page that nothing generates, and that are no directives of the site."""
    rest = folder / "page.md"
    rest.write_text(PART.sub("", text_of(page)), encoding="utf-8")
    return [block for block in blocks(rest) if not block.language.startswith("{")]


@pytest.mark.parametrize("page", pages())
def test_every_block_is_accounted_for(page: str, tmp_path: Path) -> None:
    """A new block needs a test that runs it, and a line in ``tests/guides/account.py``."""
    if page in WALKED:
        return  # a walk fails at a block that it cannot run
    expected = [*RUN.get(page, {}), *NOT_RUN.get(page, {}), *DRAWN.get(page, ())]
    for block in by_hand(page, tmp_path):
        begins = [begin for begin in expected if block.text.lstrip().startswith(begin)]
        assert len(begins) == 1, f"{page}, nobody runs, or several: {block.text}"
        expected.remove(begins[0])
    assert expected == [], f"{page} has no such blocks any more"


@pytest.mark.parametrize("page", pages())
def test_every_generated_part_with_a_block_is_accounted_for(page: str) -> None:
    parts = {found["name"] for found in PART.finditer(text_of(page)) if "```" in found[0]}
    assert parts == set(GENERATED.get(page, {})), page


@pytest.mark.parametrize("page", pages())
def test_no_fence_is_overlooked(page: str) -> None:
    assert len(FENCE_LINE.findall(text_of(page))) == 2 * len(blocks(ROOT / page))


def test_no_page_is_accounted_for_that_is_not_there() -> None:
    accounted = {*WALKED, *RUN, *GENERATED, *NOT_RUN, *DRAWN}
    assert accounted <= set(pages())


def named() -> set[str]:
    """Return all tests and programs that the account names."""
    by_block = [name for page in (*RUN.values(), *GENERATED.values()) for name in page.values()]
    return {*WALKED.values(), *by_block}


@pytest.mark.parametrize("name", sorted(named()))
def test_every_test_that_the_account_names_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {test or 'main'}\(", source, re.MULTILINE), name


def test_a_walked_page_is_named_by_its_test() -> None:
    for page, name in WALKED.items():
        source = (ROOT / name.partition("::")[0]).read_text(encoding="utf-8")
        assert Path(page).stem in source.lower(), page


def test_what_is_not_run_is_counted_and_says_why() -> None:
    assert sum(map(len, NOT_RUN.values())) == 2
    assert all(reason for page in NOT_RUN.values() for reason in page.values())
    assert sum(map(len, DRAWN.values())) == 1
