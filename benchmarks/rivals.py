"""Other ways to take a snapshot, each a whole view: verify, write the rows, keep an inbox row.

They check no order of events and no rule, and trust the payload's shape: what they leave out is in
their favour. Those that go row by row check the bearer, as a project of theirs would; the others do
not. Each applies a snapshot in one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from benchmarks import floor
from django_iot_ingest.models import IngestEvent
from fleet.models import PowerBank, Station, StationSlot

View = Callable[[HttpRequest], Any]
Row = dict[str, Any]

SLOT_COLUMNS = ("status", "battery_level", "slot_metadata")
BANK_COLUMNS = ("status", "battery_level", "hardware_info")
PLACE_COLUMNS = ("current_station_id", "current_slot_id")


def answer(event_id: int, slots: int, banks: int) -> JsonResponse:
    """Return what a gateway is told."""
    data = {"event_id": str(event_id), "slots_updated": slots, "powerbanks_updated": banks}
    return JsonResponse({"success": True, "data": data})


def keep(payload: Row, body: bytes) -> IngestEvent:
    """Write the inbox row of an applied snapshot."""
    now = timezone.now()
    return IngestEvent.objects.create(
        event_type="full",
        device_serial=payload["device"]["serial_number"],
        event_time=datetime.fromtimestamp(payload["timestamp"], UTC),
        received_at=now,
        applied_at=now,
        signed_at=0,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        state=IngestEvent.State.APPLIED,
        attempts=1,
    )


def station_columns(payload: Row) -> Row:
    """Return a station's columns, from the wire or from a serializer."""
    device = payload["device"]
    heartbeat = device["last_heartbeat"]
    names = ("imei", "status", "signal_strength", "wifi_ssid", "hardware_info")
    return {
        **{name: device[name] for name in names},
        "total_slots": payload["station"]["total_slots"],
        "last_heartbeat": parse_datetime(heartbeat) if isinstance(heartbeat, str) else heartbeat,
        "last_heard_at": timezone.now(),
        "last_full_at": datetime.fromtimestamp(payload["timestamp"], UTC),
    }


def picked(row: Row, names: Iterable[str]) -> Row:
    return {name: row[name] for name in names}


def written(write: Callable[[Row], tuple[int, int]], payload: Row, body: bytes) -> JsonResponse:
    """Write a snapshot and its inbox row in one transaction, and answer."""
    with transaction.atomic():
        counts = write(payload)
        event = keep(payload, body)
    return answer(event.pk, *counts)


# Row by row


def save(model: Any, key: Row, columns: Row) -> Any:
    """Find or create one row, set its columns, and save it."""
    row, _ = model.objects.get_or_create(**key, defaults=columns)
    for name, value in columns.items():
        setattr(row, name, value)
    row.save()
    return row


def update(model: Any, key: Row, columns: Row) -> Any:
    """Do the same by the ORM's own name for it."""
    return model.objects.update_or_create(**key, defaults=columns)[0]


def write_rows(payload: Row, store: Callable[[Any, Row, Row], Any]) -> tuple[int, int]:
    """Store the station, then each slot, then each bank in the slot that has its number."""
    serial = {"serial_number": payload["device"]["serial_number"]}
    station = store(Station, serial, station_columns(payload))
    for row in payload["slots"]:
        key = {"station": station, "slot_number": row["slot_number"]}
        store(StationSlot, key, picked(row, SLOT_COLUMNS))
    for row in payload["power_banks"]:
        slot = StationSlot.objects.get(station=station, slot_number=row["current_slot"])
        place = {"current_station": station, "current_slot": slot}
        key = {"serial_number": row["serial_number"]}
        store(PowerBank, key, {**picked(row, BANK_COLUMNS), **place})
    return len(payload["slots"]), len(payload["power_banks"])


def check_bearer(request: HttpRequest) -> None:
    """Ask for the token's user, as REST framework does for each request, and for an admin."""
    found = JWTAuthentication().authenticate(Request(request))
    if found is None or not found[0].is_staff:
        raise PermissionError


def per_row(request: HttpRequest) -> JsonResponse:
    """The simple way: ``get_or_create`` and ``save`` for each row."""
    check_bearer(request)
    body = floor.verified_body(request)
    return written(lambda payload: write_rows(payload, save), json.loads(body), body)


# Serializers


class DeviceSerializer(serializers.Serializer[Any]):
    serial_number = serializers.CharField(max_length=64)
    imei = serializers.CharField(max_length=64)
    status = serializers.ChoiceField(Station.Status.choices)
    signal_strength = serializers.CharField(max_length=64, allow_blank=True)
    wifi_ssid = serializers.CharField(allow_blank=True)
    last_heartbeat = serializers.DateTimeField()
    hardware_info = serializers.JSONField()


class CabinetSerializer(serializers.Serializer[Any]):
    total_slots = serializers.IntegerField(min_value=0)


class SlotSerializer(serializers.Serializer[Any]):
    slot_number = serializers.IntegerField(min_value=0, max_value=255)
    status = serializers.ChoiceField(StationSlot.Status.choices)
    battery_level = serializers.IntegerField(min_value=0, max_value=100)
    power_bank_serial = serializers.CharField(max_length=64, required=False)
    slot_metadata = serializers.JSONField()


