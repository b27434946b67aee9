"""Apply again, mark dead: asked before, done once, told, and written down; or not allowed."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from django_iot_ingest import ledger
from django_iot_ingest.admin import decide, outcomes, verdicts
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.models import IngestEvent
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.operators import Page, event, operator, page, superuser, url
from tests.payloads import BANK, cabinet, returned

State = IngestEvent.State

APPLY, BURY = "apply", "bury"
RIGHTS = {APPLY: "apply_ingestevent", BURY: "bury_ingestevent"}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def chief(db: None) -> Client:
    return superuser()


@pytest.fixture
def rental(db: None) -> Any:
    bank = get_power_bank_model().objects.create(serial_number=BANK)
    return hosts.start_rental(bank, timezone.now() - timedelta(minutes=10))


@pytest.fixture
def failed(rental: Any, hook: FlakyHook) -> IngestEvent:
    """Return a return that failed once, and would be applied now."""
    hook.failures = [RuntimeError("no")]
    assert Gateway.with_admin().post(returned()).status_code == 503
    return IngestEvent.objects.get()


def choose(client: Client, action: str, *rows: IngestEvent, query: str = "", **more: Any) -> Any:
    """Choose rows in the list and press the button."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(f"{url(IngestEvent)}{query}", data)


def confirm(client: Client, verdict: str, *rows: Any, **more: Any) -> Page:
    """Say yes on the page that asks, and return the page that follows."""
    ids = [getattr(row, "pk", row) for row in rows]
    response = client.post(url(IngestEvent, verdict), {"event": ids, **more}, follow=True)
    return Page.of(response)


def test_choosing_asks_first_and_does_nothing(chief: Client, failed: IngestEvent) -> None:
    done = event(state=State.APPLIED)
    for action in ("apply_again", "mark_dead"):
        read = Page.of(choose(chief, action, failed, done))
        read.check()
        assert "1 event" in read.text
        assert "Left as they are" in read.text
        hidden = [one for _, one in read.tags if one.get("name") == "event"]
        assert [one["value"] for one in hidden] == [str(failed.pk)]
    failed.refresh_from_db()
    assert failed.state == State.FAILED
    assert not LogEntry.objects.exists()


def test_a_failed_return_is_applied_and_ends_its_rental(
    chief: Client, failed: IngestEvent, rental: Any
) -> None:
    read = confirm(chief, APPLY, failed)

    read.check()
    assert "1 event was applied." in read.text
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == (State.APPLIED, 2)
    assert hosts.ended_at(rental) is not None
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("chief", str(failed.pk))
    assert entry.get_change_message() == "Apply again: applied"
    assert "chief Apply again: applied" in page(chief, failed).text


def test_what_was_applied_meanwhile_is_told_and_not_applied_again(
    chief: Client, failed: IngestEvent, hook: FlakyHook
) -> None:
    Page.of(choose(chief, "apply_again", failed))
    confirm(chief, APPLY, failed)
    calls = len(hook.events)

    read = confirm(chief, APPLY, failed)

    assert "1 event had been dealt with already: nothing was done." in read.text
    assert len(hook.events) == calls


@pytest.mark.parametrize("state", [State.APPLIED, State.STALE, State.DEAD, State.REFUSED])
def test_what_does_not_wait_is_not_marked_dead(chief: Client, state: str) -> None:
    row = event(state=state)
    read = confirm(chief, BURY, row)
    assert "1 event does not wait any more: it was left as it is." in read.text
    row.refresh_from_db()
    assert row.state == state


@pytest.mark.parametrize("state", IngestEvent.WAITING)
def test_what_waits_is_marked_dead_and_kept(chief: Client, state: str) -> None:
    row = event(state=state, retry_at=timezone.now(), last_error_code="RuntimeError", attempts=4)
    read = confirm(chief, BURY, row)
    assert "1 event is dead." in read.text
    row.refresh_from_db()
    assert (row.state, row.retry_at, row.attempts) == (State.DEAD, None, 4)
    assert LogEntry.objects.get().get_change_message() == "Mark dead: dead"


def test_a_dead_return_is_raised_again(chief: Client, failed: IngestEvent, rental: Any) -> None:
    confirm(chief, BURY, failed)
    assert hosts.ended_at(rental) is None
    assert "1 event was applied." in confirm(chief, APPLY, failed).text
    assert hosts.ended_at(rental) is not None


