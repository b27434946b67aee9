"""A fleet that reports at a rate, over HTTP: what two workers hold, and how late answers are.

``python -m benchmarks.fleet --rate 833 --minutes 10``; ``--search`` finds the highest rate whose
99th percentile is under 200 ms, and then holds it. A million stations that report every 20 minutes
are 833 snapshots a second. ``--write`` puts the tables into docs/explanation/performance.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from benchmarks import stage, tuned

if __name__ == "__main__" and "BENCH_TUNED" not in os.environ:
    sys.exit(tuned.run("benchmarks.fleet", sys.argv[1:]))

stage.prepare()

# All of these need the settings.
from django.db import connection

from benchmarks import http, report, server, snapshots
from django_iot_ingest.models import IngestEvent
from tests.payloads import returned, status

STATIONS = 100_000
"""Stations in the tables: 20% have 4 slots, 60% have 8, 15% have 24, 5% have 48."""

SENDERS = 48
"""Requests that may be under way at once, as the gateway's threads are."""

LIMIT = 0.2
"""Seconds that the 99th percentile may take."""

TRIAL = 12.0
"""Seconds of each trial of the search."""

WARM_UP = 20.0
"""Seconds before: the first snapshot of a station meets a cold cache."""

URL = "/stations/data"

OWN = b"OWN-SERIAL"
"""Stands for the station in a ``template``."""


class Fleet:
    """What is sent: snapshots of stations in turn, of which every second changes every row; 1%
    returns, 0.5% status events; 1% of all is sent twice."""

    def __init__(self) -> None:
        self.order = random.sample(range(1, STATIONS + 1), STATIONS)
        self.bodies = self._bodies()
        self.guard = threading.Lock()
        self.returns: set[bytes] = set()

    def next(self) -> bytes:
        with self.guard:
            return next(self.bodies)

    def _bodies(self) -> Iterator[bytes]:
        for turn in itertools.count():
            for number in self.order:
                body = self._body(number, turn)
                yield body
                if random.random() < 0.01:
                    yield body

    def _body(self, number: int, turn: int) -> bytes:
        serial, chance = f"F{number}", random.random()
        if chance < 0.01:
            body = snapshots.encode(returned(f"{serial}-1", 1, serial=serial, at=time.time()))
            self.returns.add(body)
            return body
        if chance < 0.015:
            return snapshots.encode(status(serial=serial))
        told = template(stage.size_in_fleet(number), turn + number % 2, int(time.time()))
        return told.replace(OWN, serial.encode())


@lru_cache(maxsize=64)
def template(size: int, turn: int, second: int) -> bytes:
    """Return a snapshot of this second in which ``OWN`` stands for the station: the client shares
    the cores with what is measured."""
    return snapshots.encode(snapshots.payload(OWN.decode(), size, turn))


