"""One snapshot in process: ours beside other ways, all in one run, on PostgreSQL.

``python -m benchmarks.in_process`` prints tables; ``--write`` puts them into docs/explanation/performance.md,
with a plot. ``DATABASE_URL`` says on which server.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from benchmarks import stage

stage.prepare()

# All of these need the settings.
import psycopg
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from benchmarks import floor, report, rivals, snapshots
from django_iot_ingest import strict_json
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.views import StationDataInternalView
from fleet.models import PowerBank, Station, StationSlot

FLEET = 2000
"""Stations in the tables beside those that are measured."""

STATIONS = 7
"""Stations of each way and size, taken in turn."""

WARM_UP = 2 * STATIONS
"""Snapshots of each way and size before the clock runs: the first ones create the rows."""

KINDS = ("changed", "unchanged")

ours = StationDataInternalView.as_view()


def ours_without_orjson(request: HttpRequest) -> Any:
    """Ours, as it is where the extra ``speed`` is not installed."""
    kept, strict_json.orjson = strict_json.orjson, None
    try:
        return ours(request)
    finally:
        strict_json.orjson = kept


WAYS: dict[str, rivals.View] = {
    "floor": floor.view,
    "floor again": floor.view,
    "per row": rivals.per_row,
    "serializers": rivals.nested_serializers,
    "bulk": rivals.bulk,
    "statement": rivals.one_statement,
    "prepared": rivals.one_prepared,
    "ours": ours,
    "ours, standard": ours_without_orjson,
}
"""In the order of the tables; ``report.TITLES`` says what each is."""


@dataclass
class Run:
    """What was measured: seconds and statements by (kind, size, way)."""

    sizes: list[int]
    rounds: int
    token: str
    seconds: dict[tuple[str, int, str], list[float]] = field(default_factory=dict)
    statements: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def station(self, way: str, turn: int) -> int:
        """Return the station of a way that sends in this turn: each way has its own."""
        return list(WAYS).index(way) * STATIONS + turn % STATIONS

    def send(self, way: str, size: int, turn: int) -> tuple[float, bytes]:
        """Let one way take one snapshot; return the seconds, and what was sent."""
        body = snapshots.body(self.station(way, turn), size, turn)
        request = snapshots.request(body, self.token)
        began = time.perf_counter()
        response = WAYS[way](request)
        taken = time.perf_counter() - began
        if response.status_code != 200:
            raise SystemExit(f"{way}, {size} slots: {response.status_code} {response.content!r}")
        return taken, body

    def play(self, turn: int, keep: Callable[[str, int, str, float], None]) -> None:
        """Let every way take a changed snapshot, and the same again, in an order of chance."""
        for size in random.sample(self.sizes, len(self.sizes)):
            for kind in KINDS:
                for way in random.sample(list(WAYS), len(WAYS)):
                    keep(kind, size, way, self.send(way, size, turn)[0])

    def warm_up(self) -> None:
        for turn in range(WARM_UP):
            self.play(turn, lambda *_: None)

    def check(self, turn: int) -> None:
        """Stop unless each way stores what it is sent, changed and unchanged."""
        for size in self.sizes:
            for kind in KINDS:
                for way in WAYS:
                    with counted(way) as count:
                        _, body = self.send(way, size, turn)
                    self.count(kind, size, way, count())
                    if difference := wrong(body):
                        raise SystemExit(f"{way}, {size} slots, {kind}: {difference}")

    def count(self, kind: str, size: int, way: str, statements: int) -> None:
        """Keep the fewest: now and then a bearer's user is asked for again."""
        key = kind, size, way
        self.statements[key] = min(statements, self.statements.get(key, statements))

    def measure(self, turns: range) -> None:
        def keep(kind: str, size: int, way: str, seconds: float) -> None:
            self.seconds.setdefault((kind, size, way), []).append(seconds)

        for turn in turns:
            self.play(turn, keep)


