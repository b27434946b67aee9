"""The model in memory: what the tables have to say after a history, by the contract's rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_iot_ingest.simulator.expectation import Expectation, KnownBank
from django_iot_ingest.simulator.occurrences import Occurrence, Return, Shown, Snapshot, Word

pytestmark = pytest.mark.once

NOW = 1_795_452_778


def full(station: str, at: int, status: str = "ONLINE", **shown: int) -> Occurrence:
    """Return a snapshot of 4 slots at ``NOW + at``, which shows banks in slots."""
    rows = {bank: Shown(slot, "AVAILABLE") for bank, slot in shown.items()}
    told = Snapshot(status, frozenset({1, 2, 3, 4}), rows)
    return Occurrence(station, NOW + at, told, b"")


def misread(station: str, at: int) -> Occurrence:
    return Occurrence(station, NOW + at, Snapshot("ONLINE", frozenset(), None), b"")


def word(station: str, at: int, status: str) -> Occurrence:
    return Occurrence(station, NOW + at, Word(status), b"")


def returned(station: str, at: int, bank: str, slot: int) -> Occurrence:
    return Occurrence(station, NOW + at, Return(bank, slot, moment(at + 0.5)), b"")


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(NOW + at, UTC)


@pytest.fixture
def model() -> Expectation:
    """One station with a bank in slot 1, and an empty one."""
    model = Expectation()
    assert model.apply(full("A", 0, X=1)) == "applied"
    assert model.apply(full("B", 0)) == "applied"
    return model


def place(model: Expectation, bank: str = "X") -> tuple[str, str | None, int | None]:
    known = model.banks[bank]
    return known.status, known.station, known.slot


def test_a_snapshot_places_its_banks(model: Expectation) -> None:
    assert place(model) == ("AVAILABLE", "A", 1)
    assert model.is_in_place("X", "A", 1)
    assert not model.is_in_place("X", "A", 2)
    assert not model.is_in_place("Y", "A", 1)


def test_a_return_ends_a_rental(model: Expectation) -> None:
    model.rent("X", moment(1))
    assert place(model) == ("RENTED", None, None)
    assert model.apply(returned("B", 9, "X", 2)) == "applied"
    assert place(model) == ("AVAILABLE", "B", 2)
    assert model.returns == {"X": 1}


def test_a_return_of_an_earlier_rental_ends_none(model: Expectation) -> None:
    model.rent("X", moment(20))
    model.apply(returned("B", 9, "X", 2))
    assert place(model) == ("RENTED", None, None)


def test_an_older_snapshot_is_stale_and_one_of_the_same_second_is_not(model: Expectation) -> None:
    model.apply(full("A", 5, X=2))
    assert model.apply(full("A", 4, X=3)) == "stale"
    assert place(model) == ("AVAILABLE", "A", 2)
    assert model.apply(full("A", 5, X=3)) == "applied"
    assert place(model) == ("AVAILABLE", "A", 3)


def test_a_station_keeps_two_clocks(model: Expectation) -> None:
    assert model.apply(word("A", 9, "OFFLINE")) == "applied"
    assert model.apply(full("A", 8, X=1)) == "applied"
    assert model.stations["A"].status == "OFFLINE"
    assert model.apply(word("A", 7, "ONLINE")) == "stale"
    assert model.stations["A"].status == "OFFLINE"
    assert model.apply(full("A", 9, X=1)) == "applied"
    assert model.stations["A"].status == "ONLINE"


def test_a_status_that_is_older_than_a_snapshot_is_applied(model: Expectation) -> None:
    model.apply(full("A", 9, X=1))
    assert model.apply(word("A", 8, "OFFLINE")) == "applied"
    assert model.stations["A"].status == "OFFLINE"


def test_absence_from_one_snapshot_proves_nothing(model: Expectation) -> None:
    model.apply(full("A", 5))
    assert place(model) == ("AVAILABLE", "A", None)
    model.apply(full("A", 5))
    assert place(model) == ("AVAILABLE", "A", None)
    model.apply(full("A", 6))
    assert place(model) == ("AVAILABLE", None, None)
    model.apply(full("A", 7, X=4))
    assert place(model) == ("AVAILABLE", "A", 4)


def test_a_misread_frame_moves_nothing(model: Expectation) -> None:
    assert model.apply(misread("A", 5)) == "applied"
    assert place(model) == ("AVAILABLE", "A", 1)
    assert model.apply(full("A", 4)) == "stale"


def test_a_snapshot_just_after_a_rental_proves_nothing(model: Expectation) -> None:
    model.rent("X", moment(1.5))
    model.apply(full("A", 31, X=1))
    assert place(model) == ("RENTED", None, None)
    assert model.returned_unheard == 0
    model.apply(full("A", 32, X=1))
    assert place(model) == ("AVAILABLE", "A", 1)
    assert model.returned_unheard == 1


def test_a_late_return_after_a_snapshot_ended_the_rental_moves_nothing(model: Expectation) -> None:
    model.rent("X", moment(1))
    model.apply(full("B", 40, X=3))
    assert model.apply(returned("A", 35, "X", 1)) == "applied"
    assert place(model) == ("AVAILABLE", "B", 3)


@pytest.mark.parametrize(("at", "slot_of_x", "slot_of_y"), [(9, 2, None), (4, None, 2)])
def test_of_two_banks_for_one_slot_the_newer_has_it(
    model: Expectation, at: int, slot_of_x: int | None, slot_of_y: int | None
) -> None:
    model.apply(full("B", 5, Y=2))
    model.rent("X", moment(1))
    model.apply(returned("B", at, "X", 2))
    assert place(model) == ("AVAILABLE", "B", slot_of_x)
    assert place(model, "Y") == ("AVAILABLE", "B", slot_of_y)


def test_a_return_into_a_slot_that_nobody_knows_has_none(model: Expectation) -> None:
    model.apply(returned("B", 9, "X", 47))
    assert place(model) == ("AVAILABLE", "B", None)


def test_a_bank_shown_by_two_stations_is_where_the_newer_says(model: Expectation) -> None:
    model.apply(full("B", 7, X=3))
    model.apply(full("A", 6, X=1))
    assert place(model) == ("AVAILABLE", "B", 3)


def test_what_the_tables_had_before_counts(model: Expectation) -> None:
    model.add_bank(KnownBank("Z", station="A", slot=4, seen_at=NOW + 9))
    model.apply(full("A", 8, Y=4))
    assert place(model, "Z") == ("AVAILABLE", "A", 4)
    assert place(model, "Y") == ("AVAILABLE", "A", None)


def test_what_a_lost_event_was_about_is_left_open(model: Expectation) -> None:
    model.rent("X", moment(1))
    model.apply(full("B", 3, Y=1))
    model.leave_open(returned("B", 9, "X", 2))
    assert (model.open_stations, model.open_banks) == ({"B"}, {"X", "Y"})
