"""What may be asked for of the simulator, and how a mistake is told."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from django_iot_ingest.simulator import options as choices
from django_iot_ingest.simulator.chaos import Chaos
from django_iot_ingest.simulator.options import Options, Rentals, Slots, Unusable

pytestmark = pytest.mark.once

GOOD = Options(
    stations=20,
    slots=Slots(8),
    rate=2.0,
    seconds=10.0,
    events=None,
    rentals=None,
    seed=1,
    threads=4,
    chaos=frozenset(),
    prefix="SIM-",
)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"stations": 0}, "--stations"),
        ({"stations": 10_001}, "--stations"),
        ({"threads": 0}, "--threads"),
        ({"threads": 129}, "--threads"),
        ({"rate": 0.0}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        ({"rate": 20.5}, "an event a second"),
        ({"seconds": 0.0}, "--seconds"),
        ({"seconds": float("inf")}, "--seconds"),
        ({"events": 0}, "--events"),
        ({"prefix": ""}, "--prefix"),
        ({"prefix": "ü"}, "--prefix"),
        ({"prefix": "A" * 41}, "--prefix"),
    ],
)
def test_what_cannot_be_is_named(wrong: dict[str, Any], named: str) -> None:
    assert choices.checked(GOOD) is GOOD
    with pytest.raises(Unusable, match=named):
        choices.checked(replace(GOOD, **wrong))


@pytest.mark.parametrize(
    ("text", "per_second"), [("30", 0.5), ("10%", 1.0), ("0.6", 0.01), ("50%", 5.0)]
)
def test_rentals_are_a_number_a_minute_or_a_share_of_the_events(
    text: str, per_second: float
) -> None:
    assert Rentals.parse(text).per_second(rate=10.0) == pytest.approx(per_second)


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "%", "51%", "nan", "inf", "60001"])
def test_other_rentals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rentals a minute"):
        Rentals.parse(text)


@pytest.mark.parametrize("text", ["3", "49", "", "8.0", "-8", "Mixed", "²"])
def test_other_slots_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mixed"):
        Slots.parse(text)


def test_a_mixed_fleet_has_every_size() -> None:
    dice, slots = Random(1), Slots.parse("mixed")
    assert {slots.size(dice) for _ in range(300)} == {4, 8, 24, 48}
    assert Slots.parse("12").size(dice) == 12


@pytest.mark.parametrize(
    ("stations", "rate"), [(1, 1.0), (5, 1.0), (20, 2.0), (500, 50.0), (9000, 100.0)]
)
def test_a_rate_follows_from_the_size_of_the_fleet(stations: int, rate: float) -> None:
    assert choices.default_rate(stations) == rate
    choices.checked(replace(GOOD, stations=stations, rate=rate))


def test_chaos_is_named() -> None:
    assert choices.chaos_named([]) == frozenset()
    assert choices.chaos_named(["lost", "late"]) == {Chaos.LOST, Chaos.LATE}
    assert choices.chaos_named(["lost", "all"]) == frozenset(Chaos)
    with pytest.raises(
        Unusable, match=r"'losst'.*duplicates, lost, reorder, late, reset, drop, all"
    ):
        choices.chaos_named(["losst"])


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://127.0.0.1:8010", "http://127.0.0.1:8010/default"),
        ("https://host/", "https://host/default"),
        ("https://host/x/y", "https://host/x/y"),
    ],
)
def test_a_url_without_a_path_is_the_servers(url: str, meant: str) -> None:
    assert choices.endpoint(url, "/default") == meant


@pytest.mark.parametrize(
    "url", ["", "host", "ftp://host/", "http://", "http://host:x/", "http://["]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(Unusable, match="--url"):
        choices.endpoint(url, "/default")
