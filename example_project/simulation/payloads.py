"""Payloads as the gateway really sends them, with the times of now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

BATTERY = 85


def now_stamp() -> str:
    """Return now as the gateway writes it: UTC, nine fraction digits."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def full(serial: str, banks: Sequence[str | None]) -> dict[str, Any]:
    """Return a snapshot: one slot for each item, with that bank or empty."""
    slots = list(enumerate(banks, start=1))
    return {
        "type": "full",
        "timestamp": int(time.time()),
        "device": {
            "serial_number": serial,
            "imei": serial,
            "signal_strength": "28",
            "wifi_ssid": "चार्ज घर ☕",
            "last_heartbeat": now_stamp(),
            "status": "ONLINE",
            "hardware_info": {"firmware_version": "2.1.5", "protocol_version": "0xA8"},
        },
        "station": {
            "serial_number": serial,
            "total_slots": len(slots),
            "pinboards": [
                {"index": 1, "io": 0, "temperature": 28, "soft_version": 4, "hard_version": 15}
            ],
        },
        "slots": [_slot(number, bank) for number, bank in slots],
        "power_banks": [_power_bank(number, bank) for number, bank in slots if bank],
    }


def returned(serial: str, bank: str, slot: int) -> dict[str, Any]:
    """Return the event of a bank that was put into a slot just now."""
    return {
        "type": "returned",
        "timestamp": int(time.time()),
        "device": {"serial_number": serial, "last_heartbeat": now_stamp()},
        "return_event": {
            "power_bank_serial": bank,
            "slot_number": slot,
            "battery_level": BATTERY,
            "returned_at": now_stamp(),
            "condition": "NORMAL",
            "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
        },
    }


def status(serial: str, value: str) -> dict[str, Any]:
    """Return the event of a station that says ``value`` about itself."""
    return {
        "type": "status",
        "timestamp": int(time.time()),
        "device": {"serial_number": serial, "status": value},
    }


def _slot(number: int, bank: str | None) -> dict[str, Any]:
    slot = {
        "slot_number": number,
        "status": "OCCUPIED" if bank else "AVAILABLE",
        "battery_level": BATTERY if bank else 0,
        "slot_metadata": {
            "micro_switch": "0" if bank else "1",
            "solenoid_valve": "0",
            "lock_count": 0,
            "last_updated": now_stamp(),
        },
    }
    return slot | {"power_bank_serial": bank} if bank else slot


def _power_bank(number: int, bank: str) -> dict[str, Any]:
    return {
        "serial_number": bank,
        "status": "AVAILABLE",
        "battery_level": BATTERY,
        "current_slot": number,
        "hardware_info": {
            "temperature": 25,
            "voltage": 50,
            "current": 2,
            "soft_version": 25,
            "hard_version": 0,
            "micro_switch": "0",
            "solenoid_valve": "0",
            "area_code": 73,
        },
    }
