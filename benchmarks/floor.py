"""The floor: one prepared statement on psycopg's own connection, behind a bare view.

It has no bearer, no inbox of states, no order, no hooks and no rules: it is what PostgreSQL and one
round trip cost, and nothing that a product could be.
"""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, JsonResponse

from benchmarks import stage
from django_iot_ingest.signing import verify
from tests.payloads import SECRET

UPSERT = """
WITH p AS MATERIALIZED (
    SELECT %(body)s::jsonb AS b
), station AS (
    INSERT INTO fleet_station AS s (
        serial_number, imei, status, total_slots, signal_strength, wifi_ssid, hardware_info,
        last_heartbeat, last_heard_at, last_full_at, out_of_service, name, address, opening_hours)
    SELECT d.serial_number, d.imei, d.status, (p.b->'station'->>'total_slots')::int, d.signal_strength,
        d.wifi_ssid, d.hardware_info, d.last_heartbeat, now(), to_timestamp((p.b->>'timestamp')::bigint),
        false, '', '', ''
    FROM p, jsonb_to_record(p.b->'device') AS d(
        serial_number text, imei text, status text, signal_strength text, wifi_ssid text,
        hardware_info jsonb, last_heartbeat timestamptz)
    ON CONFLICT (serial_number) DO UPDATE SET
        imei = excluded.imei, status = excluded.status, total_slots = excluded.total_slots,
        signal_strength = excluded.signal_strength, wifi_ssid = excluded.wifi_ssid,
        hardware_info = excluded.hardware_info, last_heartbeat = excluded.last_heartbeat,
        last_heard_at = excluded.last_heard_at, last_full_at = excluded.last_full_at
    RETURNING s.id
), slots AS (
    INSERT INTO fleet_stationslot AS s (
        station_id, slot_number, status, battery_level, slot_metadata, out_of_service, label)
    SELECT station.id, r.slot_number, r.status, r.battery_level, r.slot_metadata, false, ''
    FROM p, station, jsonb_to_recordset(p.b->'slots') AS r(
        slot_number int, status text, battery_level int, slot_metadata jsonb)
    ON CONFLICT (station_id, slot_number) DO UPDATE SET
        status = excluded.status, battery_level = excluded.battery_level,
        slot_metadata = excluded.slot_metadata
    WHERE (s.status, s.battery_level, s.slot_metadata)
        IS DISTINCT FROM (excluded.status, excluded.battery_level, excluded.slot_metadata)
    RETURNING s.id, s.slot_number
), banks AS (
    INSERT INTO fleet_powerbank AS b (
        serial_number, status, battery_level, hardware_info, current_station_id, current_slot_id,
        out_of_service)
    SELECT r.serial_number, r.status, r.battery_level, r.hardware_info, station.id,
        coalesce(slots.id, known.id), false
    FROM p CROSS JOIN station CROSS JOIN LATERAL jsonb_to_recordset(p.b->'power_banks') AS r(
            serial_number text, status text, battery_level int, hardware_info jsonb,
            current_slot int)
        LEFT JOIN slots ON slots.slot_number = r.current_slot
        LEFT JOIN LATERAL (SELECT k.id FROM fleet_stationslot k, station t
            WHERE k.station_id = t.id AND k.slot_number = r.current_slot) known ON true
    ORDER BY r.serial_number
    ON CONFLICT (serial_number) DO UPDATE SET
        status = excluded.status, battery_level = excluded.battery_level,
        hardware_info = excluded.hardware_info, current_station_id = excluded.current_station_id,
        current_slot_id = excluded.current_slot_id
    WHERE (b.status, b.battery_level, b.hardware_info, b.current_station_id, b.current_slot_id)
        IS DISTINCT FROM (excluded.status, excluded.battery_level, excluded.hardware_info,
            excluded.current_station_id, excluded.current_slot_id)
    RETURNING b.id
)
INSERT INTO django_iot_ingest_ingestevent (
    event_type, device_serial, power_bank_serial, event_time, received_at, signed_at, body, sha256,
    state, attempts, last_error_code, applied_at, result)
SELECT 'full', p.b->'device'->>'serial_number', '', now(), now(), 0,
    %(raw)s, %(sha256)s, 'applied', 1, '', now(),
    jsonb_build_object('slots_updated', (SELECT count(*) FROM slots),
                       'powerbanks_updated', (SELECT count(*) FROM banks))
FROM p
RETURNING id, result
"""


def verified_body(request: HttpRequest) -> bytes:
    """Return the body, if it is signed."""
    body = request.body
    meta = request.META
    if not verify(body, meta["HTTP_X_TIMESTAMP"], meta["HTTP_X_SIGNATURE"], [SECRET]):
        raise PermissionError
    return body


def view(request: HttpRequest) -> JsonResponse:
    """Verify and write."""
    body = verified_body(request)
    parameters = {"body": body.decode(), "raw": body, "sha256": hashlib.sha256(body).hexdigest()}
    row = stage.own_connection().execute(UPSERT, parameters, prepare=True).fetchone()
    assert row is not None
    return JsonResponse({"success": True, "data": {"event_id": str(row[0]), **row[1]}})
