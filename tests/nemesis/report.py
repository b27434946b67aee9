"""The tables that are printed, and written into the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.nemesis.chaos import KILL, RESTART
from tests.nemesis.checker import Fate
from tests.nemesis.scenarios import Result

NEMESIS_COLUMNS = (
    *("design", "database", "returns", "copies sent", "kills", "restarts", "got 200"),
    *("closed once, right end", "doubles", "losses", "wrong end"),
    *("no 200, closed all the same", "no 200, open for good"),
)

OUTAGE_COLUMNS = (
    *("design", "database", "returns", "200 at try 1", "try 2", "try 3", "no 200"),
    *("closed once, right end", "doubles", "losses", "wrong end"),
)

BEGIN, END = "<!-- nemesis: begin -->", "<!-- nemesis: end -->"


def nemesis_table(results: Sequence[Result]) -> str:
    """Return the table of the long runs."""
    return table(NEMESIS_COLUMNS, [nemesis_row(result) for result in results])


def outage_table(results: Sequence[Result]) -> str:
    """Return the table of the outages."""
    return table(OUTAGE_COLUMNS, [outage_row(result) for result in results])


def nemesis_row(result: Result) -> list[str]:
    """Return the cells of one long run."""
    verdict = result.verdict
    numbers = (
        *(verdict.returns, verdict.copies, result.struck[KILL], result.struck[RESTART]),
        *(verdict.accepted, *fates(result), verdict.closed_later, verdict.fates[Fate.FORGOTTEN]),
    )
    return [result.design, result.database, *(f"{number:,}" for number in numbers)]


def outage_row(result: Result) -> list[str]:
    """Return the cells of one outage."""
    tries = [result.tries[number] for number in (1, 2, 3, 0)]
    numbers = (result.verdict.returns, *tries, *fates(result))
    return [result.design, result.database, *(f"{number:,}" for number in numbers)]


def fates(result: Result) -> list[int]:
    """Return how many returns had each of the fates that both tables show."""
    shown = (Fate.RIGHT, Fate.DOUBLE, Fate.LOSS, Fate.WRONG_END)
    return [result.verdict.fates[fate] for fate in shown]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; numbers stand to the right."""
    lines = [columns, ["---", "---", *["--:"] * (len(columns) - 2)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write(path: Path, text: str) -> None:
    """Replace what stands between the markers of a page; ``ValueError`` if it has none."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no lines {BEGIN} and {END}")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