class BankSerializer(serializers.Serializer[Any]):
    serial_number = serializers.CharField(max_length=64)
    status = serializers.ChoiceField(PowerBank.Status.choices)
    battery_level = serializers.IntegerField(min_value=0, max_value=100)
    current_slot = serializers.IntegerField(min_value=0, max_value=255)
    hardware_info = serializers.JSONField()


class SnapshotSerializer(serializers.Serializer[Any]):
    """A snapshot, nested as it is sent."""

    type = serializers.ChoiceField(["full"])
    timestamp = serializers.IntegerField()
    device = DeviceSerializer()
    station = CabinetSerializer()
    slots = SlotSerializer(many=True)
    power_banks = BankSerializer(many=True)

    def create(self, validated_data: Row) -> tuple[int, int]:
        return write_rows(validated_data, update)


def nested_serializers(request: HttpRequest) -> JsonResponse:
    """Nested serializers, and ``update_or_create`` for each row."""
    check_bearer(request)
    body = floor.verified_body(request)
    serializer = SnapshotSerializer(data=json.loads(body))
    serializer.is_valid(raise_exception=True)
    return written(serializer.create, serializer.validated_data, body)


# The ORM's set statements


def comparable(value: Any) -> Any:
    """Return a value without ``last_updated``, which by itself is no change."""
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name != "last_updated"}


def changed(known: dict[Any, Any], rows: dict[Any, Any], columns: Iterable[str]) -> list[Any]:
    """Return the rows that are new or differ from the known ones."""
    names = list(columns)

    def state(row: Any) -> list[Any]:
        return [comparable(getattr(row, name)) for name in names]

    return [row for key, row in rows.items() if key not in known or state(row) != state(known[key])]


def write_bulk(payload: Row) -> tuple[int, int]:
    """Read, compare, and write what changed by one statement for each table."""
    serial = payload["device"]["serial_number"]
    columns = station_columns(payload)
    station = Station.objects.select_for_update().filter(serial_number=serial).first()
    station = station or Station(serial_number=serial)
    for name, value in columns.items():
        setattr(station, name, value)
    station.save()
    slots = bulk_slots(station, payload["slots"])
    return slots[0], bulk_banks(station, payload["power_banks"], slots[1])


def bulk_slots(station: Station, reported: list[Row]) -> tuple[int, dict[int, StationSlot]]:
    """Write the slots that changed; return how many, and all slots of the station."""
    known = {slot.slot_number: slot for slot in StationSlot.objects.filter(station=station)}
    names = ("slot_number", *SLOT_COLUMNS)
    rows = {
        row["slot_number"]: StationSlot(station=station, **picked(row, names)) for row in reported
    }
    news = changed(known, rows, SLOT_COLUMNS)
    unique = ["station", "slot_number"]
    StationSlot.objects.bulk_create(
        news, update_conflicts=True, unique_fields=unique, update_fields=SLOT_COLUMNS
    )
    return len(news), {**known, **{slot.slot_number: slot for slot in news}}


def bulk_banks(station: Station, reported: list[Row], slots: dict[int, StationSlot]) -> int:
    """Write the banks that changed; return how many."""
    serials = [row["serial_number"] for row in reported]
    known = {
        bank.serial_number: bank for bank in PowerBank.objects.filter(serial_number__in=serials)
    }
    names = ("serial_number", *BANK_COLUMNS)
    rows = {
        row["serial_number"]: PowerBank(
            current_station=station, current_slot=slots[row["current_slot"]], **picked(row, names)
        )
        for row in reported
    }
    news = changed(known, rows, (*BANK_COLUMNS, *PLACE_COLUMNS))
    PowerBank.objects.bulk_create(
        news,
        update_conflicts=True,
        unique_fields=["serial_number"],
        update_fields=[*BANK_COLUMNS, "current_station", "current_slot"],
    )
    return len(news)


def bulk(request: HttpRequest) -> JsonResponse:
    """Read, compare, ``bulk_create(update_conflicts=True)``."""
    body = floor.verified_body(request)
    return written(write_bulk, json.loads(body), body)


# The floor's statement on Django's connection


def statement(cursor: Any, body: bytes) -> JsonResponse:
    """Execute the floor's statement, and answer."""
    sha256 = hashlib.sha256(body).hexdigest()
    cursor.execute(floor.UPSERT, {"body": body.decode(), "raw": body, "sha256": sha256})
    event_id, result = cursor.fetchone()
    result = json.loads(result) if isinstance(result, str) else result
    return answer(event_id, result["slots_updated"], result["powerbanks_updated"])


def one_statement(request: HttpRequest) -> JsonResponse:
    """One parameterised statement through Django's cursor, not prepared, in autocommit."""
    body = floor.verified_body(request)
    with connection.cursor() as cursor:
        return statement(cursor, body)


def one_prepared(request: HttpRequest) -> JsonResponse:
    """The same, prepared, inside ``atomic()``."""
    body = floor.verified_body(request)
    connection.ensure_connection()
    raw = connection.connection
    threshold = raw.prepare_threshold
    with transaction.atomic():
        raw.prepare_threshold = 0
        try:
            with connection._prepare_cursor(psycopg.Cursor(raw)) as cursor:
                return statement(cursor, body)
        finally:
            raw.prepare_threshold = threshold
