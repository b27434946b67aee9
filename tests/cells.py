"""Whether this is the cell of tox that has what takes long."""

from __future__ import annotations

from tests.matrix import FALLBACK_CELL, cell_name

LONG_CELL = "py313-django61"


def is_long() -> bool:
    """Return whether this is the one cell for what takes long, or no cell of tox at all.

    The third is what tox runs where no interpreter has its usual name.
    """
    return cell_name() in ("local", LONG_CELL, FALLBACK_CELL)
