"""From the command line to the exit code.

1 if ours has a double, a loss or a wrong end, or an outage left a return without its 200; 3 if a
server's programs are not on this machine.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from tests.nemesis import report
from tests.nemesis.scenarios import (
    DESIGNS,
    OURS,
    Nemesis,
    Result,
    nemesis,
    outage,
    struck_as_asked,
)
from tests.nemesis.servers import SERVERS, MissingServer, ServerFailed

DESCRIPTION = "Kill workers and databases while rented power banks are returned."

FAILED, MISSING = 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, print the tables, and return the exit code."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, end)
    try:
        tables, is_good = run_all(options)
    except (MissingServer, ServerFailed) as error:
        print(f"nemesis: {error}", file=sys.stderr)
        return MISSING if isinstance(error, MissingServer) else FAILED
    if options.write:
        report.write(options.write, tables)
    return 0 if is_good else FAILED


def run_all(options: argparse.Namespace) -> tuple[str, bool]:
    """Run the scenarios; return their tables and whether ours was as it should be."""
    tables, is_good = [], True
    if options.scenario in ("all", "nemesis"):
        results = list(run_nemesis(options))
        tables.append(report.nemesis_table(results))
        is_good &= all(is_clean(result) for result in results)
    if options.scenario in ("all", "outage"):
        results = list(run_outages(options))
        tables.append(
            f"The database stopped for {options.outage:g} s, first tries all through it:\n\n"
            + report.outage_table(results)
        )
        is_good &= all(is_clean(result) and not result.tries[0] for result in results)
    text = "\n\n".join(tables)
    print(f"\n{text}", flush=True)
    return text, is_good


def run_nemesis(options: argparse.Namespace) -> Iterator[Result]:
    """Run every design on the first database, and ours on the others too."""
    for database in options.database:
        for design in options.designs:
            if design == OURS or database == options.database[0]:
                asked = Nemesis(
                    *(design, database, options.returns),
                    *(options.kills, options.restarts, options.seed),
                )
                result = told(f"{design} on {database}", partial(nemesis, asked))
                if not struck_as_asked(asked, result):
                    raise ServerFailed(f"only {dict(result.struck)} went wrong in time")
                yield result


def run_outages(options: argparse.Namespace) -> Iterator[Result]:
    """Stop each database once."""
    for database in options.database:
        args = (OURS, database, options.outage_returns, options.outage, options.seed)
        yield told(f"outage of {database}", partial(outage, *args))


def told(title: str, run: Callable[[], Result]) -> Result:
    """Run something and say, on standard error, what it came to."""
    print(f"nemesis: {title} ...", file=sys.stderr, flush=True)
    result = run()
    print(
        f"nemesis: {title}: {result.seconds:.0f} s, slowest return {result.slowest:.1f} s",
        file=sys.stderr,
        flush=True,
    )
    if result.design == OURS:
        for line in result.verdict.bad:
            print(f"nemesis: {line}", file=sys.stderr, flush=True)
    return result


def is_clean(result: Result) -> bool:
    """Return whether a run says nothing against ours."""
    return result.design != OURS or result.verdict.is_clean


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.nemesis", description=DESCRIPTION)
    parser.add_argument("--scenario", choices=["all", "nemesis", "outage"], default="all")
    parser.add_argument("--returns", type=int, default=1200)
    parser.add_argument("--kills", type=int, default=40, help="workers killed in each run")
    parser.add_argument("--restarts", type=int, default=6, help="of the database, in each run")
    parser.add_argument("--designs", type=some_of(DESIGNS), default=DESIGNS)
    parser.add_argument("--database", type=some_of(tuple(SERVERS)), default=tuple(SERVERS))
    parser.add_argument("--seed", type=int, default=1, help="of what goes wrong and when")
    parser.add_argument("--outage", type=float, default=5.0, help="seconds")
    parser.add_argument("--outage-returns", type=int, default=40)
    parser.add_argument("--write", type=Path, help="write the tables into this page")
    return parser.parse_args(arguments)


def some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of comma-separated names."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: none of {', '.join(known)}")
        return names

    return read


def end(number: int, frame: FrameType | None) -> None:
    """End by the way out, so that the servers end too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
