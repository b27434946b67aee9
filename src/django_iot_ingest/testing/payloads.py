"""Payloads as the gateway sends them (contract, section 1): plain dictionaries, to be changed at will.

Times are given as a datetime or as unix seconds; None is now. They are written by the simulator,
which knows the gateway's words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_iot_ingest.simulator import payloads as words
from django_iot_ingest.simulator.glances import Glance, Row
from django_iot_ingest.simulator.hardware import PowerBank, Station

STATION = "860000000000017"
BANK = "12345678"

Moment = datetime | float | None


def full_snapshot(
    banks: Mapping[int, str] | None = None,
    *,
    slots: int = 8,
    station: str = STATION,
    status: str = "ONLINE",
    battery: int = 85,
    at: Moment = None,
) -> dict[str, Any]:
    """Return a ``full`` payload: slots 1 to ``slots``, and ``banks`` as serial numbers by slot.

    By default ``BANK`` is in slot 2. A bank in a slot beyond ``slots`` brings that slot with it.
    """
    held = {2: BANK} if banks is None else banks
    numbers = sorted({*range(1, slots + 1), *held})
    rows = tuple(_row(number, held.get(number), battery) for number in numbers)
    return _plain(words.full(_station(station), Glance(rows), status, nanoseconds(at)))


def returned(
    bank: str = BANK,
    slot: int = 3,
    *,
    station: str = STATION,
    battery: int = 85,
    at: Moment = None,
    returned_at: Moment = None,
) -> dict[str, Any]:
    """Return a ``returned`` payload; ``returned_at``, which is billed, is ``at`` if it is None."""
    power_bank = PowerBank(bank, "AVAILABLE", battery)
    payload = _plain(words.returned(_station(station), power_bank, slot, nanoseconds(at)))
    if returned_at is not None:
        payload["return_event"]["returned_at"] = stamp(returned_at)
    return payload


def status(value: str = "ONLINE", *, station: str = STATION, at: Moment = None) -> dict[str, Any]:
    """Return a ``status`` payload: ONLINE, OFFLINE or MAINTENANCE."""
    return _plain(words.status(_station(station), value, nanoseconds(at)))


def slot_row(
    number: int, bank: str | None = None, *, battery: int = 85, at: Moment = None
) -> dict[str, Any]:
    """Return one row of a snapshot's ``slots``: empty, or with the serial number of its bank."""
    return words.slot(_row(number, bank, battery), stamp(at))


def bank_row(
    bank: str = BANK, slot: int = 2, *, status: str = "AVAILABLE", battery: int = 85
) -> dict[str, Any]:
    """Return one row of a snapshot's ``power_banks``."""
    power_bank = PowerBank(bank, status, battery)
    return words.power_bank(power_bank, Row(slot, power_bank, battery))


def stamp(at: Moment = None) -> str:
    """Return a time as the gateway writes it: UTC, nine fraction digits."""
    return words.stamp(nanoseconds(at))


def encode(payload: Any) -> bytes:
    """Return the bytes that are signed and sent; bytes are left as they are."""
    return payload if isinstance(payload, bytes) else words.encode(payload)


def nanoseconds(at: Moment) -> int:
    """Return a time as unix nanoseconds, exact to the microsecond."""
    if at is None:
        return time.time_ns()
    seconds = at.timestamp() if isinstance(at, datetime) else at
    return round(seconds * 1_000_000) * 1000


def _station(serial: str) -> Station:
    return Station(serial, slots={}, signal="28", network="चार्ज घर ☕", firmware="2.1.5")


def _row(number: int, bank: str | None, battery: int) -> Row:
    if bank is None:
        return Row(number)
    return Row(number, PowerBank(bank, "AVAILABLE", battery), battery)


def _plain(body: bytes) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(body)
    return payload
