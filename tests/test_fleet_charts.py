"""Plots: what their paths and tables say."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_iot_ingest.fleet import charts
from django_iot_ingest.fleet.ago import ago
from django_iot_ingest.fleet.charts import BOTTOM, LEFT, MINUTES, RIGHT, TOP, Series, bars, lines
from django_iot_ingest.fleet.hour import Hour

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 23, 16, 52, 58, tzinfo=UTC)

MINUTES_OF = Hour(NOW, UTC).minutes()


def values(**by_place: float | None) -> list[float | None]:
    """Return sixty values, of which some are given by their place."""
    found: list[float | None] = [0] * MINUTES
    for place, value in by_place.items():
        found[int(place[1:])] = value
    return found


def boxes(path: str) -> list[tuple[float, ...]]:
    """Return the bars of a path: left, foot, height."""
    found = re.findall(r"M([\d.]+) ([\d.]+)v-([\d.]+)h[\d.]+v\3z", path)
    return [tuple(map(float, box)) for box in found]


def test_bars_stand_on_each_other_and_none_is_drawn_for_nothing() -> None:
    series = [Series("a", values(_0=3, _59=1), "a"), Series("b", values(_0=1), "b")]
    chart = bars("key", "title", "said", series, MINUTES_OF)
    (first, last), (above,) = (boxes(shape.path) for shape in chart.shapes)
    height = BOTTOM - TOP
    assert first == (LEFT, BOTTOM, height * 3 / 4)
    assert above == (LEFT, round(BOTTOM - height * 3 / 4, 1), height / 4)
    assert last[0] < RIGHT
    assert [shape.said for shape in chart.shapes] == ["4", "1"]


def test_the_table_says_the_same_newest_first_and_leaves_empty_minutes_out() -> None:
    series = [Series("a", values(_0=3, _59=1.25), "a"), Series("b", values(_0=None), "b")]
    chart = lines("key", "title", "said", series, MINUTES_OF)
    assert chart.head == ["a", "b"]
    assert chart.rows == [(MINUTES_OF[59], ["1.2", "0"]), (MINUTES_OF[0], ["3", "–"])]


def test_a_line_has_gaps_and_a_lonely_value_is_a_dot() -> None:
    some = [None] * MINUTES
    some[3], some[4], some[9] = 1, 2, 4  # type: ignore[call-overload]
    (shape,) = lines("key", "title", "said", [Series("a", some, "a")], MINUTES_OF).shapes
    assert re.sub(r"[\d.]+ [\d.]+", "", shape.path) == "Mh.01LMh.01"
    assert shape.said == "4"


@pytest.mark.parametrize("draw", [bars, lines])
@pytest.mark.parametrize("series", [[], [Series("a", [0] * MINUTES, "a")]])
def test_nothing_is_a_plot_too(draw: Any, series: Any) -> None:
    chart = draw("key", "title", "said", series, MINUTES_OF)
    assert chart.rows == []
    assert [tick.text for tick in chart.heights] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 2), (1, 2), (2, 2), (2.1, 4), (5, 10), (10, 10), (11, 20), (4321, 10000)]
)
def test_the_scale_ends_with_a_round_number(value: float, top: float) -> None:
    assert charts.ceiling(value) == top


def test_an_hour_is_sixty_minutes_and_ends_with_the_one_that_goes_on() -> None:
    hour = Hour(NOW, UTC)
    assert hour.minutes()[0] == hour.start == datetime(2026, 11, 23, 15, 53, tzinfo=UTC)
    assert hour.minutes()[-1] == datetime(2026, 11, 23, 16, 52, tzinfo=UTC)
    assert [hour.position(minute.minute) for minute in hour.minutes()] == list(range(MINUTES))
    assert [hour.position_of(minute) for minute in hour.minutes()] == list(range(MINUTES))
    assert (hour.position_of(hour.end), hour.position_of(hour.start - timedelta.resolution)) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (172_799, "47 h ago"),
        (172_800, "2 days ago"),
    ],
)
def test_times_are_told_as_people_say_them(seconds: float, text: str) -> None:
    told = ago(NOW - timedelta(seconds=seconds), NOW)
    assert told is not None
    assert told.text == text
    assert told.iso == (NOW - timedelta(seconds=seconds)).isoformat()


def test_no_time_is_no_time() -> None:
    assert ago(None, NOW) is None
