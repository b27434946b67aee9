"""From the object on the wire to typed reports. The only place that knows wire names.

Two kinds of field (contract, section 3). Identity is strict: wrong is an error, collected by path.
Everything else is decoration: cleaned or dropped with a warning, and never refuses an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeGuard

from django_iot_ingest.events import (
    DeviceReport,
    IngestWarning,
    Receipt,
    ReturnReport,
    StatusReport,
    WarningCode,
    add_warning,
)
from django_iot_ingest.exceptions import InvalidPayload
from django_iot_ingest.models import AbstractStation
from django_iot_ingest.models.fields import SERIAL_NUMBER_LENGTH
from django_iot_ingest.times import Clock, is_unix_time, native

MAX_ROWS = 256
"""Slots, and power banks, that one snapshot may hold; a slot number is one byte."""

MAX_BYTE = 255
MAX_BATTERY = 100

STATION_STATUSES = AbstractStation.Status.values

_SERIAL = re.compile(rf"[A-Za-z0-9._:-]{{1,{SERIAL_NUMBER_LENGTH}}}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAY_BE_UNSTORABLE = re.compile(rb"\\u(?:0000|[Dd][89A-Fa-f])")
"""JSON has NUL and surrogates by escapes only, and UTF-8 has no surrogates at all."""


class Reader:
    """Read one payload, and collect what is wrong (``errors``) and what is odd (``warnings``).

    A value is asked for by its section, where that stands (``path``), and its name in it.
    """

    def __init__(self, payload: Mapping[str, Any], receipt: Receipt) -> None:
        self.payload = payload
        self.receipt = receipt
        self.clock = Clock.for_attempt(receipt.signed_at, receipt.received_at)
        self.errors: dict[str, list[str]] = {}
        self.warnings: list[IngestWarning] = []
        self.is_clean = _MAY_BE_UNSTORABLE.search(receipt.body) is None
        """Whether every text of the body can be stored as it is."""

    def warn(self, code: WarningCode, path: str) -> None:
        """Note an oddity."""
        add_warning(self.warnings, code, path)

    def fail(self, path: str, text: str) -> None:
        """Note that an identity field is wrong."""
        self.errors.setdefault(path, []).append(text)

    def check(self) -> None:
        """Raise ``InvalidPayload``, with all that is wrong so far, if an identity field is wrong."""
        if not self.device_serial or self.errors:
            raise InvalidPayload(self.errors)

    def common(self) -> dict[str, Any]:
        """Return the fields of every report. Read last: it closes the list of warnings."""
        event_time = self.event_time()
        self.check()
        return {
            "event_type": self.payload["type"],
            "device_serial": self.device_serial,
            "event_time": event_time,
            "received_at": native(self.receipt.received_at),
            "source": self.receipt.source,
            "warnings": tuple(self.warnings),
            "raw": self.payload if self.is_clean else clean_json(self.payload),
        }

    @cached_property
    def device_serial(self) -> str:
        """The serial number of the station that speaks."""
        return self.serial(self.section("device"), "device", "serial_number")

    def event_time(self) -> datetime:
        """Return the body's ``timestamp`` on our clock; where unusable, that of X-Timestamp."""
        value = self.payload.get("timestamp")
        if not is_unix_time(value):
            if WarningCode.TIMESTAMP_REPLACED not in {w.code for w in self.warnings}:
                self.warn(WarningCode.TIMESTAMP_REPLACED, "timestamp")
            value = self.receipt.signed_at
        return self.clock.seconds(value)  # type: ignore[arg-type]

    def section(self, name: str) -> Mapping[str, Any]:
        """Return an object of the payload; anything else counts as empty."""
        value = self.payload.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.warn(WarningCode.UNUSABLE, name)
        return {}

    def serial(self, section: Mapping[str, Any], path: str, name: str) -> str:
        """Return a serial number that has to be there and valid."""
        value = section.get(name)
        if is_serial(value):
            return str(value)
        self.fail(
            f"{path}.{name}",
            f"Must be 1 to {SERIAL_NUMBER_LENGTH} letters, digits, '.', '_', ':' or '-'.",
        )
        return ""

    def rows(self, name: str) -> list[Any]:
        """Return a list of at most ``MAX_ROWS`` rows; null and absent are the empty list."""
        value = self.payload.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fail(name, "Must be a list, null or absent.")
        elif len(value) > MAX_ROWS:
            self.fail(name, f"Must have at most {MAX_ROWS} rows.")
        else:
            return value
        return []

    def text(
        self, section: Mapping[str, Any], path: str, name: str, max_length: int | None
    ) -> str | None:
        """Return the cleaned text ``name``; a whole number is taken as its digits."""
        value = section.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        cleaned = clean_text(value) if isinstance(value, str) else None
        if cleaned is None or (max_length is not None and len(cleaned) > max_length):
            self._drop(value, path, name)
            return None
        if cleaned != value:
            self.warn(WarningCode.CLEANED, f"{path}.{name}")
        return cleaned

    def whole(self, section: Mapping[str, Any], path: str, name: str, maximum: int) -> int | None:
        """Return the whole number ``name``, from 0 to ``maximum``."""
        value = section.get(name)
        if is_whole(value, maximum):
            return value
        self._drop(value, path, name)
        return None

    def json(self, section: Mapping[str, Any], path: str, name: str) -> dict[str, Any] | None:
        """Return the cleaned object ``name``."""
        value = section.get(name)
        if type(value) is not dict:
            self._drop(value, path, name)
            return None
        if self.is_clean:
            return value
        cleaned: dict[str, Any] = clean_json(value)
        if cleaned != value:
            self.warn(WarningCode.CLEANED, f"{path}.{name}")
        return cleaned

    def stamp(self, section: Mapping[str, Any], path: str, name: str) -> datetime | None:
        """Return the RFC 3339 stamp ``name`` on our clock."""
        value = section.get(name)
        moment = self.clock.stamp(value)
        if moment is None:
            self._drop(value, path, name)
        return moment

    def _drop(self, value: object, path: str, name: str) -> None:
        """Warn of a value that is dropped; null and absent are nothing to warn of."""
        if value is not None:
            self.warn(WarningCode.UNUSABLE, f"{path}.{name}")


