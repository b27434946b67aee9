"""Show how far a run is, and tell what it was: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from django_iot_ingest.simulator.summary import Section
from django_iot_ingest.simulator.tally import Tally

LINE_SECONDS = 10.0
"""Seconds between two lines of progress where no bar can be shown."""


class Progress(Protocol):
    """Where it is shown how far a run is."""

    def update(self, share: float, tally: Tally) -> None:
        """Show the share that is done, from 0 to 1, and some counts."""


class Silent:
    """Show nothing."""

    def update(self, share: float, tally: Tally) -> None:
        """Show nothing."""


class Lines:
    """Write a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.next = time.monotonic() + LINE_SECONDS

    def update(self, share: float, tally: Tally) -> None:
        """Write a line if the last one is long enough ago."""
        if time.monotonic() >= self.next:
            self.next += LINE_SECONDS
            self.stream.write(f"{share:4.0%} {counts(tally)}\n")
            self.stream.flush()


class Bar:
    """Move a bar of ``rich``."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.task = progress.add_task("Simulating", total=1.0)

    def update(self, share: float, tally: Tally) -> None:
        """Move the bar."""
        self.progress.update(self.task, completed=share, description=counts(tally))


def counts(tally: Tally) -> str:
    """Return in a line what has happened so far."""
    wrong = tally.unexpected.count + tally.given_up.count
    return f"{tally.sent} events, {tally.retries} retries, {wrong} unexpected"


@contextmanager
def progress(stream: TextIO, verbosity: int) -> Iterator[Progress]:
    """Show progress on a stream until the end of the block."""
    if verbosity < 1:
        yield Silent()
        return
    try:
        from rich.console import Console
        from rich.progress import Progress as RichProgress
    except ImportError:
        yield Lines(stream)
        return
    if not stream.isatty():
        yield Lines(stream)
        return
    with RichProgress(console=Console(file=stream), transient=True) as shown:
        yield Bar(shown)


def tell(stream: TextIO, sections: Iterable[Section]) -> None:
    """Write the sections of a summary as tables."""
    for title, rows in sections:
        if not stream.isatty() or not _tell_in_colour(stream, title, rows):
            _tell_plainly(stream, title, rows)


def _tell_plainly(stream: TextIO, title: str, rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    stream.write(f"{title}\n")
    stream.writelines(f"  {name.ljust(width)}  {value}\n" for name, value in rows)


def _tell_in_colour(stream: TextIO, title: str, rows: list[tuple[str, str]]) -> bool:
    """Write a table with ``rich``, and return whether it is installed."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(title=title, show_header=False, title_justify="left", min_width=60)
    for name, value in rows:
        # As text: a serial number in brackets is no markup.
        table.add_row(Text(name, style="bold"), Text(value))
    Console(file=stream).print(table)
    return True