class Phase:
    """One rate, held for some seconds. Arrivals keep to the schedule whatever the answers do, and
    an answer is as late as it comes after that: nothing is left out because it waited."""

    def __init__(self, served: server.Server, fleet: Fleet, token: str, rate: float) -> None:
        self.served, self.fleet, self.token, self.rate = served, fleet, token, rate
        self.next = itertools.count()
        self.late: list[tuple[float, float]] = []
        self.answers: Counter[str] = Counter()
        self.backlog: list[int] = []
        self.waiting: list[int] = []

    def hold(self, seconds: float) -> None:
        self.count = int(self.rate * seconds)
        self.began = time.perf_counter() + 0.2
        watching = threading.Thread(target=self._watch, daemon=True)
        watching.start()
        with ThreadPoolExecutor(SENDERS) as pool:
            for future in [pool.submit(self._send_all) for _ in range(SENDERS)]:
                future.result()
        self.seconds = time.perf_counter() - self.began
        watching.join()

    def _send_all(self) -> None:
        while (number := next(self.next)) < self.count:
            due = number / self.rate
            request = http.signed(self.fleet.next(), URL, self.served.port, self.token)
            time.sleep(max(due - (time.perf_counter() - self.began), 0))
            answer = http.exchange(self.served.port, request)
            self.late.append((due, time.perf_counter() - self.began - due))
            self.answers[outcome(answer)] += 1

    def _watch(self) -> None:
        """Once a second, count what is due and not answered, and what waits in the inbox."""
        kept = IngestEvent._meta.db_table
        sql = f"SELECT count(*) FROM {kept} WHERE state = 'received'"
        for second in itertools.count(1):
            time.sleep(max(self.began + second - time.perf_counter(), 0))
            due = min(int(second * self.rate), self.count)
            self.backlog.append(due - len(self.late))
            if second % 5 == 0:
                self.waiting.append(stage.own_connection().execute(sql).fetchone()[0])
            if due == self.count:
                return

    def percentile(self, place: int, begin: float = 0.0, end: float = 1e9) -> float:
        late = [seconds for due, seconds in self.late if begin <= due < end]
        return statistics.quantiles(late, n=100)[place - 1] if len(late) > 1 else 0.0

    def holds(self) -> bool:
        return self.percentile(99) < LIMIT and set(self.answers) <= FINE

    def rows(self) -> Iterator[list[str]]:
        length = max(60.0, len(self.backlog) / 10)
        for begin in range(0, len(self.backlog), int(length)):
            backlog = self.backlog[begin : begin + int(length)]
            part = begin, begin + length
            yield [
                f"{begin / 60:.0f} to {min(part[1], len(self.backlog)) / 60:.1f}",
                *(f"{1e3 * self.percentile(place, *part):.0f}" for place in (50, 95, 99)),
                str(max(backlog)),
                str(max(self.waiting[begin // 5 : int(part[1]) // 5], default=0)),
            ]

    def text(self) -> str:
        told = ", ".join(f"{count:,} {name}" for name, count in sorted(self.answers.items()))
        head = ["minutes", "p50 ms", "p95 ms", "p99 ms", "largest backlog", "waiting in the inbox"]
        achieved = len(self.late) / self.seconds
        return (
            f"{self.rate:.0f} requests a second for {self.seconds / 60:.1f} minutes; "
            f"{achieved:.0f} a second were answered: {told}. Over all: p50 "
            f"{1e3 * self.percentile(50):.0f} ms, p95 {1e3 * self.percentile(95):.0f} ms, p99 "
            f"{1e3 * self.percentile(99):.0f} ms, largest backlog {max(self.backlog)}, at the end "
            f"{self.backlog[-1]}.\n\n{report.table(head, self.rows())}"
        )


FINE = {"200 applied", "200 duplicate", "200 stale", "200 queued"}


def outcome(answer: bytes) -> str:
    """Return the status code and the state that an answer tells."""
    code = http.status_of(answer)
    body = answer[answer.find(b"{") : answer.rfind(b"}") + 1]  # whether it is in chunks or not
    data = json.loads(body).get("data", {}) if code == 200 else {}
    return f"{code} {data.get('state', '')}".strip()


def search(served: server.Server, fleet: Fleet, token: str, highest: float) -> float:
    """Return the highest rate, to 5%, that is held in a short trial; a quarter at least."""
    low, high = highest / 4, highest
    while high / low > 1.05:
        rate = (low * high) ** 0.5
        phase = Phase(served, fleet, token, rate)
        phase.hold(TRIAL)
        print(f"{rate:.0f}/s: p99 {1e3 * phase.percentile(99):.0f} ms, {dict(phase.answers)}")
        low, high = (rate, high) if phase.holds() else (low, rate)
        time.sleep(2)
    return low


def check(fleet: Fleet) -> str:
    """Return how often returns were applied; stop if one was not, or more than once."""
    kept = IngestEvent.objects.filter(event_type="returned", dedup_key__isnull=False)
    states = Counter(kept.values_list("state", flat=True))
    if set(states) - {"applied"} or states["applied"] != len(fleet.returns):
        raise SystemExit(f"{len(fleet.returns)} returns were sent: {states}")
    return f"{len(fleet.returns):,} different returns were sent, and each was applied once."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=833, help="requests a second, or the highest")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--search", action="store_true", help="find the rate up to --rate")
    parser.add_argument("--processing", choices=["inline", "deferred"], default="inline")
    parser.add_argument("--write", action="store_true", help="replace the tables of the page")
    options = parser.parse_args()
    with stage.database():
        stage.set_up_for_updates()
        stage.fill(STATIONS, size=stage.MIXED)
        stage.own_connection().execute("CHECKPOINT")  # writing the fleet itself is not measured
        token, fleet = stage.bearer(), Fleet()
        name = connection.settings_dict["NAME"]
        with server.running(name, BENCH_PROCESSING=options.processing) as served:
            Phase(served, fleet, token, 200).hold(WARM_UP)
            rate = options.rate
            if options.search:
                rate = search(served, fleet, token, options.rate)
            phase = Phase(served, fleet, token, rate)
            phase.hold(60 * options.minutes)
            resident, own = served.memory()
        how = (
            f"{report.about()} gunicorn with {server.WORKERS} sync workers, {options.processing}; "
            f"{STATIONS:,} stations in tables of fillfactor 90; up to {SENDERS} requests under way. "
            "PostgreSQL of its own: "
            f"{', '.join(f'{name} {value}' for name, value in tuned.SETTINGS.items())}."
        )
        parts = [how, phase.text()]
        if options.processing == "inline":
            parts.append(check(fleet))
        parts.append(f"In the end a worker held {resident:.0f} MB, {own:.0f} MB of its own.")
        tables = "\n\n".join(parts)
    print(tables)
    if options.write:
        report.write_section(f"fleet_{options.processing}", tables)


if __name__ == "__main__":
    main()
