"""Tables and a plot of one run; nothing of them is typed by hand."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import psycopg
import rest_framework
from django.db import connection

if TYPE_CHECKING:
    from benchmarks.in_process import Run

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "explanation" / "performance.md"

TITLES = {
    "floor": "floor: one prepared statement, psycopg's own connection",
    "floor again": "the floor again (the noise)",
    "per row": "per row: `get_or_create` and `save`",
    "serializers": "nested DRF serializers, per row: `update_or_create`",
    "bulk": "ORM: read, compare, `bulk_create(update_conflicts=True)`",
    "statement": "the floor's statement, Django's cursor, not prepared",
    "prepared": "the floor's statement, prepared, inside `atomic()`",
    "ours": "**ours**: bearer, inbox, order, every rule",
    "ours, standard": "ours, without the extra `speed`: JSON by the standard library",
}

COLOURS = {
    "per row": "#c0392b",
    "serializers": "#8e44ad",
    "bulk": "#d68910",
    "statement": "#2e86c1",
    "prepared": "#117a65",
    "ours": "#111111",
}


def ratio(run: Run, kind: str, size: int, way: str, base: str) -> tuple[float, float, float]:
    """Return median, 10th and 90th percentile of a way over another, round by round."""
    pairs = zip(run.seconds[kind, size, way], run.seconds[kind, size, base], strict=True)
    values = [a / b for a, b in pairs]
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return statistics.median(values), tenths[0], tenths[-1]


def figure(value: float) -> str:
    """Return a number with as many places as mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def spread(values: tuple[float, float, float]) -> str:
    middle, low, high = (figure(value) for value in values)
    return f"{middle} ({low}–{high})"


def table(head: list[str], rows: Iterator[list[str]]) -> str:
    cells = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def slots(run: Run, text: str = "{} slots") -> list[str]:
    return [text.format(size) for size in run.sizes]


def ratio_rows(run: Run, kind: str, base: str) -> Iterator[list[str]]:
    for way, title in TITLES.items():
        if way != base:
            yield [title, *(spread(ratio(run, kind, size, way, base)) for size in run.sizes)]


def cost_rows(run: Run, kind: str) -> Iterator[list[str]]:
    for way, title in TITLES.items():
        times = [1e3 * statistics.median(run.seconds[kind, size, way]) for size in run.sizes]
        counts = [str(run.statements[kind, size, way]) for size in run.sizes]
        yield [title, " / ".join(counts), *(f"{value:.2f}" for value in times)]


def about(rounds: int = 0) -> str:
    """Return on what it was measured, and in how many rounds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_setting('synchronous_commit')"
        )
        version, commit = cursor.fetchone()
    return (
        f"PostgreSQL {version.split()[0]} (synchronous_commit {commit}) on the same machine, "
        f"{os.cpu_count()} cores; Python {platform.python_version()}, Django {django.__version__}, "
        f"REST framework {rest_framework.__version__}, psycopg {psycopg.__version__}"
        f"{f'; {rounds} interleaved rounds' if rounds else ''}."
    )


def text(run: Run) -> str:
    """Return all tables in Markdown."""
    parts = [about(run.rounds)]
    for kind in ("changed", "unchanged"):
        costs = ["", "statements", *slots(run, "ms, {} slots")]
        parts += [
            f"### {kind.capitalize()}: as multiples of the floor",
            table(["", *slots(run)], ratio_rows(run, kind, "floor")),
            f"### {kind.capitalize()}: as multiples of ours",
            table(["", *slots(run)], ratio_rows(run, kind, "ours")),
            f"### {kind.capitalize()}: statements, and median milliseconds",
            table(costs, cost_rows(run, kind)),
        ]
    return "\n\n".join(parts)


def write_section(name: str, tables: str, page: Path = PAGE) -> None:
    """Replace what stands between a section's two marks on a page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    page.write_text(f"{before}{begin}\n{tables}\n\n{end}{after}", encoding="utf-8")


