"""The floor of draining: set statements over a batch of kept bodies, on psycopg's own connection.

As in ``floor``, with no order, no rules and no hooks: what PostgreSQL costs to take a batch.
"""

from __future__ import annotations

from benchmarks import stage

WAITING = """
SELECT id, convert_from(body, 'UTF8') FROM django_iot_ingest_ingestevent
WHERE state = 'received' AND device_serial = ANY(%(serials)s) ORDER BY id FOR UPDATE SKIP LOCKED
"""

UPSERT = """
WITH p AS MATERIALIZED (
    SELECT b, b->'device'->>'serial_number' AS serial FROM jsonb_array_elements(%(bodies)s::jsonb) b
), station AS (
    INSERT INTO fleet_station AS s (
        serial_number, imei, status, total_slots, signal_strength, wifi_ssid, hardware_info,
        last_heartbeat, last_heard_at, last_full_at, out_of_service, name, address, opening_hours)
    SELECT d.serial_number, d.imei, d.status, (p.b->'station'->>'total_slots')::int,
        d.signal_strength, d.wifi_ssid, d.hardware_info, d.last_heartbeat, now(),
        to_timestamp((p.b->>'timestamp')::bigint), false, '', '', ''
    FROM p, jsonb_to_record(p.b->'device') AS d(
        serial_number text, imei text, status text, signal_strength text, wifi_ssid text,
        hardware_info jsonb, last_heartbeat timestamptz)
    ORDER BY d.serial_number
    ON CONFLICT (serial_number) DO UPDATE SET
        imei = excluded.imei, status = excluded.status, total_slots = excluded.total_slots,
        signal_strength = excluded.signal_strength, wifi_ssid = excluded.wifi_ssid,
        hardware_info = excluded.hardware_info, last_heartbeat = excluded.last_heartbeat,
        last_heard_at = excluded.last_heard_at, last_full_at = excluded.last_full_at
    RETURNING s.id, s.serial_number
), slots AS (
    INSERT INTO fleet_stationslot AS s (
        station_id, slot_number, status, battery_level, slot_metadata, out_of_service, label)
    SELECT station.id, r.slot_number, r.status, r.battery_level, r.slot_metadata, false, ''
    FROM p JOIN station ON station.serial_number = p.serial, jsonb_to_recordset(p.b->'slots') AS r(
        slot_number int, status text, battery_level int, slot_metadata jsonb)
    ON CONFLICT (station_id, slot_number) DO UPDATE SET
        status = excluded.status, battery_level = excluded.battery_level,
        slot_metadata = excluded.slot_metadata
    WHERE (s.status, s.battery_level, s.slot_metadata)
        IS DISTINCT FROM (excluded.status, excluded.battery_level, excluded.slot_metadata)
    RETURNING s.id, s.station_id, s.slot_number
), banks AS (
    INSERT INTO fleet_powerbank AS b (
        serial_number, status, battery_level, hardware_info, current_station_id, current_slot_id,
        out_of_service)
    SELECT r.serial_number, r.status, r.battery_level, r.hardware_info, station.id, slots.id, false
    FROM p JOIN station ON station.serial_number = p.serial,
        jsonb_to_recordset(p.b->'power_banks') AS r(
            serial_number text, status text, battery_level int, hardware_info jsonb,
            current_slot int)
        JOIN slots ON slots.slot_number = r.current_slot
    WHERE slots.station_id = station.id
    ORDER BY r.serial_number
    ON CONFLICT (serial_number) DO UPDATE SET
        status = excluded.status, battery_level = excluded.battery_level,
        hardware_info = excluded.hardware_info, current_station_id = excluded.current_station_id,
        current_slot_id = excluded.current_slot_id
    WHERE (b.status, b.battery_level, b.hardware_info, b.current_station_id, b.current_slot_id)
        IS DISTINCT FROM (excluded.status, excluded.battery_level, excluded.hardware_info,
            excluded.current_station_id, excluded.current_slot_id)
)
UPDATE django_iot_ingest_ingestevent SET state = 'applied', attempts = 1, applied_at = now()
WHERE id = ANY(%(ids)s)
"""


def drain(serials: list[str]) -> None:
    """Take the waiting snapshots of these stations, one of each, in one transaction."""
    connection = stage.own_connection()
    with connection.transaction():
        rows = connection.execute(WAITING, {"serials": serials}, prepare=True).fetchall()
        ids = [row[0] for row in rows]
        bodies = f"[{','.join(row[1] for row in rows)}]"
        connection.execute(UPSERT, {"bodies": bodies, "ids": ids}, prepare=True)