def test_each_way_that_an_attempt_ends_is_told(
    chief: Client, hook: FlakyHook, failed: IngestEvent
) -> None:
    hook.failures = [RuntimeError("no")]
    assert "1 event failed again: its page says why." in confirm(chief, APPLY, failed).text
    gateway = Gateway.with_admin("second@example.com")
    waiting = gateway.send(returned("87654321"))["event_id"]
    assert "1 event waits on" in confirm(chief, APPLY, waiting).text
    unreadable = event(state=State.REFUSED, body=b"{")
    assert "1 event still cannot be read." in confirm(chief, APPLY, unreadable).text
    gone = unreadable.pk + 1
    read = confirm(chief, APPLY, gone)
    assert "1 event is not in the inbox any more." in read.text


def test_a_refused_body_that_can_be_read_by_now_is_applied(chief: Client) -> None:
    import json

    body = json.dumps(cabinet({2: BANK})).encode()
    row = event(state=State.REFUSED, body=body, event_type="", device_serial="", event_time=None)
    assert "1 event was applied." in confirm(chief, APPLY, row).text
    assert get_power_bank_model().objects.filter(serial_number=BANK).exists()


@pytest.mark.parametrize("verdict", [APPLY, BURY])
@pytest.mark.parametrize("right", ["view_ingestevent", "change_ingestevent", "delete_ingestevent"])
def test_without_the_permission_there_is_neither_button_nor_effect(
    failed: IngestEvent, verdict: str, right: str
) -> None:
    other = RIGHTS[BURY if verdict == APPLY else APPLY]
    client = operator(right, "view_ingestevent", other)
    address = url(IngestEvent, verdict)

    assert client.get(address, {"event": failed.pk}).status_code == 403
    assert client.post(address, {"event": failed.pk}).status_code == 403
    action = {APPLY: "apply_again", BURY: "mark_dead"}[verdict]
    assert choose(client, action, failed).status_code in (200, 302)
    label = {APPLY: "Apply again", BURY: "Mark dead"}[verdict]
    assert label not in page(client, failed).text
    assert label not in Page.of(client.get(url(IngestEvent))).text

    failed.refresh_from_db()
    assert failed.state == State.FAILED
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_the_permission_without_sight_is_not_enough(failed: IngestEvent, verdict: str) -> None:
    client = operator(RIGHTS[verdict])
    assert client.post(url(IngestEvent, verdict), {"event": failed.pk}).status_code == 403
    assert Client().post(url(IngestEvent, verdict), {"event": failed.pk}).status_code == 302
    failed.refresh_from_db()
    assert failed.state == State.FAILED


@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_with_the_permission_the_page_offers_it(failed: IngestEvent, verdict: str) -> None:
    client = operator("view_ingestevent", RIGHTS[verdict])
    links = page(client, failed).links
    address = f"{url(IngestEvent, verdict)}?event={failed.pk}"
    Page.of(client.get(address)).check()
    assert address in links
    confirm(client, verdict, failed)
    failed.refresh_from_db()
    assert failed.state == {APPLY: State.APPLIED, BURY: State.DEAD}[verdict]


def test_a_state_in_which_there_is_nothing_to_do_offers_nothing(chief: Client) -> None:
    row = event(state=State.APPLIED)
    text = page(chief, row).text
    assert "Apply again" not in text and "Mark dead" not in text
    read = Page.of(chief.get(url(IngestEvent, APPLY), {"event": row.pk}))
    read.check()
    assert "There is nothing to do." in read.text


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_only_a_post_does_anything(
    chief: Client, failed: IngestEvent, verdict: str, method: str
) -> None:
    address = f"{url(IngestEvent, verdict)}?event={failed.pk}"
    status = getattr(chief, method)(address).status_code
    assert status == (200 if method in ("get", "head") else 405)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == (State.FAILED, 1)


