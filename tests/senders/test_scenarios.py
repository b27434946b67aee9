"""Every sender lives through the same troubles, and says and does the same."""

from __future__ import annotations

import pytest

from django_iot_ingest import signing
from tests.payloads import SECRET
from tests.senders.conftest import Sender
from tests.senders.host import PATH, Host
from tests.senders.languages import SECONDS
from tests.senders.proxy import HANG_SECONDS
from tests.senders.scenarios import PATIENCE, SCENARIOS

pytestmark = [pytest.mark.once, pytest.mark.whole]

LOG_IN = "/api/admin/login"

BUSY_MACHINE = ("slow",)
"""Where we shortened how long is waited, a busy machine can make a second answer late too."""

ASKS_AGAIN = [("Python with httpx", "always_401")]
"""A class that sees one request at a time cannot know that a try before has logged in."""

RAISES = [("Python with httpx", "empty_log_in")]
"""A class for other programs says by an exception what can only be a fault of the host."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_printed_and_how_it_ends(sender: Sender, name: str) -> None:
    lived, expected = sender.lived[name], SCENARIOS[name].lines
    if (sender.name, name) in ASKS_AGAIN:
        expected = [*expected, "401 log-in"]
    lines = lived.lines
    if name in BUSY_MACHINE and lines[:2] == ["0", "0"]:
        lines = lines[1:]
    assert lines == expected, lived.error
    assert lived.code == (0 if expected[-1].startswith("200 ") and name != "empty_log_in" else 1)
    if (sender.name, name) not in RAISES:
        assert lived.error == ""


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_sent_is_signed_byte_for_byte(sender: Sender, name: str) -> None:
    lived = sender.lived[name]
    secret = (SCENARIOS[name].variables or {}).get("IOT_SYSTEM_SIGNATURE_SECRET", SECRET)
    events = [heard for heard in lived.heard if heard.path == PATH]
    assert {heard.path for heard in lived.heard} <= {PATH, LOG_IN}, "no redirect is followed"
    assert all(heard.headers["content-type"] == "application/json" for heard in lived.heard)
    for heard in events:
        timestamp, signature = heard.headers["x-timestamp"], heard.headers["x-signature"]
        assert heard.body == lived.body, "the identical body each time"
        assert signing.verify(heard.body, timestamp, signature, [secret])
        assert heard.headers["authorization"].startswith("Bearer ")
        assert "IOT_" not in heard.headers["authorization"]


def test_a_try_again_has_a_new_timestamp_and_signature(sender: Sender) -> None:
    first, second = sender.lived["lost"].heard
    for name in ("x-timestamp", "x-signature"):
        assert first.headers[name] != second.headers[name]
    assert first.headers["x-timestamp"] < second.headers["x-timestamp"]


def test_a_return_whose_answer_was_lost_is_applied_once(sender: Sender, example_host: Host) -> None:
    names = sender.names("lost")
    assert example_host.rentals_ended(names.bank) == 1
    assert example_host.events(names.station) == [("returned", "applied", 1)]


@pytest.mark.parametrize("name", ["full", "no_token", "expired", "trouble"])
def test_what_was_answered_200_is_in_the_tables(
    sender: Sender, example_host: Host, name: str
) -> None:
    kind = "status" if name == "no_token" else "full"
    events = example_host.events(sender.names(name).station)
    assert events[-1][:2] == (kind, "applied")


def test_a_log_in_is_asked_for_once_and_its_token_is_used(sender: Sender) -> None:
    lived = sender.lived["expired"]
    assert [heard.path for heard in lived.heard] == [PATH, LOG_IN, PATH]
    assert "authorization" not in lived.heard[1].headers
    first, _, second = (heard.headers.get("authorization", "") for heard in lived.heard)
    assert first == "Bearer expired"
    assert second != first
    assert sender.lived["always_401"].heard[2].headers["authorization"] == "Bearer new"
    assert len(sender.lived["always_401"].heard) == 4 + ((sender.name, "always_401") in ASKS_AGAIN)
    assert len(sender.lived["wrong_password"].heard) == 2


def test_retry_after_is_honoured_up_to_a_bound(sender: Sender) -> None:
    """The host says 5 seconds and the proxy an hour; senders were told to wait for one second at most."""
    first, second = sender.lived["trouble"].heard
    assert second.at - first.at >= 1
    _, second, third = sender.lived["overworked"].heard
    assert 1 <= third.at - second.at < SECONDS


def test_no_answer_is_given_up_in_time(sender: Sender) -> None:
    first, second, *_ = sender.lived["slow"].heard
    assert PATIENCE / 8 < second.at - first.at < HANG_SECONDS


def test_a_refusal_is_not_tried_again(sender: Sender) -> None:
    for name in ("raw", "forbidden", "moved"):
        assert len(sender.lived[name].heard) == 1, name
