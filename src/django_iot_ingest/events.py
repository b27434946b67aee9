"""Typed, frozen events: what the wire said (reports), and what a hook is told (events).

Every time in them is a native datetime on our clock; see ``times``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from django_iot_ingest.models import (
        AbstractPowerBank,
        AbstractStation,
        AbstractStationSlot,
    )


MAX_WARNINGS = 100
"""Warnings kept for one event; a last one says that there were more."""


class WarningCode(StrEnum):
    """What was odd about an event that was accepted all the same, and what we did about it."""

    UNUSABLE = "unusable"
    """The value was dropped; what was known before stays."""
    CLEANED = "cleaned"
    """NUL or lone surrogates were removed from a text."""
    UNKNOWN_STATUS = "unknown_status"
    """A status nobody knows: a slot becomes ERROR, a bank MAINTENANCE, a station keeps its own."""
    TIMESTAMP_REPLACED = "timestamp_replaced"
    """The body's ``timestamp`` cannot be used; X-Timestamp counts."""
    RETURNED_AT_REPLACED = "returned_at_replaced"
    """``returned_at`` cannot be used; the body's ``timestamp`` counts."""
    ROW_IGNORED = "row_ignored"
    """A row without a usable number or serial was left out; no bank counts as absent."""
    REPEATED = "repeated"
    """The same slot or bank came again in one snapshot; the last one won."""
    CONTRADICTORY = "contradictory"
    """Slots and banks disagree; the bank's own row won, and its slot is not empty."""
    SLOT_UNKNOWN = "slot_unknown"
    """No such slot: the bank is at the station, without a slot."""
    SLOT_TAKEN = "slot_taken"
    """Another bank has it, by a newer event or a later row: this one has no slot."""
    OLDER_LOCATION = "older_location"
    """A newer event placed the bank: its location stays."""
    EARLIER_RENTAL = "earlier_rental"
    """The return belongs to an earlier rental: status and location stay."""
    JUST_RENTED = "just_rented"
    """Seen within the eject grace: the bank stays rented, and nowhere."""
    STATION_UNKNOWN = "station_unknown"
    """The event waits until the station is known."""
    POWER_BANK_UNKNOWN = "power_bank_unknown"
    """The return waits until the bank is known; in a snapshot the row was left out."""
    HOOK_REFUSED = "hook_refused"
    """The host's hook refused this bank; the next snapshot tries again."""
    MORE = "more"
    """More warnings than are kept."""


class Source(StrEnum):
    """How an event came to be applied."""

    GATEWAY = "gateway"
    SNAPSHOT = "snapshot"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class IngestWarning:
    """One oddity: ``code`` and the ``path`` of the value in the payload (``slots.3.status``)."""

    code: WarningCode
    path: str


def add_warning(warnings: list[IngestWarning], code: WarningCode, path: str) -> None:
    """Note an oddity; beyond ``MAX_WARNINGS`` only that there were more."""
    if len(warnings) < MAX_WARNINGS:
        warnings.append(IngestWarning(code, path))
    elif len(warnings) == MAX_WARNINGS:
        warnings.append(IngestWarning(WarningCode.MORE, ""))


@dataclass(frozen=True, slots=True)
class Receipt:
    """Verified bytes: the raw body, the attempt's X-Timestamp, our receipt time (aware, UTC)."""

    body: bytes
    signed_at: int
    received_at: datetime
    source: Source = Source.GATEWAY

    @property
    def sha256(self) -> str:
        """Return the hex SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StationReport:
    """What every event says. ``event_time`` is in whole seconds and judges order."""

    event_type: str
    device_serial: str
    event_time: datetime
    received_at: datetime
    source: Source
    warnings: tuple[IngestWarning, ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """The station's own columns; None means: not told, or not usable."""

    imei: str | None = None
    status: str | None = None
    total_slots: int | None = None
    signal_strength: str | None = None
    wifi_ssid: str | None = None
    hardware_info: Mapping[str, Any] | None = None
    last_heartbeat: datetime | None = None


class SlotReport(NamedTuple):
    """One slot, 0 to 255. ``status`` is one of the slot's choices."""

    slot_number: int
    status: str
    battery_level: int | None
    slot_metadata: Mapping[str, Any] | None


class PowerBankReport(NamedTuple):
    """One bank and its one location; ``slot_number`` None means: at the station, no slot known.

    ``path`` is where the payload tells of it, ``slot_path`` where it says that it is in this slot.
    """

    serial_number: str
    status: str | None
    battery_level: int | None
    hardware_info: Mapping[str, Any] | None
    slot_number: int | None
    path: str
    slot_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FullReport(StationReport):
    """A whole snapshot: each slot and each bank once, each bank with one location.

    Two banks may be shown in one slot; the later row has it, if that bank is placed at all.

    ``reports_slots`` is False when it says nothing about slots and banks (a misread frame);
    ``is_complete`` is False when a row had to be left out, so that absence means nothing.
    """

    device: DeviceReport
    slots: tuple[SlotReport, ...]
    power_banks: tuple[PowerBankReport, ...]
    reports_slots: bool
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReport(StationReport):
    """A bank came back. ``occurred_at`` is what is billed; ``slot_number`` None means unknown."""

    power_bank_serial: str
    slot_number: int | None
    battery_level: int | None
    occurred_at: datetime
    last_heartbeat: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport(StationReport):
    """A station went ONLINE, OFFLINE or to MAINTENANCE."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationCreated:
    """A station was seen for the first time and created."""

    station: AbstractStation
    received_at: datetime
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StationStatusChanged:
    """A station's status changed. ``trigger`` is one of ``StationStatusChange.Trigger``.

    ``seconds_in_previous`` is how long it had the status before, None if that is not known.
    """

    station: AbstractStation
    from_status: str
    to_status: str
    at: datetime
    seconds_in_previous: int | None
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBankReturned:
    """A bank came back: the event that ends a paid rental.

    ``power_bank``, ``station`` and ``slot`` (or None) are the saved rows, the bank locked. Bill
    until ``occurred_at``. ``was_rented`` is False when the bank was not rented, or when the return
    belongs to an earlier rental: then end only a rental that had begun by ``occurred_at``.
    ``raw`` is the whole payload, to be read and not to be changed.
    """

    power_bank: AbstractPowerBank
    station: AbstractStation
    slot: AbstractStationSlot | None
    occurred_at: datetime
    received_at: datetime
    was_rented: bool
    source: Source
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBankMissing:
    """Two snapshots in a row lacked a bank that was at ``station``; its station is cleared now."""

    power_bank: AbstractPowerBank
    station: AbstractStation
    missing_since: datetime
    received_at: datetime
