"""The inbox in the admin: found quickly among many, read safely, and changed by nobody."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest.admin import paging, search
from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent
from tests.gateway import Gateway
from tests.operators import Page, event, operator, page, statements, superuser, url
from tests.payloads import BANK, STATION, cabinet, encode, full, returned

State = IngestEvent.State
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def chief(db: None) -> Client:
    return superuser()


def found(client: Client, **query: str) -> list[int]:
    """Return the ids that the list shows, in its order."""
    response = client.get(url(IngestEvent), query)
    Page.of(response).check()
    return [row.pk for row in response.context["cl"].result_list]


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_a_page_that_says_what_it_means(chief: Client, state: str) -> None:
    from django_iot_ingest.admin import meanings

    row = event(state=state)
    read = page(chief, row)
    read.check()
    assert meanings.of_state(state) in read.text
    assert found(chief, state__exact=state) == [row.pk]


def test_a_page_says_what_became_of_an_event(chief: Client) -> None:
    gateway = Gateway.with_admin()
    sent = gateway.send(cabinet({2: BANK}) | {"slots": [{"slot_number": 1}]})
    row = IngestEvent.objects.get(pk=sent["event_id"])

    read = page(chief, row)

    read.check()
    assert "unknown_status slots.0.status A status nobody knows" in read.text
    assert f"Station {STATION} Slots created or changed" in read.text
    station = get_station_model().objects.get()
    assert read.links[url(type(station), "change", station.pk)] == "Its page"
    assert '"wifi_ssid": "चार्ज घर ☕"' in read.text
    assert row.sha256 in read.text


def test_a_return_leads_to_its_bank_and_to_other_events(chief: Client) -> None:
    gateway = Gateway.with_admin()
    snapshot = gateway.send(cabinet({2: BANK}))
    sent = gateway.send(returned())
    other = event(event_type="returned", device_serial="else", power_bank_serial=BANK)

    read = page(chief, IngestEvent.objects.get(pk=sent["event_id"]))

    read.check()
    bank = get_power_bank_model().objects.get()
    assert read.links[url(type(bank), "change", bank.pk)] == "Its page"
    for pk in (snapshot["event_id"], other.pk):
        assert url(IngestEvent, "change", pk) in read.links
    assert url(IngestEvent, "change", sent["event_id"]) not in read.links
    assert f"{url(IngestEvent)}?power_bank_serial={BANK}" in read.links


def test_a_status_that_named_an_imei_leads_to_the_station_that_was_meant(chief: Client) -> None:
    station = get_station_model().objects.create(serial_number="S1", imei=STATION)
    row = event(event_type="status", result={"station_serial": "S1", "warnings": []})
    assert url(type(station), "change", station.pk) in page(chief, row).links


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "text",
        7,
        {},
        {"warnings": None},
        {"warnings": [1, None, {"code": ["x"]}, {"code": SCRIPT, "path": SCRIPT}], SCRIPT: SCRIPT},
        {"station_serial": {"deep": 1}, "warnings": {"code": "x"}},
    ],
)
def test_whatever_a_result_holds_is_shown(chief: Client, result: Any) -> None:
    read = page(chief, event(result=result))
    read.check()
    assert SCRIPT not in read.html


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("IntegrityError:23505", "A row with the same unique value is there already"),
        ("OperationalError:1213", "in each other's way"),
        ("station_unknown", "waits until the station is known"),
        ("Interrupted", "the process died"),
        ("INVALID_PAYLOAD", "missing or not valid"),
        ("OutOfTariff", "The host's hook"),
        (SCRIPT, "The host's hook"),
    ],
)
def test_an_error_is_explained(chief: Client, code: str, said: str) -> None:
    read = page(chief, event(state=State.FAILED, last_error_code=code, attempts=3))
    assert f"{code} " in read.text
    assert said in read.text
    assert SCRIPT not in read.html


def test_a_body_is_text_and_never_markup(chief: Client) -> None:
    body = encode(full(device={"wifi_ssid": SCRIPT}, **{SCRIPT: SCRIPT}))
    read = page(chief, event(body=body))
    read.check()
    assert SCRIPT not in read.html
    assert SCRIPT in read.text
    for client_side in ('"><img src=x onerror=alert(1)>', "</pre><h1>"):
        read = page(chief, event(body=client_side.encode()))
        read.check()
        assert client_side not in read.html


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is empty."),
        (b'{"a":1,"a":2}', '{"a":1,"a":2}'),
        (b"\xff\xfe{\x00", r"\xff\xfe{\u0000"),
        (b'{"a":"\\ud800"}', r'"a": "\ud800"'),
        ("\u202eevil".encode(), r"\u202eevil"),
        (b"\x00" * 100, r"\u0000\u0000"),
        (b"[" * 5000, "[[["),
        (b'{"a":' + b"9" * 5000 + b"}", "999"),
    ],
)
def test_an_odd_body_is_shown_without_guessing(chief: Client, body: bytes, said: str) -> None:
    row = event(body=body, state=State.REFUSED)
    read = page(chief, row)
    read.check()
    assert said in read.text
    assert "forgotten" not in read.text
    assert chief.get(url(IngestEvent, "body", row.pk)).content == body


def test_a_body_that_was_pruned_says_why(chief: Client) -> None:
    read = page(chief, event(event_type="returned", body=b"", state=State.APPLIED))
    assert "It is forgotten some time after it was applied." in read.text
    assert "Download" not in read.text


def test_a_huge_body_is_cut_and_can_be_downloaded(chief: Client) -> None:
    body = encode(full(device={"wifi_ssid": "ab" * 100_000}))
    row = event(body=body)
    read = page(chief, row)
    assert len(read.html) < 100_000
    assert "Only the beginning is shown" in read.text
    address = url(IngestEvent, "body", row.pk)
    assert read.links[address] == f"Download its {len(body)} bytes as they came"
    assert chief.get(address).content == body


def test_the_bytes_are_a_download_and_never_a_page(chief: Client) -> None:
    row = event(body=SCRIPT.encode())
    response = chief.get(url(IngestEvent, "body", row.pk))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'attachment; filename="ingestevent-{row.pk}.bin"'
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in response["Cache-Control"]


def test_the_bytes_are_for_those_who_may_see_the_row(db: None) -> None:
    row = event()
    address = url(IngestEvent, "body", row.pk)
    assert Client().get(address).status_code == 302
    assert operator("view_refusedrequest").get(address).status_code == 403
    viewer = operator("view_ingestevent", name="viewer")
    assert viewer.get(address).status_code == 200
    assert viewer.get(url(IngestEvent, "body", row.pk + 1)).status_code == 404
    assert viewer.get(url(IngestEvent, "body", "x")).status_code == 404


def test_nothing_is_added_changed_or_deleted_not_even_by_a_superuser(chief: Client) -> None:
    row = event(state=State.FAILED)
    change = url(IngestEvent, "change", row.pk)
    assert chief.get(url(IngestEvent, "add")).status_code == 403
    assert chief.post(change, {"state": "applied"}).status_code == 403
    assert chief.post(url(IngestEvent, "delete", row.pk), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    chief.post(url(IngestEvent), data)
    row.refresh_from_db()
    assert row.state == State.FAILED
    read = page(chief, row)
    assert not [name for name, _ in read.tags if name == "textarea"]
    assert 'name="_save"' not in read.html


def test_events_are_found_by_id_serial_digest_and_several_words(chief: Client) -> None:
    get_station_model().objects.create(serial_number=STATION)
    get_power_bank_model().objects.create(serial_number=BANK)
    digest = hashlib.sha256(b"money").hexdigest()
    first = event(body=b"one")
    other = event(device_serial="860000000000025")
    money = event(event_type="returned", power_bank_serial=BANK, body=b"money", dedup_key=digest)

    assert found(chief, q=STATION) == [money.pk, first.pk]
    assert found(chief, q=STATION[:13]) == [money.pk, first.pk], "of what is known a beginning"
    assert found(chief, q="860000000000025") == [other.pk], "of what is not known all of it"
    assert found(chief, q=BANK[:4]) == [money.pk]
    assert found(chief, q=str(other.pk)) == [other.pk]
    assert found(chief, q=digest.upper()) == [money.pk]
    assert found(chief, q=first.sha256) == [first.pk]
    assert found(chief, q=f"{STATION} {BANK}") == [money.pk]
    assert found(chief, q=f"  {BANK} 860000000000025 ") == []
    for nothing in ("٣", "9" * 30, "' OR 1=1 --", "%", "_", "f" * 64):
        assert found(chief, q=nothing) == []


def test_the_digest_of_what_may_come_again_is_looked_for_among_the_newest(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "NEWEST_READ", 2)
    old, new = event(body=b"old"), event(body=b"new")
    like = event(body=b"like", device_serial="f" * 64)
    assert found(chief, q=new.sha256) == [new.pk]
    assert found(chief, q=old.sha256) == []
    assert found(chief, q="f" * 64) == [like.pk]


def test_the_filters_narrow_the_list(chief: Client) -> None:
    now = timezone.now()
    old = event(received_at=now - timedelta(days=2), state=State.DEAD)
    new = event(event_type="returned", power_bank_serial=BANK, device_serial="other")
    odd = event(event_type="", device_serial="", state=State.REFUSED)

    assert found(chief, received="hour") == [odd.pk, new.pk]
    assert found(chief, received="week") == [odd.pk, new.pk, old.pk]
    assert found(chief, received="week", state__exact="dead") == [old.pk]
    assert found(chief, event_type="returned") == [new.pk]
    assert found(chief, event_type="-") == [odd.pk]
    assert found(chief, device_serial="other") == [new.pk]
    assert found(chief, device_serial=" other\x00") == [new.pk]
    assert found(chief, power_bank_serial=BANK, device_serial="other") == [new.pk]
    assert found(chief, received="nonsense") == [odd.pk, new.pk, old.pk]


def test_a_filter_by_serial_keeps_the_others(chief: Client) -> None:
    query = {"state__exact": "failed", "q": "x", "device_serial": '"><script>'}
    read = Page.of(chief.get(url(IngestEvent), query))
    assert '"><script>' not in read.html
    hidden = [one for name, one in read.tags if name == "input" and one.get("type") == "hidden"]
    assert {"type": "hidden", "name": "state__exact", "value": "failed"} in hidden
    assert {"type": "hidden", "name": "q", "value": "x"} in hidden


def test_event_types_of_the_host_can_be_filtered(chief: Client) -> None:
    from django_iot_ingest import event_types

    @event_types.register
    class Alarm(event_types.EventType):
        name = "alarm"
        read = apply = None  # type: ignore[assignment]

    try:
        row = event(event_type="alarm")
        assert found(chief, event_type="alarm") == [row.pk]
        assert "alarm" in Page.of(chief.get(url(IngestEvent))).links["?event_type=alarm"]
    finally:
        event_types.unregister("alarm")


def test_a_list_reads_no_body_and_counts_no_further_than_it_must(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST", 60)
    for _ in range(70):
        event()
    chief.get(url(IngestEvent))
    with CaptureQueriesContext(connection) as context:
        response = chief.get(url(IngestEvent))

    read = Page.of(response)
    read.check()
    assert response.context["cl"].result_count == 60
    assert "60 ingest events" in read.text and "There are more." in read.text
    selects = [one for one in statements(context, "SELECT") if IngestEvent._meta.db_table in one]
    counts = [one for one in selects if "COUNT" in one]
    assert len(counts) == 1 and "LIMIT 61" in counts[0]
    assert not [one for one in selects if "body" in one or '"result"' in one]
    assert len(found(chief, p="2")) == 10
    assert chief.get(url(IngestEvent), {"p": "9"}).status_code == 302


def test_a_short_list_says_nothing_of_more(chief: Client) -> None:
    event()
    assert "There are more" not in Page.of(chief.get(url(IngestEvent))).text


@pytest.mark.parametrize("size", [1, 40])
def test_list_and_page_take_the_same_statements_for_few_and_for_many(
    chief: Client, size: int
) -> None:
    for _ in range(size):
        row = event(event_type="returned", power_bank_serial=BANK)
    page(chief, row)
    with CaptureQueriesContext(connection) as of_list:
        chief.get(url(IngestEvent))
    with CaptureQueriesContext(connection) as of_page:
        page(chief, row)
    assert (len(of_list), len(of_page)) == (4, 8)


def test_the_admin_has_no_mistakes() -> None:
    for model in (IngestEvent,):
        assert admin.site.get_model_admin(model).check() == []


def test_a_search_asks_for_few_devices_only(chief: Client) -> None:
    model = get_station_model()
    model.objects.bulk_create([model(serial_number=f"S{n:03d}") for n in range(60)])
    serials = search._serials(model, "S")
    assert serials[0] == "S"
    assert len(serials) == 1 + search.MOST_DEVICES
