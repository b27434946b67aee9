"""Which cell of tox this is, and what only one of them does because it takes long."""

from __future__ import annotations

import os

LONG_CELL = "py313-django61"
FALLBACK_CELL = "py-django61"


def name() -> str:
    """Return the cell's name; empty outside of tox."""
    return os.environ.get("TOX_ENV_NAME", "")


def is_long() -> bool:
    """Return whether this is the one cell for what takes long, or no cell of tox at all.

    The third is what tox runs where no interpreter has its usual name.
    """
    return name() in ("", LONG_CELL, FALLBACK_CELL)
