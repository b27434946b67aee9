"""The kit's payloads have the gateway's shape, and are the test's own to change."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from django_iot_ingest import event_types
from django_iot_ingest.events import Receipt
from django_iot_ingest.testing import (
    BANK,
    STATION,
    bank_row,
    encode,
    full_snapshot,
    returned,
    slot_row,
    stamp,
    status,
)

pytestmark = pytest.mark.once

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def read(payload: dict[str, Any]) -> Any:
    """Return the report of a payload, as the endpoint reads it."""
    moment = datetime.now(UTC)
    _, report = event_types.read_receipt(Receipt(encode(payload), int(moment.timestamp()), moment))
    return report


def test_a_snapshot_is_whole_and_as_told() -> None:
    report = read(full_snapshot({1: "B-1", 4: "B-4"}, slots=6, battery=40, station="S-1"))
    assert (report.device_serial, report.is_complete, report.warnings) == ("S-1", True, ())
    assert [slot.slot_number for slot in report.slots] == [1, 2, 3, 4, 5, 6]
    assert [slot.status for slot in report.slots][:2] == ["OCCUPIED", "AVAILABLE"]
    banks = [
        (bank.serial_number, bank.slot_number, bank.battery_level) for bank in report.power_banks
    ]
    assert banks == [("B-1", 1, 40), ("B-4", 4, 40)]


def test_by_default_eight_slots_hold_one_bank() -> None:
    report = read(full_snapshot())
    assert (report.device_serial, len(report.slots)) == (STATION, 8)
    assert [(bank.serial_number, bank.slot_number) for bank in report.power_banks] == [(BANK, 2)]


def test_no_bank_and_a_slot_beyond_the_last() -> None:
    assert full_snapshot({})["power_banks"] == []
    assert [row["slot_number"] for row in full_snapshot({9: BANK}, slots=2)["slots"]] == [1, 2, 9]


def test_only_a_slot_that_holds_a_bank_names_one() -> None:
    empty, held = slot_row(1), slot_row(2, BANK)
    assert "power_bank_serial" not in empty and held["power_bank_serial"] == BANK
    assert bank_row(BANK, 2)["current_slot"] == held["slot_number"] == 2


def test_text_and_digits_are_the_gateways() -> None:
    payload = full_snapshot(at=NOON)
    assert payload["timestamp"] == int(NOON.timestamp())
    assert payload["device"]["signal_strength"] == "28"
    assert payload["device"]["last_heartbeat"] == "2026-11-23T12:00:00.123456000Z"


def test_a_return_is_billed_by_its_own_time() -> None:
    event = returned("B-7", 5, station="S-1", battery=12, at=NOON)
    report = read(event)
    told = (report.power_bank_serial, report.slot_number, report.battery_level)
    assert (*told, report.occurred_at) == ("B-7", 5, 12, NOON)
    late = read(returned(at=NOON, returned_at=NOON - timedelta(minutes=3)))
    assert late.occurred_at == NOON - timedelta(minutes=3)


def test_a_status_says_one_word() -> None:
    report = read(status("OFFLINE", station="S-1", at=NOON))
    assert (report.device_serial, report.status) == ("S-1", "OFFLINE")


@pytest.mark.parametrize(
    "at", [NOON, NOON.astimezone(timezone(timedelta(hours=5, minutes=45))), NOON.timestamp()]
)
def test_a_time_is_told_in_any_form(at: Any) -> None:
    assert stamp(at) == "2026-11-23T12:00:00.123456000Z"


def test_without_a_time_it_is_now() -> None:
    assert abs(full_snapshot()["timestamp"] - time.time()) < 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp())


def test_two_payloads_share_nothing() -> None:
    first = full_snapshot()
    first["slots"][0]["slot_metadata"]["micro_switch"] = "?"
    assert full_snapshot()["slots"][0]["slot_metadata"]["micro_switch"] == "1"


def test_bytes_are_left_and_text_survives() -> None:
    assert encode(b"{") == b"{"
    told = {"wifi_ssid": "चार्ज \ud800 \u0000"}
    assert json.loads(encode(told)) == told
    assert "चार्ज".encode() in encode(told)