@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_a_post_from_elsewhere_does_nothing(failed: IngestEvent, verdict: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = superuser("strict").cookies
    assert strict.post(url(IngestEvent, verdict), {"event": failed.pk}).status_code == 403
    failed.refresh_from_db()
    assert failed.state == State.FAILED


@pytest.mark.parametrize("ids", [[], ["x"], ["-1"], ["٣"], ["1" * 40], ["1; DROP"]])
def test_what_is_no_id_is_nobodys(chief: Client, ids: list[str]) -> None:
    for verdict in (APPLY, BURY):
        assert "No event was chosen: nothing was done." in confirm(chief, verdict, *ids).text
        chief.get(url(IngestEvent, verdict), {"event": ids})


def test_too_many_at_once_are_left_alone(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "MOST", 2)
    rows = [event(state=State.FAILED) for _ in range(3)]
    said = "More than 2 events are chosen: nothing was done."
    assert said in confirm(chief, BURY, *rows).text
    choose(chief, "mark_dead", rows[0], select_across=1)
    assert said in Page.of(chief.get(url(IngestEvent))).text
    assert not IngestEvent.objects.filter(state=State.DEAD).exists()


def test_when_time_is_up_the_rest_is_left_and_told(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "SECONDS", -1.0)
    rows = [event(state=State.FAILED) for _ in range(2)]
    assert "2 events were not tried" in confirm(chief, BURY, *rows).text
    assert not LogEntry.objects.exists()


def test_the_way_back_is_the_list_as_it_was_and_never_elsewhere(
    chief: Client, failed: IngestEvent
) -> None:
    read = Page.of(choose(chief, "mark_dead", failed, query="?state__exact=failed"))
    (back,) = [one["value"] for _, one in read.tags if one.get("name") == "back"]
    assert back == "state__exact=failed"
    address = url(IngestEvent, BURY)
    response = chief.post(address, {"event": failed.pk, "back": back})
    assert response["Location"] == f"{url(IngestEvent)}?state__exact=failed"
    for elsewhere in ("https://example.com/", "//example.com", "\r\nSet-Cookie: a=b", "../x"):
        response = chief.post(address, {"event": failed.pk, "back": elsewhere})
        assert response["Location"].startswith(f"{url(IngestEvent)}?")
    response = chief.post(address, {"event": failed.pk})
    assert response["Location"] == url(IngestEvent, "change", failed.pk)


def test_events_are_taken_in_the_order_of_their_times(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    rows = [event(state=State.FAILED, event_time=now - timedelta(minutes=n)) for n in range(3)]
    tried: list[int] = []
    monkeypatch.setattr(
        verdicts.sweeper, "try_each", lambda ids: tried.extend(ids) or {"failed": 1}
    )
    confirm(chief, APPLY, *rows)
    assert tried == [rows[2].pk, rows[1].pk, rows[0].pk]


def test_trouble_while_marking_is_a_message(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = event(state=State.FAILED)

    def fail(*args: Any) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(ledger, "bury", fail)
    assert "1 event could not be marked" in confirm(chief, BURY, row).text


@pytest.mark.once
def test_every_outcome_has_words() -> None:
    known = {*State.values} - {State.RECEIVED} | {"duplicate", "locked", "gone", "left", "kept"}
    assert known | {"not made"} == set(outcomes.TOLD)
    for outcome in outcomes.TOLD:
        for count in (1, 2):
            assert str(count) in outcomes.told(outcome, count)[1]
    assert outcomes.told("of a later release", 3)[1] == "of a later release: 3"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_it_is_committed_under_atomic_requests_too(
    verdict: str, hook: FlakyHook, settings: Any
) -> None:
    bank = get_power_bank_model().objects.create(serial_number=BANK)
    rental = hosts.start_rental(bank, timezone.now() - timedelta(minutes=10))
    hook.failures = [RuntimeError("no")]
    Gateway.with_admin().post(returned())
    row = IngestEvent.objects.get()
    client = superuser()
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        Page.of(choose(client, "apply_again", row)).check()
        confirm(client, verdict, row)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
    row.refresh_from_db()
    assert row.state == {APPLY: State.APPLIED, BURY: State.DEAD}[verdict]
    assert (hosts.ended_at(rental) is not None) == (verdict == APPLY)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verdict", [APPLY, BURY])
def test_what_somebody_is_applying_is_left_to_them(verdict: str) -> None:
    """Only where rows can be skipped while they are locked."""
    row = event(state=State.FAILED)
    client = superuser()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                ledger.lock(row.pk)
                held.set()
                done.wait(20)
                IngestEvent.objects.filter(pk=row.pk).update(state=State.APPLIED)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(10)
        if connection.features.has_select_for_update_skip_locked:
            read = confirm(client, verdict, row)
            assert "1 event is being applied by somebody else at this moment." in read.text
    finally:
        done.set()
        thread.join()
    said = {APPLY: "had been dealt with already", BURY: "does not wait any more"}[verdict]
    assert said in confirm(client, verdict, row).text
    row.refresh_from_db()
    assert row.state == State.APPLIED
