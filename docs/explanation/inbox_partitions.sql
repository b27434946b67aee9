-- Turn the inbox into partitions (PostgreSQL; tested on 15). See scale.md, "The inbox in partitions".
--
-- Rows with a dedup_key - returns, and what was refused - stay together in one table, where the key
-- is unique as before. All others are in a table a day, which is dropped as a whole.
-- Run it in one transaction: psql --single-transaction, or a RunSQL migration of an app of yours that
-- depends on ("django_iot_ingest", "0001_initial").

ALTER TABLE django_iot_ingest_ingestevent RENAME TO django_iot_ingest_ingestevent_before;
ALTER INDEX iot_ingest_state_received RENAME TO iot_ingest_state_received_before;
ALTER INDEX iot_ingest_serial_received RENAME TO iot_ingest_serial_received_before;
ALTER INDEX iot_ingest_power_bank RENAME TO iot_ingest_power_bank_before;

CREATE TABLE django_iot_ingest_ingestevent (
    LIKE django_iot_ingest_ingestevent_before INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS
) PARTITION BY LIST ((dedup_key IS NULL));

CREATE TABLE django_iot_ingest_ingestevent_keyed
    PARTITION OF django_iot_ingest_ingestevent (PRIMARY KEY (id), UNIQUE (dedup_key))
    FOR VALUES IN (false);

-- The CHECK lets a search by key pass over all days.
CREATE TABLE django_iot_ingest_ingestevent_days
    PARTITION OF django_iot_ingest_ingestevent (PRIMARY KEY (id, received_at), CHECK (dedup_key IS NULL))
    FOR VALUES IN (true) PARTITION BY RANGE (received_at);

-- What has no day's table: days that nobody made in time, and what was not applied when its day went.
CREATE TABLE django_iot_ingest_ingestevent_other
    PARTITION OF django_iot_ingest_ingestevent_days DEFAULT;

CREATE INDEX iot_ingest_state_received ON django_iot_ingest_ingestevent (state, received_at);
CREATE INDEX iot_ingest_serial_received ON django_iot_ingest_ingestevent (device_serial, received_at);
CREATE INDEX iot_ingest_power_bank ON django_iot_ingest_ingestevent (power_bank_serial);

-- Make the tables of some days (UTC) that have none yet; return how many were made.
-- Both functions wait a second for their locks and then fail: run them again.
CREATE FUNCTION iot_inbox_add_days(first date, days integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    day date;
    name text;
    begins timestamptz;
    made integer := 0;
BEGIN
    FOR day IN SELECT first + n FROM generate_series(0, days - 1) n LOOP
        name := 'django_iot_ingest_ingestevent_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        begins := day::timestamp AT TIME ZONE 'UTC';
        LOCK TABLE django_iot_ingest_ingestevent_other IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE django_iot_ingest_ingestevent_days INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format(
            'WITH late AS (DELETE FROM django_iot_ingest_ingestevent_other'
            ' WHERE received_at >= $1 AND received_at < $2 RETURNING *) INSERT INTO %I SELECT * FROM late', name)
            USING begins, begins + interval '24 hours';
        EXECUTE format(
            'ALTER TABLE django_iot_ingest_ingestevent_days ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, begins, begins + interval '24 hours');
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Drop the tables of the days before one; return how many rows were kept, since they are not applied.
CREATE FUNCTION iot_inbox_drop_before(first_kept date) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '1s' SET enable_seqscan = off AS $$
DECLARE
    name text;
    moved bigint;
    kept bigint := 0;
BEGIN
    FOR name IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'django_iot_ingest_ingestevent_days'::regclass
            AND relname < 'django_iot_ingest_ingestevent_' || to_char(first_kept, 'YYYYMMDD')
        ORDER BY relname
    LOOP
        EXECUTE format('ALTER TABLE django_iot_ingest_ingestevent_days DETACH PARTITION %I', name);
        -- Whatever is neither applied nor stale, by the index on the state.
        EXECUTE format(
            'INSERT INTO django_iot_ingest_ingestevent_days SELECT * FROM %I WHERE state < ''applied'''
            ' OR (state > ''applied'' AND state < ''stale'') OR state > ''stale''', name);
        GET DIAGNOSTICS moved = ROW_COUNT;
        kept := kept + moved;
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
    RETURN kept;
END $$;

-- Keys, and whatever is not applied, move at once. Applied snapshots stay in the table of before, for
-- whoever wants to look: drop it when KEEP_EVENTS_DAYS have passed.
SELECT iot_inbox_add_days((now() AT TIME ZONE 'UTC')::date, 7);
INSERT INTO django_iot_ingest_ingestevent
    SELECT * FROM django_iot_ingest_ingestevent_before
    WHERE dedup_key IS NOT NULL OR state NOT IN ('applied', 'stale');
SELECT setval(
    pg_get_serial_sequence('django_iot_ingest_ingestevent', 'id'),
    (SELECT coalesce(max(id), 0) + 1 FROM django_iot_ingest_ingestevent_before), false
);
