"""What a rental costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

INTERVAL = timedelta(minutes=30)
PRICE_PER_INTERVAL = Decimal("1.50")

RENTAL_TIME = timedelta(hours=24)
"""How long a bank may be kept before the rental is overdue."""


def price(started_at: datetime, ended_at: datetime) -> Decimal:
    """Return the price of a rental: every started interval counts, the first one from the start.

    Whole numbers and Decimal only: never a float. Never negative, whatever the times say.
    """
    begun_intervals = -((started_at - ended_at) // INTERVAL)
    return PRICE_PER_INTERVAL * max(begun_intervals, 1)