class counted:
    """Count the statements of a way: Django's, or those of the floor's own connection."""

    def __init__(self, way: str) -> None:
        is_own = WAYS[way] is floor.view
        self.context: Any = Executed() if is_own else CaptureQueriesContext(connection)

    def __enter__(self) -> Callable[[], int]:
        self.context.__enter__()
        return lambda: len(self.context)

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(*error)


class Executed:
    """Count what psycopg's connections execute."""

    def __enter__(self) -> None:
        real = psycopg.Connection.execute
        self.patch = mock.patch.object(psycopg.Connection, "execute", autospec=True)
        self.execute = self.patch.start()
        self.execute.side_effect = real

    def __exit__(self, *_: object) -> None:
        self.patch.stop()

    def __len__(self) -> int:
        return int(self.execute.call_count)


# What has to be stored


def wrong(body: bytes) -> str:
    """Return what of a snapshot is not in the tables as it was sent, or nothing."""
    payload = json.loads(body)
    kept = IngestEvent.objects.filter(sha256=hashlib.sha256(body).hexdigest(), state="applied")
    if [bytes(event.body) for event in kept] != [body]:
        return "no inbox row"
    stored, sent = stored_rows(payload["device"]["serial_number"]), sent_rows(payload)
    return "" if stored == sent else f"stored {stored}, sent {sent}"


def sent_rows(payload: dict[str, Any]) -> list[Any]:
    """Return the rows that a snapshot says, in plain values."""
    device = payload["device"]
    serial = device["serial_number"]
    names = ("imei", "status", "signal_strength", "wifi_ssid", "hardware_info")
    slots = {
        row["slot_number"]: [
            row["status"],
            row["battery_level"],
            rivals.comparable(row["slot_metadata"]),
        ]
        for row in payload["slots"]
    }
    banks = {
        row["serial_number"]: [
            *(row[name] for name in rivals.BANK_COLUMNS),
            serial,
            row["current_slot"],
        ]
        for row in payload["power_banks"]
    }
    station = [*(device[name] for name in names), payload["station"]["total_slots"]]
    return [station, payload["timestamp"], slots, banks]


def stored_rows(serial: str) -> list[Any]:
    """Return the rows of a station in the same plain values."""
    station = Station.objects.get(serial_number=serial)
    slots = {
        slot.slot_number: [slot.status, slot.battery_level, rivals.comparable(slot.slot_metadata)]
        for slot in StationSlot.objects.filter(station=station)
    }
    banks = {
        bank.serial_number: [
            *(getattr(bank, name) for name in rivals.BANK_COLUMNS),
            bank.current_station.serial_number,
            bank.current_slot.slot_number,
        ]
        for bank in PowerBank.objects.filter(current_station=station).select_related()
    }
    names = ("imei", "status", "signal_strength", "wifi_ssid", "hardware_info", "total_slots")
    columns = [getattr(station, name) for name in names]
    return [columns, int(station.last_full_at.timestamp()), slots, banks]


# The run


def run(sizes: list[int], rounds: int) -> Run:
    """Warm up, check, measure, and check again."""
    found = Run(sizes, rounds, stage.bearer())
    found.warm_up()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    found.check(WARM_UP)
    found.measure(range(WARM_UP + 1, WARM_UP + 1 + rounds))
    found.check(WARM_UP + 1 + rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="of each size (default: 100)")
    parser.add_argument("--sizes", default="4,8,24,48", help="slots (default: 4,8,24,48)")
    parser.add_argument(
        "--write", action="store_true", help="into docs/explanation/performance.md, and .svg"
    )
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: two at least")
    if connection.vendor != "postgresql":
        parser.error("DATABASE_URL: the floor is PostgreSQL's")
    with stage.database():
        stage.fill(FLEET)
        found = run([int(size) for size in options.sizes.split(",")], options.rounds)
        text = report.text(found)
    print(text)
    if options.write:
        report.write(text, found)


if __name__ == "__main__":
    main()
