"""What a refusal costs, beside an event that is signed and applied.

``python -m benchmarks.unauthenticated`` prints a table; ``DATABASE_URL`` says on which database.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

# All of these need the settings.
from django.conf import settings
from django.db import connection
from django.test.client import FakePayload
from django.test.utils import CaptureQueriesContext, get_runner

from tests.line import Line
from tests.payloads import encode, status
from tests.security.strangers import STRANGERS, Door, Environ

APPLIED = "a signed event"
BODY = encode(status())
OLD = "1698345600"

Make = Callable[[int], Environ]


class Metered(FakePayload):
    """A body that counts the bytes that are read of it."""

    taken = 0

    def read(self, *args: Any) -> bytes:
        data = super().read(*args)
        self.taken += len(data)
        return data


def kinds(line: Line, door: Door) -> dict[str, Make]:
    """Return a maker of requests for each kind: strangers, those with a token, the gateway."""

    def stranger(changes: Make) -> Make:
        return lambda n: {**door.good, "wsgi.input": Metered(BODY), **changes(n)}

    def known(**said: Any) -> Make:
        def make(n: int) -> Environ:
            body = encode(status(("ONLINE", "OFFLINE")[n % 2]))
            return {**door.good, **line.environ(body=body, stream=Metered(body), **said)}

        return make

    return {
        **{one.what: stranger(one.changes) for one in STRANGERS},
        "a token of no admin": known(user="clerk"),
        "a token, and a wrong signature": known(secret="o" * 40),
        "a token, and an old signature": known(timestamp=OLD),
        APPLIED: known(),
    }


def measure(
    door: Door, makers: dict[str, Make], told: dict[str, str], rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of one request of each kind in each round, in an order of its own."""
    seconds: dict[str, list[float]] = {what: [] for what in makers}
    for n in range(-rounds // 10, rounds):
        for what in random.sample(list(makers), len(makers)):
            environ = makers[what](n % 97)
            began = time.perf_counter()
            response = door.ask(environ)
            taken = time.perf_counter() - began
            if not told[what].startswith(str(response.status_code)):
                raise SystemExit(f"{what}: {response.status_code}, and before: {told[what]}")
            if n >= 0:  # the others warm up
                seconds[what].append(taken)
    return seconds


def count(door: Door, make: Make) -> tuple[str, int, int]:
    """Return what one request is told, its statements (BEGIN and COMMIT too), its bytes read."""
    environ = make(1)
    with CaptureQueriesContext(connection) as queries:
        answer = door.answer(environ)
    return answer, len(queries), environ["wsgi.input"].taken


def ratios(seconds: list[float], base: list[float]) -> str:
    """Return the median of the rounds' ratios, and the 10th and 90th percentile."""
    deciles = statistics.quantiles([a / b for a, b in zip(seconds, base, strict=True)], n=10)
    return f"{deciles[4]:.3f} ({deciles[0]:.3f} to {deciles[8]:.3f})"


def rows(door: Door, makers: dict[str, Make], rounds: int) -> Iterator[list[str]]:
    counts = {what: count(door, make) for what, make in makers.items()}
    told = {what: answer for what, (answer, _, _) in counts.items()}
    seconds = measure(door, makers, told, rounds)
    for what, (answer, statements, taken) in counts.items():
        microseconds = f"{1e6 * statistics.median(seconds[what]):,.0f}"
        ratio = ratios(seconds[what], seconds[APPLIED])
        yield [what, answer, ratio, microseconds, str(statements), str(taken)]


def table(rounds: int) -> str:
    """Return the whole comparison in Markdown."""
    line = Line(settings)
    door = Door(line.environ())
    head = ["request", "answer", "cost, the signed event being 1", "µs", "SQL", "bytes read"]
    cells = [head, ["---", "---", "--:", "--:", "--:", "--:"]]
    cells += rows(door, kinds(line, door), rounds)
    about = (
        f"{connection.vendor}, Python {platform.python_version()}, Django {django.__version__}, "
        f"{rounds} interleaved rounds. Median of the ratios (10th to 90th percentile), and median "
        "time, of one request from Django's WSGI handler on; the connection is kept open, and nothing "
        "is logged.\n"
    )
    return "\n".join([about, *(f"| {' | '.join(cell)} |" for cell in cells)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    rounds = parser.parse_args().rounds
    logging.disable()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        connection.settings_dict["CONN_MAX_AGE"] = None
        print(table(rounds))
    finally:
        runner.teardown_databases(databases)


if __name__ == "__main__":
    main()
