"""Ids of refused requests say when and why."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import exceptions, request_ids
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.request_ids import REASONS

pytestmark = pytest.mark.once

NOW = 1_795_452_778.125


def reasons(base: type[Refusal] = Refusal) -> set[str]:
    """Return the reason of every refusal that the package has."""
    own = {base.error} if base.__module__ == exceptions.__name__ and base is not Refusal else set()
    return own.union(*(reasons(refusal) for refusal in base.__subclasses__()))


def test_every_refusal_of_ours_has_its_number() -> None:
    assert set(REASONS) - {""} == reasons()
    assert len(set(REASONS)) == len(REASONS)


def test_numbers_never_change_since_ids_outlive_a_release() -> None:
    assert REASONS.index("INVALID_SIGNATURE") == 6
    assert REASONS.index("TEMPORARILY_UNAVAILABLE") == 13


@pytest.mark.parametrize("reason", REASONS)
def test_an_id_says_when_and_why(reason: str) -> None:
    found = request_ids.read(request_ids.new(reason, NOW))
    assert found == (datetime.fromtimestamp(NOW, UTC), reason)


def test_an_id_is_a_uuid_of_version_8() -> None:
    made = uuid.UUID(request_ids.new("INVALID_JSON"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)


def test_two_of_one_instant_differ() -> None:
    assert len({request_ids.new("INVALID_JSON", NOW) for _ in range(1000)}) == 1000


def test_they_sort_by_time() -> None:
    assert request_ids.new("INVALID_JSON", NOW) < request_ids.new("IP_NOT_ALLOWED", NOW + 0.002)


def test_a_reason_of_the_host_has_no_number() -> None:
    found = request_ids.read(request_ids.new("HOST_SAYS_NO", NOW))
    assert found is not None
    assert found.reason == ""


def test_dashes_blanks_and_capitals_do_not_count() -> None:
    made = request_ids.new("INVALID_JSON", NOW)
    assert request_ids.read(f"  {str(uuid.UUID(made)).upper()}\n") == request_ids.read(made)


@pytest.mark.parametrize("text", ["", "x", "0" * 32, uuid.uuid4().hex, "a" * 33])
def test_anything_else_is_none_of_ours(text: str) -> None:
    assert request_ids.read(text) is None


def test_a_number_of_a_later_release_is_an_unknown_reason() -> None:
    made = request_ids.new("INVALID_JSON", NOW)
    assert request_ids.read(made[:13] + "fff" + made[16:]) == (
        datetime.fromtimestamp(NOW, UTC),
        "",
    )


@given(st.text())
def test_no_text_at_all_is_an_error(text: str) -> None:
    found: Any = request_ids.read(text)
    assert found is None or found.reason in REASONS


@pytest.mark.parametrize("head", ["e677d21fdc00", "ffffffffffff"])
def test_a_time_after_the_year_9999_is_none_of_ours(head: str) -> None:
    assert request_ids.read(head + "8001" + "8" + 15 * "0") is None
    assert request_ids.read("e677d21fdbff" + "8001" + "8" + 15 * "0") is not None
