"""Refused requests and the history of stations in the admin."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest import request_ids, signing
from django_iot_ingest.admin.refused import PAGE_BYTES, PAGE_TRIES
from django_iot_ingest.doctor.search import Budget
from django_iot_ingest.models import RefusedRequest, StationStatusChange
from tests.gateway import Gateway
from tests.operators import Page, operator, page, statements, superuser, url
from tests.payloads import SECRET, STATION, full, status

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def chief(db: None) -> Client:
    return superuser()


def refused(**values: Any) -> RefusedRequest:
    defaults: dict[str, Any] = {
        "request_id": request_ids.new("INVALID_SIGNATURE"),
        "reason": "INVALID_SIGNATURE",
        "received_at": timezone.now(),
        "client_address": "192.0.2.7",
        "headers": {"X-Timestamp": "1795452778"},
        "body": b'{"type":"status"}',
    }
    return RefusedRequest.objects.create(**(defaults | values))


def test_a_refused_request_is_shown_as_it_came(chief: Client) -> None:
    answer = Gateway.with_admin().post(full(), secret="another-secret-of-thirty-two-bytes-1")
    assert answer.status_code == 403
    row = RefusedRequest.objects.get()

    read = page(chief, row)

    read.check()
    assert answer.json()["request_id"] == row.request_id
    assert f"python manage.py iot_doctor {row.request_id}" in read.text
    assert "X-Timestamp" in read.text and "INVALID_SIGNATURE" in read.text
    assert '"wifi_ssid": "चार्ज घर ☕"' in read.text
    assert "Bearer" not in read.html
    assert "Nothing explains the signature" in read.text


def test_the_page_says_what_was_wrong(chief: Client) -> None:
    stamp = "1795452778"
    body = b'{"type":"status"}'
    wrong_order = signing.sign(stamp.encode(), body.decode(), SECRET)
    row = refused(headers={"X-Timestamp": stamp, "X-Signature": wrong_order}, body=body)
    read = page(chief, row)
    read.check()
    assert "Fault: The timestamp was signed before the body." in read.text
    assert "Sign the body first, followed by the timestamp. wrong_order" in read.text


def test_a_page_does_not_search_for_long(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []
    take = Budget.take

    def counting(budget: Budget, size: int) -> bool:
        budgets.append(budget)
        return take(budget, size)

    monkeypatch.setattr(Budget, "take", counting)
    signature = base64.b64encode(bytes(32)).decode()
    large = b'{"type":"status","a":"' + b"x" * 200_000 + b'"}'
    row = refused(headers={"X-Timestamp": "1795452778", "X-Signature": signature}, body=large)
    page(chief, row).check()
    assert PAGE_BYTES // len(large) <= len(budgets) <= PAGE_TRIES


@pytest.mark.parametrize("headers", [{}, None, [], "text", {SCRIPT: SCRIPT}, {"A": None}])
def test_whatever_the_headers_hold_is_shown(chief: Client, headers: Any) -> None:
    row = refused(headers={} if headers is None else headers, body=SCRIPT.encode())
    read = page(chief, row)
    read.check()
    assert SCRIPT not in read.html


def test_a_request_is_found_by_its_id_however_written_and_by_address(chief: Client) -> None:
    row = refused()
    refused(client_address="2001:db8::1", reason="INVALID_JSON")
    spelled = f" {row.request_id[:8]}-{row.request_id[8:].upper()} "

    def found(**query: str) -> list[int]:
        response = chief.get(url(RefusedRequest), query)
        Page.of(response).check()
        return [one.pk for one in response.context["cl"].result_list]

    assert found(q=row.request_id) == found(q=spelled) == [row.pk]
    assert found(q="192.0.2.7") == [row.pk]
    assert found(q="192.0.2") == []
    assert len(found(q=" ")) == 2
    assert found(reason="INVALID_SIGNATURE") == [row.pk]


def test_it_is_read_by_some_deleted_by_others_and_changed_by_nobody(chief: Client) -> None:
    row = refused()
    viewer = operator("view_refusedrequest", name="viewer")
    delete = url(RefusedRequest, "delete", row.pk)
    assert viewer.post(delete, {"post": "yes"}).status_code == 403
    assert chief.get(url(RefusedRequest, "add")).status_code == 403
    change = url(RefusedRequest, "change", row.pk)
    assert chief.post(change, {"reason": "mine"}).status_code == 403
    assert viewer.get(url(RefusedRequest, "body", row.pk)).content == row.body
    cleaner = operator("view_refusedrequest", "delete_refusedrequest", name="cleaner")
    assert cleaner.post(delete, {"post": "yes"}).status_code == 302
    assert not RefusedRequest.objects.exists()


def test_its_list_reads_no_body(chief: Client) -> None:
    refused()
    with CaptureQueriesContext(connection) as context:
        Page.of(chief.get(url(RefusedRequest)))
    table = RefusedRequest._meta.db_table
    assert not [one for one in statements(context, "SELECT") if table in one and "body" in one]


def test_the_history_is_read_and_never_written(chief: Client) -> None:
    gateway = Gateway.with_admin()
    gateway.send(status("ONLINE"))
    gateway.send(status("OFFLINE"))
    StationStatusChange.objects.filter(to_status="OFFLINE").update(seconds_in_previous=61)
    newest = StationStatusChange.objects.order_by("-pk")[0]

    read = Page.of(chief.get(url(StationStatusChange)))
    read.check()
    assert "online offline 1 minute status event" in read.text
    page(chief, newest).check()
    for name in ("add", "delete", "change"):
        args = () if name == "add" else (newest.pk,)
        address = url(StationStatusChange, name, *args)
        assert chief.post(address, {"post": "yes"}).status_code == 403
    assert StationStatusChange.objects.count() == 2


def test_the_history_is_filtered_and_searched(chief: Client) -> None:
    Gateway.with_admin().send(status("ONLINE"))
    StationStatusChange.objects.create(
        device_serial="other",
        from_status="ONLINE",
        to_status="OFFLINE",
        changed_at=timezone.now(),
        trigger="TIMEOUT",
    )

    def found(**query: str) -> list[str]:
        response = chief.get(url(StationStatusChange), query)
        return [one.device_serial for one in response.context["cl"].result_list]

    assert found() == ["other", STATION]
    assert found(q=STATION) == [STATION]
    assert found(q=STATION[:5]) == []
    assert found(to_status="OFFLINE") == ["other"]
    assert found(trigger__exact="TIMEOUT") == ["other"]
    assert found(device_serial=STATION) == [STATION]


def test_a_status_that_is_none_of_ours_is_its_own_name(chief: Client) -> None:
    row = StationStatusChange.objects.create(
        device_serial="<b>1</b>",
        from_status="<b>2</b>",
        to_status="DUSTY",
        changed_at=timezone.now(),
        seconds_in_previous=2**40,
        trigger="WIND",
    )
    for read in (page(chief, row), Page.of(chief.get(url(StationStatusChange)))):
        read.check()
        assert "DUSTY" in read.text
        assert "<b>" not in read.html
