"""Plots of an hour as SVG: what their paths are, and the same as a table.

A series is one path, so a plot of sixty minutes is a few hundred bytes for each. Nothing here is an
attribute ``style``: a strict Content-Security-Policy lets it through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import number_format

from django_iot_ingest.fleet.hour import MINUTES

WIDTH, HEIGHT = 320, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 314, 10, 116

STEP = (RIGHT - LEFT) / MINUTES

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each minute, None where there is none; ``look`` names its style."""

    label: Any
    values: Values
    look: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A series as drawn: the data of its path, and what the legend says of it."""

    label: Any
    look: str
    path: str
    said: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where it is, and what stands there."""

    at: str
    text: Any


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot, what is said of it, and its table; the table leaves empty minutes out."""

    key: str
    title: Any
    description: Any
    shapes: list[Shape]
    heights: list[Tick]
    times: list[Tick]
    is_line: bool
    head: list[Any]
    rows: list[tuple[datetime, list[str]]]

    view_box = f"0 0 {WIDTH} {HEIGHT}"
    left, right, text_left, bottom = str(LEFT), str(RIGHT), str(LEFT - 5), str(BOTTOM)
    baseline = str(HEIGHT - 8)


def bars(
    key: str, title: Any, description: Any, series: list[Series], minutes: list[datetime]
) -> Chart:
    """Return a plot of bars that stand on each other."""
    sums = [sum(each.values[place] or 0 for each in series) for place in range(MINUTES)]
    top = ceiling(max(sums))
    below = [0.0] * MINUTES
    shapes = []
    for each in series:
        shapes.append(_shape(each, _bars(each.values, below, top), _total(each.values)))
        below = [low + (value or 0) for low, value in zip(below, each.values, strict=True)]
    return _chart(key, title, description, series, shapes, top, minutes, is_line=False)


def lines(
    key: str, title: Any, description: Any, series: list[Series], minutes: list[datetime]
) -> Chart:
    """Return a plot of lines, with gaps where there is no value."""
    top = ceiling(max((_highest(each.values) for each in series), default=0))
    shapes = [_shape(each, _line(each.values, top), _last(each.values)) for each in series]
    return _chart(key, title, description, series, shapes, top, minutes, is_line=True)


def ceiling(value: float) -> float:
    """Return the next of 2, 4, 10, 20, 40 … that is not below ``value``: half of it is whole."""
    if value <= 2:
        return 2
    power: float = 10 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 4, 10) if power * factor >= value)


def figure(value: float | None) -> str:
    """Return a number with as many places as mean something, as the reader writes numbers."""
    if value is None:
        return "–"
    return number_format(f"{value:.1f}" if value % 1 and value < 100 else f"{value:.0f}")


def _chart(
    key: str,
    title: Any,
    description: Any,
    series: list[Series],
    shapes: list[Shape],
    top: float,
    minutes: list[datetime],
    *,
    is_line: bool,
) -> Chart:
    heights = [Tick(_number(_y(value, top)), figure(value)) for value in (0, top / 2, top)]
    times = [Tick(_number(LEFT + STEP * place), minutes[place]) for place in (0, 20, 40)]
    head = [each.label for each in series]
    rows = list(_rows(series, minutes))
    return Chart(key, title, description, shapes, heights, times, is_line, head, rows)


def _rows(series: list[Series], minutes: list[datetime]) -> Iterator[tuple[datetime, list[str]]]:
    """Yield the table's rows, the newest minute first."""
    for place in reversed(range(MINUTES)):
        values = [each.values[place] for each in series]
        if any(values):
            yield minutes[place], [figure(value) for value in values]


def _bars(values: Values, below: list[float], top: float) -> str:
    return "".join(
        f"M{_number(LEFT + STEP * place)} {_number(_y(below[place], top))}"
        f"v{_number(-_height(value, top))}h{_number(STEP - 0.6)}v{_number(_height(value, top))}z"
        for place, value in enumerate(values)
        if value
    )


def _line(values: Values, top: float) -> str:
    """Return a line; a value without neighbours is a dot, which a round cap makes visible."""
    said, is_down = [], False
    for place, value in enumerate(values):
        if value is not None:
            point = f"{_number(LEFT + STEP * (place + 0.5))} {_number(_y(value, top))}"
            said.append(f"L{point}" if is_down else f"M{point}h.01")
        is_down = value is not None
    return "".join(said)


def _shape(series: Series, path: str, said: str) -> Shape:
    return Shape(series.label, series.look, path, said)


def _total(values: Values) -> str:
    return figure(sum(value or 0 for value in values))


def _last(values: Values) -> str:
    """Return the newest value that there is."""
    return figure(next((value for value in reversed(values) if value is not None), None))


def _highest(values: Values) -> float:
    return max((value for value in values if value is not None), default=0)


def _height(value: float, top: float) -> float:
    return (BOTTOM - TOP) * value / top


def _y(value: float, top: float) -> float:
    return BOTTOM - _height(value, top)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
