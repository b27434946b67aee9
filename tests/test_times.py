"""Stamps, clock shift, and the datetimes that a project stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_iot_ingest.times import Clock, aware, is_unix_time, native
from tests.payloads import moment

pytestmark = pytest.mark.once

NOW = 1795452778
RECEIVED = moment(NOW + 0.25)


def clock(behind: int = 0) -> Clock:
    """Return the clock of an attempt whose gateway is ``behind`` us by that many seconds."""
    return Clock.for_attempt(NOW - behind, RECEIVED)


@pytest.mark.parametrize(
    ("behind", "shift"),
    [(0, 0), (5, 0), (-5, 0), (6, 6), (-6, -6), (300, 300), (-300, -300)],
)
def test_a_clock_is_shifted_only_when_it_is_off_by_more_than_five_seconds(
    behind: int, shift: int
) -> None:
    assert clock(behind).shift == timedelta(seconds=shift)


@pytest.mark.parametrize("behind", [0, 100, -100])
def test_a_shift_moves_every_time_of_the_event(behind: int) -> None:
    its_time = NOW - 50 - behind
    its_stamp = moment(its_time).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert clock(behind).seconds(its_time) == moment(NOW - 50)
    assert clock(behind).stamp(its_stamp) == moment(NOW - 50)


@pytest.mark.parametrize("behind", [0, 100, -100])
def test_no_time_is_later_than_received(behind: int) -> None:
    assert clock(behind).seconds(NOW + 5000) == moment(NOW)
    assert clock(behind).stamp("2027-01-01T00:00:00Z") == RECEIVED


def test_a_time_of_any_size_is_read() -> None:
    assert clock(-300).seconds(2**53) == moment(NOW)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-11-23T16:52:50Z", 0),
        ("2026-11-23T16:52:50.723Z", 723_000),
        ("2026-11-23T16:52:50.723279Z", 723_279),
        ("2026-11-23T16:52:50.723279879Z", 723_279),
        ("2026-11-23t16:52:50.5z", 500_000),
    ],
)
def test_a_stamp_may_carry_any_number_of_fraction_digits(text: str, microsecond: int) -> None:
    expected = datetime(2026, 11, 23, 16, 52, 50, microsecond, UTC)
    assert clock().stamp(text) == expected


@pytest.mark.parametrize(
    "text", ["2026-11-23T22:37:50+05:45", "2026-11-23T11:52:50-05:00", "2026-11-23T16:52:50-00:00"]
)
def test_a_stamp_may_carry_an_offset(text: str) -> None:
    assert clock().stamp(text) == datetime(2026, 11, 23, 16, 52, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        NOW,
        1.5,
        [],
        "",
        "now",
        "2026-11-23",
        "2026-11-23T16:52:50",
        "2026-11-23 16:52:50Z",
        "2026-02-30T16:52:50Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T16:52:60Z",
        "2026-11-23T16:52:50.Z",
        "2026-11-23T16:52:50.1234567890Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T16:60:00Z",
        "2026-11-23T16:52:50+99:00",
        "2026-11-23T16:52:50+24:00",
        "2026-11-23T16:52:50+00:60",
        "2026-11-23T16:52:50-00:99",
        "2026-11-23T16:52:50Z\n",
        "٢٠٢٦-11-23T16:52:50Z",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_stamp_that_cannot_be_used_is_none(value: Any) -> None:
    assert clock().stamp(value) is None


@pytest.mark.parametrize("behind", [0, 300, -300])
@pytest.mark.parametrize("offset", ["Z", "+14:00", "-14:00"])
def test_the_last_year_is_never_an_error(offset: str, behind: int) -> None:
    assert clock(behind).stamp(f"9999-12-31T23:59:59{offset}") in (None, RECEIVED)


@pytest.mark.parametrize("value", [1_000_000_000, NOW, 2**53])
def test_whole_seconds_of_a_set_clock_are_a_time(value: int) -> None:
    assert is_unix_time(value)


@pytest.mark.parametrize("value", [None, True, 0, -1, 999_999_999, 1.5e9, "1795452778", [], {}])
def test_anything_else_is_no_time(value: Any) -> None:
    assert not is_unix_time(value)


def test_a_project_without_time_zones_gets_its_own_wall_clock(settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Kathmandu"
    assert native(datetime(2026, 11, 23, 16, 52, 50, tzinfo=UTC)) == datetime(
        2026, 11, 23, 22, 37, 50
    )
    assert clock().stamp("2026-11-23T16:52:50Z") == datetime(2026, 11, 23, 22, 37, 50)


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_native_time_is_turned_back(use_tz: bool, settings: Any) -> None:
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "Asia/Kathmandu"
    assert aware(native(RECEIVED)) == RECEIVED
    assert aware(native(RECEIVED)).tzinfo is UTC
