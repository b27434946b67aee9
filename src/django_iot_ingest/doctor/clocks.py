"""How far a clock is off, and what that looks like."""

from __future__ import annotations

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, counted

HOUR = 3600

HALVES = (-9.5, -3.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75)
"""Zones that are no whole number of hours from UTC."""

ZONE_SLACK = 90
"""Seconds that a clock in the wrong zone may be off besides."""

EARLIEST = 1_000_000_000
"""September 2001: a clock that says less was never set."""


def zones() -> list[int]:
    """Return the offsets of all time zones from UTC, in seconds."""
    whole = [hours * HOUR for hours in range(-12, 15) if hours]
    return whole + [int(hours * HOUR) for hours in HALVES]


def judge(stamp: int, now: float, timeout: int) -> Mistake | None:
    """Return what is wrong with the time of a request that came ``now``, or None.

    The window is the contract's: whole seconds, both directions, inclusive.
    """
    ahead = stamp - int(now)
    if abs(ahead) <= timeout:
        return None
    told = f"X-Timestamp is {stamp}, the request came at {int(now)}: {_distance(ahead)}"
    allowed = f"; {counted(timeout, 'second')} are allowed."
    if stamp < EARLIEST:
        return Mistake(Code.CLOCK_UNSET, told + allowed)
    zone = min(zones(), key=lambda offset: abs(ahead - offset))
    if abs(ahead - zone) <= ZONE_SLACK:
        return Mistake(Code.TIME_ZONE, f"{told}, as in a zone of UTC{_offset(zone)}{allowed}")
    return Mistake(Code.CLOCK_FAST if ahead > 0 else Code.CLOCK_SLOW, told + allowed)


def _distance(ahead: int) -> str:
    return f"{_duration(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"


def _duration(seconds: int) -> str:
    if seconds < 2 * HOUR:
        return f"{seconds} s"
    if seconds < 48 * HOUR:
        return f"{seconds} s ({seconds / HOUR:.2f} hours)"
    return f"{seconds} s ({seconds / (24 * HOUR):.1f} days)"


def _offset(zone: int) -> str:
    hours, minutes = divmod(abs(zone) // 60, 60)
    return f"{'+' if zone > 0 else '-'}{hours}:{minutes:02d}"
