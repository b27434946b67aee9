"""Events in the gateway's words (contract, section 1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django_iot_ingest.simulator.glances import Glance, Row
from django_iot_ingest.simulator.hardware import PowerBank, Station

NANOSECONDS = 1_000_000_000


def full(station: Station, glance: Glance, status: str, now_ns: int) -> bytes:
    """Return the body of a snapshot; ``now_ns`` is unix time in nanoseconds."""
    now = stamp(now_ns)
    return encode(
        {
            "type": "full",
            "timestamp": now_ns // NANOSECONDS,
            "device": _device(station, status, now),
            "station": _station(station, glance),
            "slots": [slot(row, now) for row in glance.rows],
            "power_banks": [
                power_bank(row.power_bank, row) for row in glance.rows if row.power_bank
            ],
        }
    )


def returned(station: Station, bank: PowerBank, slot: int, now_ns: int) -> bytes:
    """Return the body of a return that happened just now."""
    return encode(
        {
            "type": "returned",
            "timestamp": now_ns // NANOSECONDS,
            "device": {"serial_number": station.serial, "last_heartbeat": stamp(now_ns)},
            "return_event": {
                "power_bank_serial": bank.serial,
                "slot_number": slot,
                "battery_level": bank.battery,
                "returned_at": stamp(now_ns),
                "condition": "NORMAL",
                "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
            },
        }
    )


def status(station: Station, value: str, now_ns: int) -> bytes:
    """Return the body of a station's word about itself."""
    return encode(
        {
            "type": "status",
            "timestamp": now_ns // NANOSECONDS,
            "device": {"serial_number": station.serial, "status": value},
        }
    )


def stamp(now_ns: int) -> str:
    """Return a time as the gateway writes it: UTC, nine fraction digits."""
    seconds, fraction = divmod(now_ns, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def _device(station: Station, status: str, now: str) -> dict[str, Any]:
    return {
        "serial_number": station.serial,
        "imei": station.serial,
        "signal_strength": station.signal,
        "wifi_ssid": station.network,
        "last_heartbeat": now,
        "status": status,
        "hardware_info": {"firmware_version": station.firmware, "protocol_version": "0xA8"},
    }


def _station(station: Station, glance: Glance) -> dict[str, Any]:
    board = {"index": 1, "io": 0, "temperature": 28, "soft_version": 4, "hard_version": 15}
    return {
        "serial_number": station.serial,
        "total_slots": len(glance.rows),
        "pinboards": [board] if glance.rows else [],
    }


def slot(row: Row, now: str) -> dict[str, Any]:
    """Return one row of a snapshot's ``slots``."""
    is_held = row.power_bank is not None or row.is_silent
    metadata: dict[str, Any] = {
        "micro_switch": "0" if is_held else "1",
        "solenoid_valve": "0",
        "lock_count": 0,
        "last_updated": now,
    }
    if row.error_code:
        metadata["error_code"] = row.error_code
    told: dict[str, Any] = {
        "slot_number": row.number,
        # A device code that the gateway does not know arrives as AVAILABLE.
        "status": "OCCUPIED" if is_held and not row.error_code else "AVAILABLE",
        "battery_level": row.battery,
        "slot_metadata": metadata,
    }
    return told | ({"power_bank_serial": row.power_bank.serial} if row.power_bank else {})


def power_bank(bank: PowerBank, row: Row) -> dict[str, Any]:
    """Return one row of a snapshot's ``power_banks``."""
    return {
        "serial_number": bank.serial,
        "status": bank.status,
        "battery_level": row.battery,
        "current_slot": row.number,
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


def encode(payload: Any) -> bytes:
    """Return compact UTF-8; a lone surrogate, which has no UTF-8, is written as its escape."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")
