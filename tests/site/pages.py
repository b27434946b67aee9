"""What a page of HTML has in it, as far as a test of links asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {"stylesheet", "icon", "preload", "modulepreload", "manifest"}
"""Kinds of ``<link>`` that make a browser fetch something."""


@dataclass
class Page:
    """One page: its names for links, where it leads, and what it loads."""

    path: Path
    language: str = ""
    title: str = ""
    headings: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    images: list[str | None] = field(default_factory=list)
    """The alternative text of each image; None where it has none."""

    def target(self, link: str) -> tuple[Path, str] | None:
        """Return the file and the fragment that a link leads to; None if it leaves the site."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return None
        path = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return path, unquote(parts.fragment)


class _PageParser(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.is_in_title = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.is_in_title = tag == "title"
        if "id" in found:
            self.page.ids.append(found["id"] or "")
        if tag == "html":
            self.page.language = found.get("lang") or ""
        elif tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.page.headings.append(int(tag[1]))
        elif tag == "a" and found.get("href"):
            self.page.links.append(found["href"] or "")
        elif tag == "link" and LOADING & set((found.get("rel") or "").split()):
            self.page.resources.append(found.get("href") or "")
        elif found.get("src"):
            self.page.resources.append(found["src"] or "")
        if tag == "img":
            self.page.images.append(found.get("alt"))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self.is_in_title:
            self.page.title += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self.is_in_title = False


def pages(folder: Path) -> dict[Path, Page]:
    """Return every page below ``folder``, by its path."""
    found = {}
    for path in sorted(folder.rglob("*.html")):
        page = found[path] = Page(path)
        _PageParser(page).feed(path.read_text(encoding="utf-8"))
    return found
