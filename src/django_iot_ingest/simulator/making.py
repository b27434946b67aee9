"""Make what a station tells just now: the bytes, and what they mean."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django_iot_ingest.simulator import payloads
from django_iot_ingest.simulator.glances import Glance
from django_iot_ingest.simulator.hardware import PowerBank, Station
from django_iot_ingest.simulator.occurrences import Occurrence, Return, Word
from django_iot_ingest.simulator.payloads import NANOSECONDS


def snapshot(station: Station, glance: Glance, status: str, now: float) -> Occurrence:
    """Return a snapshot at ``now`` in unix seconds."""
    now_ns = nanoseconds(now)
    body = payloads.full(station, glance, status, now_ns)
    return Occurrence(station.serial, now_ns // NANOSECONDS, glance.snapshot(status), body)


def returned(station: Station, bank: PowerBank, slot: int, now: float) -> Occurrence:
    """Return the return of a bank; the tables keep microseconds: what is behind them is cut off."""
    now_ns = nanoseconds(now)
    seconds, fraction = divmod(now_ns, NANOSECONDS)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=fraction // 1000)
    body = payloads.returned(station, bank, slot, now_ns)
    return Occurrence(station.serial, seconds, Return(bank.serial, slot, moment), body)


def word(station: Station, status: str, now: float) -> Occurrence:
    """Return a station's word about itself."""
    now_ns = nanoseconds(now)
    body = payloads.status(station, status, now_ns)
    return Occurrence(station.serial, now_ns // NANOSECONDS, Word(status), body)


def nanoseconds(now: float) -> int:
    """Return now in nanoseconds: a float of unix seconds knows only every 200th of them."""
    precise = time.time_ns()
    is_now = abs(precise / NANOSECONDS - now) < 1
    return precise if is_now else int(now * NANOSECONDS)
