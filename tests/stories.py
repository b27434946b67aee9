"""Tables of docs/explanation that tell one station's story, and what an empty database says of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from django_iot_ingest import silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from tests.gateway import Gateway
from tests.hosts import start_rental
from tests.payloads import BANK, cabinet, full, moment, returned, status

Row = list[str]

_DAY = 86_400

_YESTERDAY = int(time.time()) // _DAY * _DAY - _DAY

_TABLE = re.compile(r"^\|.*\n\|[-: |]+\n((?:\|.*\n)+)", re.MULTILINE)


def tables(text: str) -> list[list[Row]]:
    """Return the rows of every table of a page, without their headings."""
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]
        for body in _TABLE.findall(text)
    ]


def table_with(text: str, column: str) -> list[Row]:
    """Return the rows of the one table that has this column."""
    (found,) = (
        rows
        for head, rows in zip(
            re.findall(r"(^\|.*\n)\|[-: |]+\n", text, re.MULTILINE), tables(text), strict=True
        )
        if f"| {column} |" in head
    )
    return found


def seconds(clock: str) -> float:
    """Return a time such as ``12:00:05`` of yesterday in unix seconds; ``now`` is now."""
    if clock == "now":
        return int(time.time())
    hours, minutes, rest = clock.split(":")
    return _YESTERDAY + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def clock(when: datetime) -> str:
    """Return a time as the pages write it, with tenths of a second only where there are any."""
    return when.strftime("%H:%M:%S.%f").rstrip("0").rstrip(".")


def send_full(gateway: Gateway, at: float, what: str) -> Any:
    if what == "no slots":
        return gateway.post(full([], [], at=at))
    slot = re.fullmatch(r"bank in slot (\d)", what)
    return gateway.post(cabinet({int(slot[1]): BANK} if slot else {}, at=at))


def rent(gateway: Gateway, at: float) -> None:
    start_rental(get_power_bank_model().objects.get(), moment(at))


def be_silent(gateway: Gateway, at: float, for_seconds: str) -> None:
    heard = timezone.now() - timedelta(seconds=int(for_seconds))
    get_station_model().objects.update(last_heard_at=heard)
    silence.mark_offline()


DEEDS: dict[str, Callable[..., Any]] = {
    r"full, (.*)": send_full,
    r"status (\w+)": lambda gateway, at, value: gateway.post(status(value, at=at)),
    r"returned to slot (\d+)": lambda gateway, at, slot: gateway.post(
        returned(slot=int(slot), at=at)
    ),
    r"rented": rent,
    r"silent for (\d+) s": be_silent,
}
"""What an event's name on a page makes happen."""


def told(rows: list[Row]) -> list[Row]:
    """Let the events of a table happen; return the table as it should be."""
    gateway = Gateway.with_admin()
    return [[event, at, do(gateway, event, at), station(), bank()] for event, at, *_ in rows]


def do(gateway: Gateway, event: str, at: str) -> str:
    """Let one event happen, and return its answer: state and warnings."""
    for pattern, deed in DEEDS.items():
        if found := re.fullmatch(pattern, event):
            response = deed(gateway, 0 if at == "-" else seconds(at), *found.groups())
            return "-" if response is None else answer(response)
    raise LookupError(f"no story has an event {event!r}")


def answer(response: Any) -> str:
    assert response.status_code == 200, response.content
    data = response.json()["data"]
    return " ".join(f"`{code}`" for code in [data["state"], *(w["code"] for w in data["warnings"])])


def station() -> str:
    return str(get_station_model().objects.get().status)


def bank() -> str:
    """Return where the one bank is, in the words of the pages."""
    bank = get_power_bank_model().objects.get()
    if bank.status == bank.Status.RENTED:
        assert bank.current_station_id is None and bank.current_slot_id is None
        return "rented"
    if bank.missing_since:
        assert bank.current_station_id is None
        return "missing"
    assert bank.current_station_id
    return f"slot {bank.current_slot.slot_number}" if bank.current_slot else "here"
