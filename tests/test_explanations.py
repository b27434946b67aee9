"""docs/explanation: every row of a table is made to happen, and every number is the code's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest import event_types, sweeper
from django_iot_ingest.conf import get_power_bank_model, get_sync_service, ingest_settings
from django_iot_ingest.events import PowerBankReturned, Receipt, ReturnReport
from django_iot_ingest.ledger import IN_FLIGHT
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import aware
from tests import stories
from tests.gateway import URL, Gateway
from tests.hosts import ended_at, open_rentals, start_rental
from tests.payloads import BANK, SECRET, cabinet, encode, moment, returned, stamp
from tests.stories import clock, seconds, table_with

pytestmark = [pytest.mark.once, pytest.mark.one_host, pytest.mark.whole]

PAGES = Path(__file__).resolve().parent.parent / "docs" / "explanation"

OTHER_SECRET = "of-somebody-else-0123456789abcdef"


def text_of(page: str) -> str:
    return (PAGES / f"{page}.md").read_text("utf-8")


# --- staleness.md

STORY = "<!-- story: begin -->\n"

STORIES = [stories.tables(part)[0] for part in text_of("staleness").split(STORY)[1:]]


def test_every_table_is_a_story() -> None:
    assert len(stories.tables(text_of("staleness"))) == len(STORIES) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("rows", STORIES, ids=lambda rows: rows[1][0])
def test_a_story_is_as_it_is_told(rows: list[list[str]]) -> None:
    assert stories.told(rows) == rows


# --- event-time.md


@pytest.mark.parametrize(
    "row", table_with(text_of("event-time"), "`X-Timestamp`"), ids=lambda row: row[0]
)
def test_times_are_shifted_and_cut(row: list[str]) -> None:
    _, received, attempt, told, back, order, billed = row
    report = read_return(seconds(received), seconds(attempt), told, back)
    assert clock(aware(report.event_time)) == order
    assert clock(aware(report.occurred_at)) == billed
    warnings = {str(warning.code) for warning in report.warnings}
    expected = {"returned_at_replaced"} if back in ("-", "1970") else set()
    assert warnings == expected | ({"timestamp_replaced"} if told == "1970" else set())


def read_return(received: float, attempt: float, told: str, back: str) -> ReturnReport:
    """Read a return whose times are those of a row."""
    payload = returned(at=5 if told == "1970" else seconds(told))
    del payload["device"]["last_heartbeat"]
    payload["return_event"]["returned_at"] = {"-": None, "1970": stamp(5)}.get(back) or (
        None if back == "-" else stamp(seconds(back))
    )
    when = datetime.fromtimestamp(received, UTC)
    _, report = event_types.read_receipt(Receipt(encode(payload), int(attempt), when))
    assert isinstance(report, ReturnReport)
    return report


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row", table_with(text_of("event-time"), "`was_rented`"), ids=lambda row: row[0]
)
def test_a_return_belongs_to_a_rental_by_its_time(row: list[str]) -> None:
    _, rented_at, back, was_rented, afterwards, ended = row
    gateway, heard = Gateway.with_admin(), []
    gateway.send(cabinet({2: BANK}, at=seconds("10:00:00")))
    bank = get_power_bank_model().objects.get()
    rental = None if rented_at == "-" else start_rental(bank, moment(seconds(rented_at)))
    with watched_hook(heard.append):
        gateway.send(returned(slot=2, at=seconds("12:00:00"), returned_at=seconds(back)))
    assert [str(event.was_rented) for event in heard] == [was_rented]
    assert stories.bank() == {"in the slot": "slot 2", "still rented": "rented"}[afterwards]
    over = ended_at(rental) if rental else None
    assert ("-" if over is None else clock(over)) == ended


def watched_hook(tell: Callable[[PowerBankReturned], Any]) -> Any:
    """Tell of each call of the host's hook, which does its work as ever."""
    service = type(get_sync_service())
    hook = service.on_power_bank_returned

    def watched(self: Any, event: PowerBankReturned) -> None:
        hook(self, event)
        tell(event)

    return mock.patch.object(service, "on_power_bank_returned", watched)


# --- exactly-once.md


class Died(BaseException):
    """Nothing of ours catches it, as nothing survives the end of a process."""


DEATHS = {
    "before the receipt is committed": "django_iot_ingest.ledger.receive",
    "between receipt and application": "django_iot_ingest.inbox.apply",
    "in the hook": "fleet.sync.end_rental",
    "after the hook, before the commit": "django_iot_ingest.ledger.settle",
    "after the commit, before the answer": "django_iot_ingest.inbox.follow_up",
}
"""What a process is about to do when it dies."""