def write(tables: str, run: Run) -> None:
    """Replace the page's tables of one snapshot, and the plot."""
    write_section("in_process", tables)
    PAGE.with_suffix(".svg").write_text(plot(run), encoding="utf-8")


# The plot: multiples of the floor over slots, both logarithmic; one panel for each kind.

WIDTH, HEIGHT, LEFT, TOP, GAP = 330, 300, 50, 40, 50


class Panel:
    """One square of the plot, and where a point lies in it."""

    def __init__(self, run: Run, kind: str, left: int, highest: float) -> None:
        self.run, self.kind, self.left, self.highest = run, kind, left, highest

    def x(self, size: int) -> float:
        first, last = min(self.run.sizes), max(self.run.sizes)
        share = math.log(size / first) / math.log(last / first) if last > first else 0.5
        return round(self.left + 15 + (WIDTH - 30) * share, 1)

    def y(self, value: float) -> float:
        share = math.log(max(value, 0.5) / 0.5) / math.log(self.highest / 0.5)
        return round(TOP + HEIGHT * (1 - share), 1)

    def draw(self) -> Iterator[str]:
        yield from self.frame()
        for way, colour in COLOURS.items():
            yield from self.line(way, colour)

    def frame(self) -> Iterator[str]:
        yield label(self.left + WIDTH / 2, TOP - 12, self.kind, "middle", 'font-weight="bold"')
        for value in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500):
            if value <= self.highest:
                y, colour = self.y(value), "#777" if value == 1 else "#ddd"
                yield f'<path d="M{self.left} {y}h{WIDTH}" stroke="{colour}"/>'
                yield label(self.left - 6, y + 4, f"{value:g}×", "end")
        for size in self.run.sizes:
            yield label(self.x(size), TOP + HEIGHT + 18, str(size), "middle")
        yield label(self.left + WIDTH / 2, TOP + HEIGHT + 36, "slots", "middle")

    def line(self, way: str, colour: str) -> Iterator[str]:
        """Draw the medians as a line, and the 10th to 90th percentile as bars."""
        points = [
            (self.x(size), *map(self.y, ratio(self.run, self.kind, size, way, "floor")))
            for size in self.run.sizes
        ]
        path = " ".join(f"{x},{middle}" for x, middle, _, _ in points)
        width = 3 if way == "ours" else 1.5
        style = f'fill="none" stroke="{colour}" stroke-width="{width}"'
        yield f'<polyline points="{path}" {style}/>'
        for x, middle, low, high in points:
            yield f'<path d="M{x} {low}V{high}" stroke="{colour}"/>'
            yield f'<circle cx="{x}" cy="{middle}" r="3" fill="{colour}"/>'


def label(x: float, y: float, said: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {more}>{said}</text>'


def legend(top: int) -> Iterator[str]:
    for position, (way, colour) in enumerate(COLOURS.items()):
        x, y = LEFT + (WIDTH + GAP) * (position % 2), top + 20 * (position // 2)
        yield f'<path d="M{x} {y - 4}h20" stroke="{colour}" stroke-width="3"/>'
        yield label(x + 28, y, TITLES[way].replace("`", "").replace("*", ""))


def highest(run: Run) -> float:
    """Return the top of the scale."""
    keys: Any = [(kind, size) for kind in ("changed", "unchanged") for size in run.sizes]
    return 1.1 * max(ratio(run, *key, way, "floor")[2] for key in keys for way in COLOURS)


def plot(run: Run) -> str:
    """Return the plot as SVG."""
    scale = highest(run)
    panels = [
        Panel(run, kind, LEFT + position * (WIDTH + GAP), scale)
        for position, kind in enumerate(("changed", "unchanged"))
    ]
    marks = [mark for panel in panels for mark in panel.draw()]
    marks += legend(TOP + HEIGHT + 65)
    width, height = LEFT + 2 * WIDTH + GAP + 60, TOP + HEIGHT + 125
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
            '    font-family="sans-serif" font-size="12">',
            "<title>Time of one snapshot, as multiples of the floor</title>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *marks,
            "</svg>\n",
        ]
    )
