"""One schema of ``full`` in the words of DRF, pydantic and msgspec, so that all check the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pydantic
from rest_framework import serializers

SERIAL_PATTERN = "^[A-Za-z0-9._:-]{1,64}"
ROW_KEYS = ("slot_number", "serial_number")
REQUIRED = ("type", "device", *ROW_KEYS)


class Kind(NamedTuple):
    """One kind of value, said in the words of each library."""

    drf: Callable[..., Any]
    pydantic: Any
    msgspec: Any


def choice(*names: str) -> Kind:
    return Kind(partial(serializers.ChoiceField, names), Literal[names], Literal[names])


def whole(low: int, high: int) -> Kind:
    return Kind(
        partial(serializers.IntegerField, min_value=low, max_value=high),
        Annotated[int, pydantic.Field(ge=low, le=high)],
        Annotated[int, msgspec.Meta(ge=low, le=high)],
    )


def record(name: str, **fields: Kind) -> Kind:
    """Return an object; what is not in ``REQUIRED`` may be null or absent."""
    optional = {"allow_null": True, "default": None}
    drf, model, struct = {}, {}, []
    for key, kind in fields.items():
        needed = key in REQUIRED
        drf[key] = kind.drf(**({} if needed else optional))
        model[key] = (kind.pydantic, ...) if needed else (kind.pydantic | None, None)
        struct.append((key, kind.msgspec) if needed else (key, kind.msgspec | None, None))
    config = pydantic.ConfigDict(strict=True)
    return Kind(
        type(name, (serializers.Serializer,), drf),
        pydantic.create_model(name, __config__=config, **model),  # type: ignore[call-overload]
        msgspec.defstruct(name, struct, kw_only=True),  # type: ignore[arg-type]
    )


def rows(kind: Kind) -> Kind:
    """Return a list of rows; null stands for a row that was left out."""

    def field(**options: Any) -> Any:
        return serializers.ListSerializer(child=kind.drf(allow_null=True), **options)

    return Kind(field, list[kind.pydantic | None], list[kind.msgspec | None])  # type: ignore[name-defined]


SERIAL = Kind(
    partial(serializers.RegexField, SERIAL_PATTERN + r"\Z", trim_whitespace=False),
    Annotated[str, pydantic.StringConstraints(pattern=SERIAL_PATTERN + "$")],
    Annotated[str, msgspec.Meta(pattern=SERIAL_PATTERN + r"\Z")],
)
TEXT = Kind(partial(serializers.CharField, allow_blank=True, trim_whitespace=False), str, str)
STAMP = Kind(serializers.DateTimeField, Annotated[datetime, pydantic.Strict(False)], datetime)
JSON = Kind(serializers.DictField, dict[str, Any], dict[str, Any])
BATTERY, BYTE = whole(0, 100), whole(0, 255)

DEVICE = record(
    "Device", serial_number=SERIAL, imei=TEXT, status=choice("ONLINE", "OFFLINE", "MAINTENANCE"),
    signal_strength=TEXT, wifi_ssid=TEXT, last_heartbeat=STAMP, hardware_info=JSON,
)  # fmt: skip
SLOT = record(
    "Slot", slot_number=BYTE, status=choice("AVAILABLE", "OCCUPIED", "MAINTENANCE", "ERROR"),
    battery_level=BATTERY, power_bank_serial=TEXT, slot_metadata=JSON,
)  # fmt: skip
BANK = record(
    "Bank", serial_number=SERIAL, status=choice("AVAILABLE", "MAINTENANCE", "DAMAGED"),
    battery_level=BATTERY, current_slot=BYTE, hardware_info=JSON,
)  # fmt: skip
FULL = record(
    "Full", type=choice("full"), timestamp=whole(10**9, 2**53), device=DEVICE,
    station=record("Station", total_slots=whole(0, 256)), slots=rows(SLOT), power_banks=rows(BANK),
)  # fmt: skip
