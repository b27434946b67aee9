"""Snapshots over HTTP: gunicorn with two workers, ours beside other ways, all in one run.

``python -m benchmarks.end_to_end`` prints tables; ``--write`` puts them into docs/explanation/performance.md.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterator

from benchmarks import stage

stage.prepare()

# All of these need the settings.
from django.db import connection

from benchmarks import http, report, server, snapshots
from benchmarks.in_process import wrong

FLEET = 2000
"""Stations in the tables beside those that are measured."""

STATIONS = 40
"""Stations of each way and size, taken in turn: more than requests at once."""

AT_ONCE = 6
"""Connections at once."""

WAYS = {
    "nothing": ("/nothing", "a view that does nothing: web server and client"),
    "floor": ("/floor", report.TITLES["floor"]),
    "floor again": ("/floor", report.TITLES["floor again"]),
    "per row": ("/per_row", report.TITLES["per row"]),
    "bulk": ("/bulk", report.TITLES["bulk"]),
    "ours": ("/stations/data", report.TITLES["ours"]),
}


class Run:
    """Requests a second by (size, way), slice by slice, and the seconds of each request."""

    def __init__(self, served: server.Server, sizes: list[int], token: str, slice_: int) -> None:
        self.served, self.sizes, self.token, self.slice = served, sizes, token, slice_
        self.turn = 0
        self.rates: dict[tuple[int, str], list[float]] = {}
        self.each: dict[tuple[int, str], list[float]] = {}
        self.last: dict[tuple[int, str], list[bytes]] = {}

    def play(self, way: str, size: int, count: int) -> tuple[float, list[float]]:
        """Send that many changed snapshots of a way's own stations."""
        first = list(WAYS).index(way) * STATIONS
        bodies = []
        for index in range(count):
            self.turn += index % STATIONS == 0
            bodies.append(snapshots.body(first + index % STATIONS, size, self.turn))
        self.last[size, way] = bodies[-STATIONS:]
        path = WAYS[way][0]
        requests = [http.signed(body, path, self.served.port, self.token) for body in bodies]
        return http.play(self.served.port, requests, AT_ONCE)

    def measure(self, rounds: int) -> None:
        for _ in range(rounds):
            for size in random.sample(self.sizes, len(self.sizes)):
                for way in random.sample(list(WAYS), len(WAYS)):
                    seconds, each = self.play(way, size, self.slice)
                    self.rates.setdefault((size, way), []).append(self.slice / seconds)
                    self.each.setdefault((size, way), []).extend(each)

    def warm_up(self) -> None:
        for size in self.sizes:
            for way in WAYS:
                self.play(way, size, 2 * STATIONS)

    def check(self) -> None:
        """Stop unless each way has stored the last snapshot of each station."""
        for (size, way), bodies in self.last.items():
            for body in bodies if way != "nothing" else []:
                if difference := wrong(body):
                    raise SystemExit(f"{way}, {size} slots: {difference}")

    def ratio(self, size: int, way: str) -> tuple[float, float, float]:
        """Return median, 10th and 90th percentile of a way's rate over the floor's."""
        pairs = zip(self.rates[size, way], self.rates[size, "floor"], strict=True)
        values = [a / b for a, b in pairs]
        tenths = statistics.quantiles(values, n=10, method="inclusive")
        return statistics.median(values), tenths[0], tenths[-1]

    def rows(self, size: int) -> Iterator[list[str]]:
        for way, (_, title) in WAYS.items():
            hundredths = statistics.quantiles(self.each[size, way], n=100)
            yield [
                title,
                report.spread(self.ratio(size, way)),
                f"{statistics.median(self.rates[size, way]):,.0f}",
                *(f"{1e3 * hundredths[place]:.1f}" for place in (49, 98)),
            ]

    def text(self, memory: list[tuple[float, float]]) -> str:
        head = ["", "times the floor's rate", "requests/s", "p50 ms", "p99 ms"]
        rounds = len(self.rates[self.sizes[0], "ours"])
        how = (
            f"gunicorn with {server.WORKERS} sync workers, {AT_ONCE} connections at once, a new one "
            f"for each request, {self.slice} requests in a slice."
        )
        parts = [f"{report.about(rounds)} {how}"]
        for size in self.sizes:
            parts += [f"### {size} slots, changed", report.table(head, self.rows(size))]
        (before, own_before), (after, own_after) = memory
        parts.append(
            f"A worker held {before:.0f} MB ({own_before:.0f} MB of its own) after its first "
            f"requests, and {after:.0f} MB ({own_after:.0f} MB) after all "
            f"{sum(map(len, self.each.values())):,} of both workers."
        )
        return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--sizes", default="8,48", help="slots (default: 8,48)")
    parser.add_argument("--slice", type=int, default=400, help="requests in a row of one way")
    parser.add_argument("--write", action="store_true", help="replace the tables of the page")
    options = parser.parse_args()
    with stage.database():
        stage.fill(FLEET)
        token = stage.bearer()
        with server.running(connection.settings_dict["NAME"]) as served:
            sizes = [int(size) for size in options.sizes.split(",")]
            run = Run(served, sizes, token, options.slice)
            run.warm_up()
            memory = [served.memory()]
            run.measure(options.rounds)
            memory.append(served.memory())
            run.check()
        tables = run.text(memory)
    print(tables)
    if options.write:
        report.write_section("end_to_end", tables)


if __name__ == "__main__":
    main()
