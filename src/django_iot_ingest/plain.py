"""Read a snapshot as nearly all are: each value as a gateway that works well sends it.

With ``msgspec`` (the extra ``speed``) such a body is parsed and checked at once. ``read`` returns what
``snapshot.read_full`` would, but for the payload itself; and None for anything else: an odd value, a
name that is not known here, or bytes in which a name may have come twice, are left to the readers
that can say what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Annotated, Any, Literal

from django_iot_ingest import strict_json
from django_iot_ingest.events import (
    DeviceReport,
    FullReport,
    PowerBankReport,
    Receipt,
    SlotReport,
)
from django_iot_ingest.models.fields import SERIAL_NUMBER_LENGTH
from django_iot_ingest.snapshot import AVAILABLE, BANK_STATUSES, SLOT_STATUSES
from django_iot_ingest.strict_json import MAX_INTEGER
from django_iot_ingest.times import EARLIEST, Clock, native
from django_iot_ingest.wire import (
    MAX_BATTERY,
    MAX_BYTE,
    MAX_ROWS,
    SERIAL,
    SIGNAL_LENGTH,
    STATION_STATUSES,
    may_be_unstorable,
)

msgspec = strict_json.msgspec

BLANKS = (b"\t", b"\n", b"\r", b" :")
"""Without any of these no blank precedes a colon: then each name is one ``":``, and what else holds
these two is a text. The first three are in no body that is written without line breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainReport(FullReport):
    """A snapshot whose payload was not kept: ``raw`` is empty, and there is no warning."""


def read(receipt: Receipt) -> PlainReport | None:
    """Return the report of a body, if it is such a snapshot and ``msgspec`` is installed."""
    body = receipt.body
    if (
        strict_json.msgspec is None
        or may_be_unstorable(body)
        or any(map(body.__contains__, BLANKS))
    ):
        return None
    try:
        told = decoder().decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    clock = Clock.for_attempt(receipt.signed_at, receipt.received_at)
    heartbeat = clock.stamp(told.device.last_heartbeat)
    if heartbeat is None or not is_consistent(told) or names(told) != body.count(b'":'):
        return None
    return PlainReport(
        event_type="full",
        device_serial=told.device.serial_number,
        event_time=clock.seconds(told.timestamp),
        received_at=native(receipt.received_at),
        source=receipt.source,
        warnings=(),
        raw={},
        device=DeviceReport(
            imei=told.device.imei or None,
            status=told.device.status,
            total_slots=told.station.total_slots,
            signal_strength=told.device.signal_strength,
            wifi_ssid=told.device.wifi_ssid,
            hardware_info=told.device.hardware_info,
            last_heartbeat=heartbeat,
        ),
        slots=tuple(
            [
                SlotReport(row.slot_number, row.status, row.battery_level, row.slot_metadata)
                for row in told.slots
            ]
        ),
        power_banks=tuple([bank_report(at, row) for at, row in enumerate(told.power_banks)]),
        reports_slots=True,
        is_complete=True,
    )


def bank_report(position: int, row: Any) -> PowerBankReport:
    path = f"power_banks.{position}"
    return PowerBankReport(
        row.serial_number,
        row.status,
        row.battery_level,
        row.hardware_info,
        row.current_slot,
        path,
        f"{path}.current_slot",
    )


def is_consistent(told: Any) -> bool:
    """Return whether each slot and each bank is there once, each bank is in the slot that names it,
    and no slot is empty that holds one, or tells of an error."""
    held = {row.current_slot: row.serial_number for row in told.power_banks}
    named = {
        row.slot_number: row.power_bank_serial
        for row in told.slots
        if row.power_bank_serial is not msgspec.UNSET
    }
    return (
        held == named
        and len(held) == len(told.power_banks) == len(set(held.values()))
        and len({row.slot_number for row in told.slots}) == len(told.slots)
        and not any(
            "error_code" in row.slot_metadata
            or (row.status == AVAILABLE and row.slot_number in held)
            for row in told.slots
        )
    )


def names(told: Any) -> int:
    """Return how many names all objects of a snapshot have."""
    unset = msgspec.UNSET
    boards = [] if told.station.pinboards is unset else told.station.pinboards
    fields = [len(kind.__struct_fields__) for kind in schema()]
    top, device, station, slot, bank = fields
    optional = [told.station.pinboards, *[row.power_bank_serial for row in told.slots]]
    free = chain(
        boards,
        [told.device.hardware_info],
        [row.slot_metadata for row in told.slots],
        [row.hardware_info for row in told.power_banks],
    )
    every = top + device + station + slot * len(told.slots) + bank * len(told.power_banks)
    return every - optional.count(unset) + sum(map(len, free))


@cache
def decoder() -> Any:
    """Return what parses a body of such a snapshot."""
    return msgspec.json.Decoder(schema()[0])


@cache
def schema() -> tuple[Any, ...]:
    """Return the types of the payload, of its device, station, slots and power banks."""
    meta, unset = msgspec.Meta, msgspec.UNSET

    def struct(name: str, *fields: Any, **options: Any) -> Any:
        return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False, **options)

    def one_of(values: list[str]) -> Any:
        return Literal[tuple(values)]

    whole = Annotated[int, meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
    facts = dict[str, str | whole | bool | None]
    serial = Annotated[str, meta(pattern=rf"\A(?:{SERIAL.pattern})\Z")]
    battery = Annotated[int, meta(ge=0, le=MAX_BATTERY)]
    byte = Annotated[int, meta(ge=0, le=MAX_BYTE)]
    device = struct(
        "Device",
        ("serial_number", serial),
        ("imei", Annotated[str, meta(max_length=SERIAL_NUMBER_LENGTH)]),
        ("signal_strength", Annotated[str, meta(max_length=SIGNAL_LENGTH)]),
        ("wifi_ssid", str),
        ("last_heartbeat", str),
        ("status", one_of(STATION_STATUSES)),
        ("hardware_info", facts),
    )
    station = struct(
        "Station",
        ("serial_number", str),
        ("total_slots", Annotated[int, meta(ge=1, le=MAX_ROWS)]),
        ("pinboards", list[facts] | msgspec.UnsetType, unset),
    )
    slot = struct(
        "Slot",
        ("slot_number", byte),
        ("status", one_of(SLOT_STATUSES)),
        ("battery_level", battery),
        ("slot_metadata", facts),
        ("power_bank_serial", serial | msgspec.UnsetType, unset),
    )
    bank = struct(
        "PowerBank",
        ("serial_number", serial),
        ("status", one_of(BANK_STATUSES)),
        ("battery_level", battery),
        ("current_slot", byte),
        ("hardware_info", facts),
    )
    payload = struct(
        "Payload",
        ("timestamp", Annotated[int, meta(ge=EARLIEST, le=MAX_INTEGER)]),
        ("device", device),
        ("station", station),
        ("slots", Annotated[list[slot], meta(min_length=1, max_length=MAX_ROWS)]),  # type: ignore[valid-type]
        ("power_banks", Annotated[list[bank], meta(max_length=MAX_ROWS)]),  # type: ignore[valid-type]
        ("type", Literal["full"]),
    )
    return payload, device, station, slot, bank
