"""A lively fleet of twelve stations, each with a story, made through real events.

Numbers are asserted on it, and pages are looked at with it.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_iot_ingest import ledger, silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent, RefusalCount
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import cabinet, empty_slot, returned, status

State = IngestEvent.State

SIZE = 8

STATIONS = tuple(f"8600000000000{number:02}" for number in range(17, 29))
QUIET, SULKING, DARK, RESTING, BROKEN, MUTE, TORN, LENDING = STATIONS[:8]
"""Silent; OFFLINE by its own word; OFFLINE by silence; in MAINTENANCE; slots in error; a slot whose
bank does not answer; contradicts itself; its banks are rented."""


def bank_of(serial: str, slot: int) -> str:
    """Return the serial of the bank that stands in a station's slot at first."""
    return f"{serial[-2:]}0000{slot:02}"


def report(serial: str, *, at: float | None = None, held: int = SIZE - 1) -> dict[str, Any]:
    """Return a snapshot of a station whose first slots hold banks of different charge."""
    banks = {slot: bank_of(serial, slot) for slot in range(1, held + 1)}
    payload = cabinet(banks, size=SIZE, serial=serial, at=at)
    for number, row in enumerate(payload["power_banks"]):
        row["battery_level"] = 12 + 13 * number
    return payload


def tell(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything happen."""
    for serial in STATIONS:
        gateway.send(report(serial, at=time.time() - 120))
    _fall_silent(gateway)
    gateway.send(status("MAINTENANCE", serial=RESTING))
    gateway.send(_broken())
    gateway.send(_mute())
    gateway.send(_torn())
    _lose_a_bank(gateway)
    _lend(gateway)
    _fail(gateway, monkeypatch)
    gateway.send(returned("99999999", serial=STATIONS[9]))
    for _ in range(3):
        assert (
            gateway.post(status(), secret="another-secret-of-somebody-0123456789").status_code
            == 403
        )
    assert gateway.post(status(), timestamp=int(time.time()) - 900).status_code == 403
    assert gateway.post({"type": "full", "device": {"serial_number": "?"}}).status_code == 400


def fill_the_hour() -> None:
    """Let there have been an hour of traffic: a wave of events, and a quarter that had to wait."""
    begin = timezone.now() - timedelta(minutes=58)
    rows = []
    for number in range(900):
        received_at = begin + timedelta(seconds=3.8 * number)
        took = timedelta(milliseconds=6 + number * number % 17 + (number % 190 == 0) * 25)
        waited = timedelta(minutes=4) if 450 < number < 520 and number % 4 == 0 else took
        state = State.STALE if number % 29 == 0 else State.APPLIED
        rows.append(
            IngestEvent(
                event_type="full",
                device_serial=STATIONS[number % 12],
                received_at=received_at,
                applied_at=received_at + waited,
                duration=took,
                state=state,
                signed_at=0,
                body=b"",
            )
        )
    IngestEvent.objects.bulk_create(row for row in rows if row.received_at.second % 7)
    RefusalCount.objects.bulk_create(
        RefusalCount(minute=begin + timedelta(minutes=minute), reason=reason, count=count)
        for minute, reason, count in [
            (3, "NOT_AUTHENTICATED", 1),
            (22, "IP_NOT_ALLOWED", 6),
            (23, "IP_NOT_ALLOWED", 4),
            (41, "NOT_AUTHENTICATED", 2),
        ]
    )


def heard(serial: str, seconds_ago: float) -> None:
    """Let a station have been heard so long ago, and not since."""
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    stations = get_station_model()._default_manager
    assert stations.filter(serial_number=serial).update(last_heard_at=moment)


def _fall_silent(gateway: Gateway) -> None:
    """One is marked already, one is not yet; one has said OFFLINE."""
    gateway.send(status("OFFLINE", serial=SULKING))
    heard(SULKING, 7200)
    heard(DARK, 5400)
    assert silence.mark_offline() == 1
    heard(QUIET, 1700)


def _broken() -> dict[str, Any]:
    payload = report(BROKEN)
    metadata = {"micro_switch": "1", "error_code": "0x21"}
    for number in (2, 8):
        payload["slots"][number - 1] = empty_slot(number, slot_metadata=metadata)
    payload["power_banks"] = [row for row in payload["power_banks"] if row["current_slot"] != 2]
    return payload


def _mute() -> dict[str, Any]:
    """Return a snapshot whose last slot is occupied and names no bank."""
    payload = report(MUTE)
    payload["slots"][-1] = empty_slot(SIZE, status="OCCUPIED")
    return payload


def _torn() -> dict[str, Any]:
    """Return a snapshot in which a slot is empty, and a bank says that it is in there."""
    payload = report(TORN)
    payload["slots"][0] = empty_slot(1)
    return payload


def _lose_a_bank(gateway: Gateway) -> None:
    """Two snapshots lack the last bank: it is missing."""
    for at in (time.time() - 60, time.time() - 30):
        gateway.send(report(STATIONS[8], held=SIZE - 2, at=at))


def _lend(gateway: Gateway) -> None:
    """Three banks are rented, and one of them comes back."""
    banks = get_power_bank_model()._default_manager
    for slot in (1, 2, 3):
        bank = banks.get(serial_number=bank_of(LENDING, slot))
        hosts.start_rental(bank, timezone.now() - timedelta(minutes=20))
    gateway.send(returned(bank_of(LENDING, 1), 1, serial=STATIONS[10]))


def _fail(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two returns fail by the host's hook; one of them is given up."""
    with monkeypatch.context() as patch:
        FlakyHook(patch).failures += [RuntimeError("the till is closed")] * 2
        for slot in (4, 5):
            gateway.post(returned(bank_of(LENDING, slot), slot, serial=LENDING))
    ledger.bury(IngestEvent.objects.filter(state="failed").earliest("pk"))