CRASHES = table_with(text_of("exactly-once"), "it dies")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", CRASHES, ids=lambda row: row[0])
@pytest.mark.parametrize("way", ["repeat", "sweep"])
def test_a_process_dies(row: list[str], way: str) -> None:
    where, left, repeat, swept, ends = row
    gateway, committed = Gateway.with_admin(), []
    gateway.send(cabinet({2: BANK}, at=seconds("10:00:00")))
    bank = get_power_bank_model().objects.get()
    rental = start_rental(bank, moment(seconds("11:00:00")))
    body = encode(returned(slot=2, at=seconds("12:00:00")))
    with watched_hook(lambda event: transaction.on_commit(lambda: committed.append(event))):
        with mock.patch(DEATHS[where], side_effect=Died), pytest.raises(Died):
            gateway.post(body)
        assert state_of_return() == left
        if way == "repeat":
            assert f"`{gateway.send(body)['state']}`" == repeat
        else:
            returns().update(received_at=timezone.now() - IN_FLIGHT)
            sweeper.sweep()
            assert state_of_return() == swept
    count = 0 if (way, swept) == ("sweep", "none") else int(ends)
    assert len(committed) == count
    assert len(open_rentals(bank)) == 1 - count
    assert (ended_at(rental) is not None) is bool(count)


def returns() -> Any:
    return IngestEvent.objects.filter(event_type="returned")


def state_of_return() -> str:
    row = returns().first()
    return "none" if row is None else f"`{row.state}`"


def test_every_point_is_tried() -> None:
    assert [row[0] for row in CRASHES] == list(DEATHS)


# --- trust-model.md

KEYS = table_with(text_of("trust-model"), "the sender has")


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "row"), list(enumerate(KEYS)), ids=str)
def test_what_a_stolen_key_opens(number: int, row: list[str]) -> None:
    *_, answer = row
    assert said(SENDERS[number](Gateway.with_admin(), seconds("now"))) == answer


def test_every_sender_is_tried() -> None:
    assert len(KEYS) == len(SENDERS) == 10


def said(response: Any) -> str:
    answer = json.loads(response.content)
    return f"{response.status_code} `{answer.get('error') or answer['data']['state']}`"


def with_token(token: str) -> Gateway:
    return Gateway(token)


def no_admin() -> Gateway:
    user = get_user_model().objects.create_user(username="somebody", email="s@example.com")
    return Gateway(str(AccessToken.for_user(user)))


def a_return(at: float) -> bytes:
    return encode(returned(slot=2, at=at))


def recorded(
    gateway: Gateway,
    at: float,
    *,
    later: int = 0,
    change: Any = lambda body, headers: (body, headers),
) -> Any:
    """Let a return be accepted, and send what a listener makes of it ``later`` seconds after."""
    gateway.send(cabinet({2: BANK}, at=at - 3600))
    body = a_return(at)
    headers = gateway.headers(body, timestamp=int(at))
    with mock.patch("time.time", return_value=at):
        assert said(post(gateway, body, headers)) == "200 `applied`"
    with mock.patch("time.time", return_value=at + later + 0.9):
        return post(gateway, *change(body, headers))


def post(gateway: Gateway, body: bytes, headers: dict[str, Any]) -> Any:
    return gateway.client.post(URL, body, content_type="application/json", headers=headers)


def accepted(gateway: Gateway, at: float) -> Any:
    gateway.send(cabinet({2: BANK}, at=at - 3600))
    return gateway.post(a_return(at))


SENDERS: list[Callable[[Gateway, float], Any]] = [
    lambda gateway, at: with_token("a.b.c").post(a_return(at), secret=OTHER_SECRET),
    lambda gateway, at: gateway.post(a_return(at), secret=OTHER_SECRET),
    lambda gateway, at: with_token("a.b.c").post(a_return(at), secret=SECRET),
    lambda gateway, at: no_admin().post(a_return(at)),
    accepted,
    recorded,
    lambda gateway, at: recorded(gateway, at, later=ingest_settings.SIGNATURE_TIMEOUT),
    lambda gateway, at: recorded(gateway, at, later=ingest_settings.SIGNATURE_TIMEOUT + 1),
    lambda gateway, at: recorded(
        gateway, at, change=lambda body, headers: (body.replace(b"NORMAL", b"BROKEN"), headers)
    ),
    lambda gateway, at: recorded(
        gateway, at, change=lambda body, headers: (body, headers | {"X-Timestamp": f"{at + 1:.0f}"})
    ),
]
"""What each row of the table does, in their order."""
