"""Signed snapshots of stations of any size, changed from one to the next or not."""

from __future__ import annotations

import json
import time
from typing import Any

from django.test import RequestFactory

from django_iot_ingest.signing import sign
from tests.payloads import SECRET, bank_row, empty_slot, full, held_slot

URL = "/api/internal/stations/data"


def serial(index: int, size: int) -> str:
    return f"S{size}-{index:07d}"


def bank(index: int, size: int, number: int) -> str:
    return f"{serial(index, size)}-{number}"


def payload(own: str, size: int, turn: int) -> dict[str, Any]:
    """Return a station's snapshot; every column of every row differs from one ``turn`` to the next.

    Seven of eight slots hold a bank.
    """
    level = turn % 100
    slots: list[dict[str, Any]] = []
    banks: list[dict[str, Any]] = []
    for number in range(1, size + 1):
        metadata = {
            "micro_switch": str(turn % 2),
            "solenoid_valve": "0",
            "lock_count": turn,
            "last_updated": f"2026-11-23T16:52:58.{time.perf_counter_ns() % 10**9:09d}Z",
        }
        if number % 8 == 0:
            slots.append(empty_slot(number, battery_level=level, slot_metadata=metadata))
            continue
        name = f"{own}-{number}"
        slots.append(held_slot(number, name, battery_level=level, slot_metadata=metadata))
        info = {
            "temperature": 20 + turn % 20,
            "voltage": 50,
            "current": 2,
            "soft_version": 25,
            "hard_version": 0,
            "micro_switch": "0",
            "solenoid_valve": "0",
            "area_code": 73,
        }
        banks.append(bank_row(name, number, battery_level=level, hardware_info=info))
    return full(slots, banks, serial=own, device={"signal_strength": str(turn % 60)})


def request(body: bytes, token: str) -> Any:
    """Return a Django request as a server would make it, signed just now."""
    stamp = str(int(time.time()))
    return RequestFactory().post(
        URL,
        data=body,
        content_type="application/json",
        headers={
            "Authorization": f"Bearer {token}",
            "X-Timestamp": stamp,
            "X-Signature": sign(body, stamp, SECRET),
        },
    )


def body(index: int, size: int, turn: int) -> bytes:
    """Return the bytes of a snapshot of a station that is measured."""
    return encode(payload(serial(index, size), size, turn))


def encode(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
