"""One example of each payload, as a gateway sends it."""

from __future__ import annotations

from typing import Any

TIMESTAMP = 1795452778
STATION = "860000000000017"
BANK = "12345678"

STATUS: dict[str, Any] = {
    "type": "status",
    "timestamp": TIMESTAMP,
    "device": {"serial_number": STATION, "status": "ONLINE"},
}

RETURNED: dict[str, Any] = {
    "type": "returned",
    "timestamp": TIMESTAMP,
    "device": {"serial_number": STATION, "last_heartbeat": "2026-11-23T16:52:58.723279879Z"},
    "return_event": {
        "power_bank_serial": BANK,
        "slot_number": 3,
        "battery_level": 85,
        "returned_at": "2026-11-23T16:52:58.723349012Z",
        "condition": "NORMAL",
        "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
    },
}

FULL: dict[str, Any] = {
    "type": "full",
    "timestamp": TIMESTAMP,
    "device": {
        "serial_number": STATION,
        "imei": STATION,
        "signal_strength": "28",
        "wifi_ssid": "चार्ज घर ☕",
        "last_heartbeat": "2026-11-23T16:52:58.693891776Z",
        "status": "ONLINE",
        "hardware_info": {"firmware_version": "2.1.5", "protocol_version": "0xA8"},
    },
    "station": {
        "serial_number": STATION,
        "total_slots": 2,
        "pinboards": [
            {"index": 1, "io": 0, "temperature": 28, "soft_version": 4, "hard_version": 15}
        ],
    },
    "slots": [
        {
            "slot_number": 1,
            "status": "AVAILABLE",
            "battery_level": 0,
            "slot_metadata": {
                "micro_switch": "1",
                "solenoid_valve": "0",
                "lock_count": 0,
                "last_updated": "2026-11-23T16:52:58.700173352Z",
            },
        },
        {
            "slot_number": 2,
            "status": "OCCUPIED",
            "battery_level": 85,
            "power_bank_serial": BANK,
            "slot_metadata": {
                "micro_switch": "0",
                "solenoid_valve": "0",
                "lock_count": 0,
                "last_updated": "2026-11-23T16:52:58.700208481Z",
            },
        },
    ],
    "power_banks": [
        {
            "serial_number": BANK,
            "status": "AVAILABLE",
            "battery_level": 85,
            "current_slot": 2,
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
    ],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "status": {"summary": "A station went online", "value": STATUS},
    "returned": {"summary": "A power bank came back", "value": RETURNED},
    "full": {"summary": "A snapshot of two slots, one of them empty", "value": FULL},
}
