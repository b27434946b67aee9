"""Every page of the built site: where it leads, what it loads, what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.site.conftest import DOCS
from tests.site.pages import Page

pytestmark = [pytest.mark.once, pytest.mark.whole]

GENERATED = {"genindex.html", "search.html"}
"""Pages that Sphinx makes by itself."""

ELSEWHERE = re.compile(r"@import|url\(\s*[\"']?(?:https?:)?//")

Site = dict[Path, Page]


def test_every_link_leads_somewhere(site: Site) -> None:
    lost = []
    for page in site.values():
        for link in [*page.links, *page.resources]:
            target = page.target(link)
            if target and not leads_somewhere(site, *target):
                lost.append(f"{page.path.name}: {link}")
    assert lost == []


def leads_somewhere(site: Site, path: Path, fragment: str) -> bool:
    """Return whether there is such a file, and such a name on it."""
    page = site.get(path)
    # Furo's "Back to top" leads to "#", which is the page itself.
    return path.is_file() and (not fragment or (page is not None and fragment in page.ids))


def test_nothing_is_loaded_from_elsewhere(site: Site, folder: Path) -> None:
    loaded = [resource for page in site.values() for resource in page.resources]
    assert loaded
    assert [one for one in loaded if one.startswith(("http:", "https:", "//"))] == []
    sheets = {path.name: path.read_text("utf-8") for path in folder.rglob("*.css")}
    assert sheets
    assert {name: ELSEWHERE.findall(text) for name, text in sheets.items()} == {
        name: [] for name in sheets
    }


def test_a_page_says_its_language_title_and_one_first_heading(site: Site) -> None:
    assert {page.language for page in site.values()} == {"en"}
    assert [path.name for path, page in site.items() if not page.title] == []
    written = [page for path, page in site.items() if path.name not in GENERATED]
    assert [page.path.name for page in written if page.headings.count(1) != 1] == []


def test_headings_do_not_skip_a_level(site: Site) -> None:
    jumps = []
    for path, page in site.items():
        levels = zip(page.headings, page.headings[1:], strict=False)
        jumps += [(path.name, one, next_one) for one, next_one in levels if next_one > one + 1]
    assert jumps == []


def test_a_name_is_given_once(site: Site) -> None:
    assert [path.name for path, page in site.items() if len(page.ids) != len(set(page.ids))] == []


def test_every_image_has_a_text(site: Site) -> None:
    images = [(path.name, text) for path, page in site.items() for text in page.images]
    assert images
    assert [one for one in images if not one[1]] == []


def test_every_page_is_in_the_table_of_contents(site: Site, folder: Path) -> None:
    written = {
        (folder / path.relative_to(DOCS)).with_suffix(".html") for path in DOCS.rglob("*.md")
    }
    assert set(site) == written | {folder / name for name in GENERATED}
    index = site[folder / "index.html"]
    listed = {target[0] for link in index.links if (target := index.target(link))}
    assert written - listed == set()


def test_it_can_be_searched(folder: Path) -> None:
    found = (folder / "searchindex.js").read_text("utf-8")
    assert "explanation/design" in found
    assert "nemesis" in found
