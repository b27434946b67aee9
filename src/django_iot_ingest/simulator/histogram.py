"""Many durations in little memory: each is kept to about 2%."""

from __future__ import annotations

import math
from collections import Counter

STEP = math.log(1.02)
SMALLEST = 1e-4
"""Seconds: what is shorter counts as this."""


class Histogram:
    """Count durations, and tell percentiles of them."""

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.buckets[round(math.log(max(seconds, SMALLEST) / SMALLEST) / STEP)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def percentile(self, percent: float) -> float:
        """Return the seconds that so many percent of the durations do not exceed; 0 of none."""
        wanted, seen = math.ceil(self.count * percent / 100), 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= wanted:
                return SMALLEST * math.exp(bucket * STEP)
        return 0.0