def read_status(reader: Reader) -> StatusReport:
    """Read a ``status`` event. Its status is identity: anything unknown is an error."""
    status = choice(reader.section("device").get("status"), STATION_STATUSES)
    if status is None:
        reader.fail("device.status", "Must be ONLINE, OFFLINE or MAINTENANCE.")
    return StatusReport(status=status or "", **reader.common())


def read_return(reader: Reader) -> ReturnReport:
    """Read a ``returned`` event. Only the two serial numbers can refuse it."""
    row = reader.section("return_event")
    serial = reader.serial(row, "return_event", "power_bank_serial")
    slot_number = reader.whole(row, "return_event", "slot_number", MAX_BYTE)
    battery = reader.whole(row, "return_event", "battery_level", MAX_BATTERY)
    heartbeat = reader.stamp(reader.section("device"), "device", "last_heartbeat")
    occurred_at = reader.clock.stamp(row.get("returned_at"))
    if occurred_at is None:
        occurred_at = reader.event_time()
        reader.warn(WarningCode.RETURNED_AT_REPLACED, "return_event.returned_at")
    return ReturnReport(
        power_bank_serial=serial,
        slot_number=slot_number,
        battery_level=battery or None,  # 0 means unknown here
        occurred_at=occurred_at,
        last_heartbeat=heartbeat,
        **reader.common(),
    )


def read_device(reader: Reader) -> DeviceReport:
    """Read the station's own columns of a ``full`` event."""
    device = reader.section("device")
    status = choice(device.get("status"), STATION_STATUSES)
    if status is None and device.get("status") is not None:
        reader.warn(WarningCode.UNKNOWN_STATUS, "device.status")
    return DeviceReport(
        imei=reader.text(device, "device", "imei", SERIAL_NUMBER_LENGTH) or None,
        status=status,
        total_slots=reader.whole(reader.section("station"), "station", "total_slots", MAX_ROWS),
        signal_strength=reader.text(device, "device", "signal_strength", 64),
        wifi_ssid=reader.text(device, "device", "wifi_ssid", None),
        hardware_info=reader.json(device, "device", "hardware_info"),
        last_heartbeat=reader.stamp(device, "device", "last_heartbeat"),
    )


def is_serial(value: object) -> TypeGuard[str]:
    """Return whether ``value`` can name a device."""
    return isinstance(value, str) and _SERIAL.fullmatch(value) is not None


def is_whole(value: object, maximum: int) -> TypeGuard[int]:
    """Return whether ``value`` is a whole number from 0 to ``maximum``; True and 1.0 are none."""
    return type(value) is int and 0 <= value <= maximum


def choice(value: object, choices: list[str]) -> str | None:
    """Return the choice that ``value`` names, letter case aside, or None."""
    if value in choices:
        return value  # type: ignore[return-value]
    if not isinstance(value, str) or not value.isascii():
        return None
    name = value.upper()
    return name if name in choices else None


def clean_text(text: str) -> str:
    """Remove what no database stores: NUL and lone surrogates."""
    return _UNSTORABLE.sub("", text)


def clean_json(value: Any) -> Any:
    """Clean every text in a JSON value, names included; a name that was clean hides one that was not."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        clean_last = sorted(value.items(), key=lambda pair: _UNSTORABLE.search(pair[0]) is None)
        return {clean_text(name): clean_json(item) for name, item in clean_last}
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    return value
