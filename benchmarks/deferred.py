"""Deferred mode on PostgreSQL: accepting, and draining what waits.

``python -m benchmarks.deferred`` prints tables; ``--write`` puts them into docs/explanation/performance.md.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks import stage

stage.prepare()

# All of these need the settings.
from django.conf import settings
from django.test import override_settings

from benchmarks import floor_of_many, report, snapshots
from benchmarks.in_process import wrong
from django_iot_ingest import bell, drain, ledger
from django_iot_ingest.event_types import read_receipt
from django_iot_ingest.events import Receipt
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.views import StationDataInternalView

FLEET = 2000
"""Stations in the tables beside those that are measured."""

STATIONS = 500
"""Stations of each way and size, of which one snapshot waits in each round."""

BATCH = 100
"""Stations that the floor takes in one transaction."""

Way = Callable[[int, int, int, str], float]
"""Take a snapshot of each station of (offset, size) in this turn; return the seconds."""

view = StationDataInternalView.as_view()
deferred = {"IOT_INGEST": {**settings.IOT_INGEST, "PROCESSING": "deferred"}}


def bodies(offset: int, size: int, turn: int) -> list[bytes]:
    return [snapshots.body(offset + index, size, turn) for index in range(STATIONS)]


def post_all(offset: int, size: int, turn: int, token: str) -> float:
    """Send each snapshot through the view."""
    requests = [snapshots.request(body, token) for body in bodies(offset, size, turn)]
    began = time.perf_counter()
    for request in requests:
        response = view(request)
        if response.status_code != 200:
            raise SystemExit(f"{response.status_code} {response.content!r}")
    return time.perf_counter() - began


def accept(offset: int, size: int, turn: int, token: str) -> float:
    """Send each through the view, which keeps them; they are drained off the clock."""
    with override_settings(**deferred):
        taken = post_all(offset, size, turn, token)
        drain.drain()
    return taken


def keep(offset: int, size: int, turn: int) -> None:
    """Put a snapshot of each station into the inbox, as accepting does."""
    rows = []
    for body in bodies(offset, size, turn):
        receipt = Receipt(body, int(time.time()), datetime.now(UTC))
        rows.append(ledger.new_row(receipt, read_receipt(receipt)[1], state="received"))
    IngestEvent.objects.bulk_create(rows)


def drained_by(work: Callable[[list[str]], Any]) -> Way:
    def way(offset: int, size: int, turn: int, token: str) -> float:
        keep(offset, size, turn)
        serials = [snapshots.serial(offset + index, size) for index in range(STATIONS)]
        with override_settings(**deferred):
            began = time.perf_counter()
            work(serials)
            return time.perf_counter() - began

    return way


def floor_in_batches(serials: list[str]) -> None:
    for start in range(0, STATIONS, BATCH):
        floor_of_many.drain(serials[start : start + BATCH])


WAYS: dict[str, tuple[str, Way]] = {
    "floor": (
        "floor: set statements over 100 kept bodies, psycopg's own connection",
        drained_by(floor_in_batches),
    ),
    "floor again": ("the floor again (the noise)", drained_by(floor_in_batches)),
    "drain": ("**ours**, drained: `iot_drain`", drained_by(lambda _: drain.drain())),
    "inline": ("ours, inline: through the view, applied before the answer", post_all),
    "accept": ("ours, deferred: through the view, kept and `queued`", accept),
}


class Run:
    """Seconds for all stations, by (size, way), round by round."""

    def __init__(self, sizes: list[int], rounds: int, token: str) -> None:
        self.sizes, self.rounds, self.token = sizes, rounds, token
        self.seconds: dict[tuple[int, str], list[float]] = {}

    def measure(self) -> None:
        for turn in range(self.rounds + 1):
            for size in random.sample(self.sizes, len(self.sizes)):
                for way in random.sample(list(WAYS), len(WAYS)):
                    self.take(way, size, turn)
            if not turn:
                stage.own_connection().execute("VACUUM ANALYZE")
            time.sleep(1)  # a snapshot of the same second as the last one is compared by itself

    def take(self, way: str, size: int, turn: int) -> None:
        offset = list(WAYS).index(way) * STATIONS
        taken = WAYS[way][1](offset, size, turn, self.token)
        if turn:  # the first one creates the rows
            self.seconds.setdefault((size, way), []).append(taken)
        if IngestEvent.objects.filter(state="received").exists():
            raise SystemExit(f"{way}: not everything was drained")

    def check(self) -> None:
        """Stop unless the newest snapshot of some stations is what the tables hold."""
        for event in IngestEvent.objects.order_by("-pk")[: 2 * STATIONS : 50]:
            if difference := wrong(bytes(event.body)):
                raise SystemExit(difference)

    def rate(self, size: int, way: str) -> float:
        return STATIONS / statistics.median(self.seconds[size, way])

    def ratio(self, size: int, way: str, base: str) -> tuple[float, float, float]:
        """Return median, 10th and 90th percentile of a way's rate over another's."""
        pairs = zip(self.seconds[size, base], self.seconds[size, way], strict=True)
        values = [a / b for a, b in pairs]
        tenths = statistics.quantiles(values, n=10, method="inclusive")
        return statistics.median(values), tenths[0], tenths[-1]

    def rows(self) -> Iterator[list[str]]:
        for way, (title, _) in WAYS.items():
            for size in self.sizes:
                ratios = [
                    report.spread(self.ratio(size, way, base)) for base in ("inline", "floor")
                ]
                yield [title, str(size), f"{self.rate(size, way):,.0f}", *ratios]

    def text(self) -> str:
        head = ["", "slots", "snapshots/s", "times inline", "times the floor of draining"]
        cells = report.table(head, self.rows())
        how = f"{STATIONS} stations in each round, in tables of fillfactor 90."
        return f"{report.about(self.rounds)} {how}\n\n{cells}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--sizes", default="8,48")
    parser.add_argument("--write", action="store_true", help="replace the tables of the page")
    options = parser.parse_args()
    with stage.database():
        stage.set_up_for_updates()
        stage.fill(FLEET)
        bell.ring = lambda: None  # the task is not measured: draining is begun here
        sizes = [int(size) for size in options.sizes.split(",")]
        run = Run(sizes, options.rounds, stage.bearer())
        run.measure()
        run.check()
        tables = run.text()
        print(tables)
        if options.write:
            report.write_section("deferred", tables)


if __name__ == "__main__":
    main()
