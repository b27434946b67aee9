"""A paginator for tables of millions of rows."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST = 10_000
"""Rows that are counted, and can be paged through: whoever looks for more has to narrow the list."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Count no further than ``MOST``: a database counts rows by reading them."""

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        """Return how many rows there are, and no more than ``MOST``."""
        return min(self._counted, MOST)

    @property
    def is_cut(self) -> bool:
        """Return whether there are more rows than are counted."""
        return self._counted > MOST

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST + 1].count())
