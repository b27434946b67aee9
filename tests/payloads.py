"""Payloads in the shape that a gateway sends, with readable defaults."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

STATION = "860000000000017"
BANK = "12345678"

SECRET = "contract-example-secret-0123456789abcdef"


def stamp(seconds: float) -> str:
    """Return unix seconds as the gateway writes a stamp, with nine digits of fraction."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def moment(seconds: float) -> datetime:
    """Return unix seconds as the aware datetime that the tables hold."""
    return datetime.fromtimestamp(seconds, UTC)


def status(
    value: str = "ONLINE", *, at: float | None = None, serial: str = STATION
) -> dict[str, Any]:
    """Return a ``status`` payload."""
    return {
        "type": "status",
        "timestamp": int(time.time() if at is None else at),
        "device": {"serial_number": serial, "status": value},
    }


def returned(
    bank: Any = BANK,
    slot: Any = 3,
    *,
    at: float | None = None,
    returned_at: float | None = None,
    serial: str = STATION,
    battery: Any = 85,
) -> dict[str, Any]:
    """Return a ``returned`` payload."""
    at = time.time() if at is None else at
    return {
        "type": "returned",
        "timestamp": int(at),
        "device": {"serial_number": serial, "last_heartbeat": stamp(at)},
        "return_event": {
            "power_bank_serial": bank,
            "slot_number": slot,
            "battery_level": battery,
            "returned_at": stamp(at if returned_at is None else returned_at),
            "condition": "NORMAL",
            "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
        },
    }


def empty_slot(number: Any, **extra: Any) -> dict[str, Any]:
    """Return a slot row without a bank."""
    return {
        "slot_number": number,
        "status": "AVAILABLE",
        "battery_level": 0,
        "slot_metadata": {"micro_switch": "1", "solenoid_valve": "0", "lock_count": 0},
        **extra,
    }


def held_slot(number: Any, bank: Any = BANK, **extra: Any) -> dict[str, Any]:
    """Return a slot row that names a bank."""
    row = empty_slot(number, status="OCCUPIED", battery_level=85, power_bank_serial=bank)
    return {**row, **extra}


def bank_row(serial: Any = BANK, slot: Any = 2, **extra: Any) -> dict[str, Any]:
    """Return a power-bank row."""
    return {
        "serial_number": serial,
        "status": "AVAILABLE",
        "battery_level": 85,
        "current_slot": slot,
        "hardware_info": {"temperature": 25, "voltage": 50, "soft_version": 25},
        **extra,
    }


def full(
    slots: Any = None,
    banks: Any = None,
    *,
    at: float | None = None,
    serial: str = STATION,
    device: dict[str, Any] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a ``full`` payload; by default two slots, the second holding ``BANK``."""
    at = time.time() if at is None else at
    slots = [empty_slot(1), held_slot(2)] if slots is None else slots
    return {
        "type": "full",
        "timestamp": int(at),
        "device": {
            "serial_number": serial,
            "imei": serial,
            "signal_strength": "28",
            "wifi_ssid": "चार्ज घर ☕",
            "last_heartbeat": stamp(at),
            "status": "ONLINE",
            "hardware_info": {"firmware_version": "2.1.5", "protocol_version": "0xA8"},
            **(device or {}),
        },
        "station": {"serial_number": serial, "total_slots": len(slots)},
        "slots": slots,
        "power_banks": [bank_row()] if banks is None else banks,
        **extra,
    }


def cabinet(held: dict[int, str], *, size: int = 4, **kwargs: Any) -> dict[str, Any]:
    """Return a ``full`` payload of a station whose slots 1 to ``size`` hold ``held``."""
    numbers = range(1, size + 1)
    slots = [held_slot(n, held[n]) if n in held else empty_slot(n) for n in numbers]
    return full(slots, [bank_row(serial, slot) for slot, serial in held.items()], **kwargs)


def encode(payload: Any) -> bytes:
    """Return the bytes that are signed and sent."""
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()
