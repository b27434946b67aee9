"""Show how far a command is, where somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Sequence[Item], description: str) -> Iterable[Item]:
    """Return the items, with a progress bar on a terminal if ``rich`` is installed."""
    if not sys.stderr.isatty():
        return items
    try:
        from rich.console import Console
        from rich.progress import track as with_bar
    except ImportError:
        return items
    return with_bar(items, description, console=Console(stderr=True))
