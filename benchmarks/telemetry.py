"""What counting and tracing cost one snapshot, side by side in one run, on PostgreSQL.

``python -m benchmarks.telemetry`` prints a table; ``--write`` puts it into docs/how-to/observability.md.
Events are logged at INFO throughout, into nothing.
"""

from __future__ import annotations

import argparse
import io
import logging
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from benchmarks import stage

stage.prepare()

# All of these need the settings.
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from benchmarks import report, snapshots
from django_iot_ingest import journal, telemetry
from django_iot_ingest.metrics.recorder import Recorder
from django_iot_ingest.tracing import Tracing
from django_iot_ingest.views import StationDataInternalView
from tests import observability

SIZE = 24
"""Slots of the station."""

WARM_UP = 100


def bare_step(name: str, **about: Any) -> telemetry.Step:
    return telemetry.NOTHING


def bare_line(event_type: str, device_serial: str, *, state: str, **about: Any) -> None:
    line = "StationSyncService: %s event of %s is %s"
    journal.logger.info(line, event_type, device_serial, state)


BARE = "neither seam nor fields: what it was without"

WAYS: dict[str, tuple[telemetry.Backend, ...]] = {
    BARE: (),
    "the same again (the noise)": (),
    "without extras: fields, and steps that do nothing": (),
    "`tracing`, no SDK": (Tracing(),),
    "`metrics`": (Recorder(CollectorRegistry()),),
    "`metrics` and `tracing`, an SDK that exports nothing": (
        Recorder(CollectorRegistry()),
        Tracing(TracerProvider()),
    ),
}


@contextmanager
def used(way: str) -> Iterator[None]:
    """Tell those whom a way tells until the end of the block."""
    is_bare = list(WAYS).index(way) < 2
    step, line = (bare_step, bare_line) if is_bare else (telemetry.step, journal.tell)
    with (
        mock.patch.object(telemetry, "step", step),
        mock.patch.object(journal, "tell", line),
        mock.patch.object(telemetry, "_backends", WAYS[way]),
    ):
        yield


def measure(rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Return the seconds of each way, round by round, each round in an order of its own."""
    view, token = StationDataInternalView.as_view(), stage.bearer()
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(rounds + WARM_UP):
        for way in random.sample(list(WAYS), len(WAYS)):
            request = snapshots.request(snapshots.body(1, SIZE, 1), token)
            with used(way):
                began = clock()
                response = view(request)
                seconds = clock() - began
            if response.status_code != 200:
                raise SystemExit(f"{way}: {response.content!r}")
            if turn >= WARM_UP:
                taken[way].append(seconds)
    return taken


def table(taken: dict[str, list[float]]) -> str:
    base = statistics.median(taken[BARE])
    rows = []
    for way, seconds in taken.items():
        middle = statistics.median(seconds)
        rows.append([way, f"{1e3 * middle:.3f}", f"{middle / base:.3f}"])
    return report.table(["", "ms of CPU", "ratio"], iter(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--write", action="store_true", help="replace the table of the page")
    options = parser.parse_args()
    logger = logging.getLogger("django_iot_ingest")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    with stage.database():
        taken = measure(options.rounds, time.process_time)
        text = f"{report.about(options.rounds)}\n\n{table(taken)}"
    print(text)
    if options.write:
        page = observability.PAGE
        page.write_text(observability.written(page.read_text(), "cost", text))


if __name__ == "__main__":
    main()
