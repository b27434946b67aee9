"""The pages that are made, and where their parts stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests import observability
from tests.reference import commands, errors, hooks, models, settings, signals

DOCS = Path(__file__).resolve().parents[2] / "docs"

MAKERS = (commands, errors, hooks, models, settings, signals)

PAGES: dict[str, Callable[[], dict[str, str]]] = {
    maker.__name__.rpartition(".")[2]: maker.parts for maker in MAKERS
}


def path(page: str) -> Path:
    return DOCS / "reference" / f"{page}.md"


def written(text: str, parts: dict[str, str]) -> str:
    """Return a page with its parts anew, each after an empty line, as its table needs it."""
    for name, part in parts.items():
        text = observability.written(text, name, f"\n{part}\n")
    return text
