"""A snapshot of ours among 1,000 stations and among 100,000, in one run, on PostgreSQL.

``python -m benchmarks.growth`` prints tables; ``--write`` puts them into docs/explanation/performance.md.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator

from benchmarks import stage

FLEETS = {"default": 1_000, "large": 100_000}
"""Stations by database; eight slots and seven banks each."""

EVENTS = 10
"""Applied events in the inbox for each station."""

KINDS = ("changed", "unchanged")


class Run:
    """Seconds by (kind, database), round by round; no station is measured twice."""

    def __init__(self, rounds: int, token: str) -> None:
        from django_iot_ingest.views import StationDataInternalView

        self.view = StationDataInternalView.as_view()
        self.token = token
        self.rounds = rounds
        self.seconds: dict[tuple[str, str], list[float]] = {}
        self.stations = {
            using: random.sample(range(1, count + 1), min(rounds + 20, count))
            for using, count in FLEETS.items()
        }

    def take(self, using: str, number: int, turn: int) -> float:
        from benchmarks import snapshots

        told = snapshots.encode(snapshots.payload(f"F{number}", 8, turn))
        request = snapshots.request(told, self.token)
        with stage.chosen(using):
            began = time.perf_counter()
            response = self.view(request)
            taken = time.perf_counter() - began
        if response.status_code != 200 or b'"applied"' not in response.content:
            raise SystemExit(f"{using}: {response.content!r}")
        return taken

    def measure(self) -> None:
        for turn in range(self.rounds + 20):
            for kind in KINDS:
                for using in random.sample(list(FLEETS), len(FLEETS)):
                    seconds = self.take(using, self.stations[using][turn], turn)
                    if turn >= 20:  # the first ones prepare statements
                        self.seconds.setdefault((kind, using), []).append(seconds)

    def rows(self) -> Iterator[list[str]]:
        from benchmarks import report

        for kind in KINDS:
            small, large = (self.seconds[kind, using] for using in FLEETS)
            middle = statistics.median(large) / statistics.median(small)
            pairs = [a / b for a, b in zip(large, small, strict=True)]
            tenths = statistics.quantiles(pairs, n=10, method="inclusive")
            spread = f"{report.figure(tenths[0])}–{report.figure(tenths[-1])}"
            times = [f"{1e3 * statistics.median(values):.2f}" for values in (small, large)]
            yield [kind, report.figure(middle), spread, *times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--write", action="store_true", help="replace the table of the page")
    options = parser.parse_args()
    os.environ["BENCH_LARGE"] = "1"
    stage.prepare()

    # All of these need the settings.
    from benchmarks import report

    with stage.database("large"):
        for using, stations in FLEETS.items():
            stage.fill(stations, events=EVENTS * stations, using=using)
            with stage.chosen(using):
                token = stage.bearer()
        run = Run(options.rounds, token)
        run.measure()
        head = ["8 slots", "100,000 : 1,000", "10th to 90th percentile of pairs", "ms", "ms, large"]
        about = (
            f"{report.about(options.rounds)} Each snapshot is of a station of its own, drawn from "
            f"the whole fleet; the inbox has {EVENTS} applied events for each station."
        )
        tables = f"{about}\n\n{report.table(head, run.rows())}"
    print(tables)
    if options.write:
        report.write_section("growth", tables)


if __name__ == "__main__":
    main()
