"""The endpoint: every row of the check table, in its order, and what each answer says."""

from __future__ import annotations

import logging
from datetime import datetime
from io import BytesIO
from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client
from django.test.client import FakePayload
from django.urls import resolve, reverse

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import StationSyncService
from django_iot_ingest.signals import request_refused
from django_iot_ingest.views import StationDataInternalView
from tests.gateway import URL, Gateway, listen
from tests.line import Line, Unreadable
from tests.payloads import BANK, SECRET, STATION, encode, full, returned, status

pytestmark = pytest.mark.django_db

OTHER_SECRET = "another-secret-of-somebody-else-0123456789"
CANARY = "CaNaRy-7291"
"""A text that is in every part of a request, and must be in no part of an answer."""


class BrokenService(StationSyncService):
    """A host whose hooks fail, and say too much while they do."""

    def apply_status(self, report: Any) -> Any:
        raise RuntimeError(f"{CANARY} of {report.device_serial}")


BROKEN = "tests.test_views.BrokenService"

# A fault changes a good request; its answer is the status, the error and the message.
FAULTS: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "1-method": ({"method": "GET"}, (405, "METHOD_NOT_ALLOWED", "Method not allowed")),
    "2-address": ({"address": "198.51.100.7"}, (403, "IP_NOT_ALLOWED", "Request refused")),
    "3-type": (
        {"content_type": f"text/{CANARY}"},
        (415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"),
    ),
    "3-encoding": (
        {"encoding": f"gzip, {CANARY}"},
        (415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"),
    ),
    "3-no-length": ({"length": None}, (411, "LENGTH_REQUIRED", "Length required")),
    "3-too-large": ({"length": "262145"}, (413, "PAYLOAD_TOO_LARGE", "Payload too large")),
    "4-shape": ({"signature": CANARY}, (403, "INVALID_SIGNATURE", "Request refused")),
    "5-bearer": ({"token": CANARY}, (401, "NOT_AUTHENTICATED", "Not authenticated")),
    "6-no-admin": ({"user": "clerk"}, (403, "NOT_PERMITTED", "Request refused")),
    "7-mac": ({"secret": OTHER_SECRET}, (403, "INVALID_SIGNATURE", "Request refused")),
    "8-stale": (
        {"timestamp": "1698345600"},
        (403, "STALE_TIMESTAMP", "Timestamp outside the accepted window"),
    ),
    "9-json": ({"body": f'{{"type":"{CANARY}"'.encode()}, (400, "INVALID_JSON", "Invalid JSON")),
    "10-type": (
        {"body": encode({"type": CANARY, "device": CANARY})},
        (400, "UNKNOWN_TYPE", "Unknown event type"),
    ),
    "10-identity": (
        {"body": encode({**status(CANARY), "device": {"serial_number": f"{CANARY} "}})},
        (400, "INVALID_PAYLOAD", "Invalid payload"),
    ),
    "11-trouble": (
        {"service": BROKEN},
        (503, "TEMPORARILY_UNAVAILABLE", "Temporarily unavailable"),
    ),
}

BEFORE_THE_BODY = [name for name in FAULTS if int(name.split("-")[0]) <= 5]
WITHOUT_A_ROW = [name for name in FAULTS if int(name.split("-")[0]) <= 8]
PAIRS = list(combinations(FAULTS, 2))
HEADERS = {405: ("Allow", "POST"), 401: ("WWW-Authenticate", "Bearer"), 503: ("Retry-After", "5")}

by_fault = pytest.mark.parametrize("name", FAULTS)


@pytest.fixture
def line(settings: Any) -> Line:
    return Line(settings)


def told(response: Any) -> tuple[int, str, str]:
    """Return status, error and message of a refusal."""
    answer = response.json()
    return response.status_code, answer["error"], answer["message"]


# --- the table


def test_a_request_without_a_fault_is_accepted(line: Line) -> None:
    assert line.call().status_code == 200


@by_fault
def test_each_fault_has_its_answer(line: Line, name: str) -> None:
    fault, expected = FAULTS[name]
    response = line.call(**fault)
    assert told(response) == expected
    assert response["Content-Type"] == "application/json"
    for status_code, (header, value) in HEADERS.items():
        if header != "Allow":
            assert response.get(header) == (value if status_code == expected[0] else None)
    extra = {"STALE_TIMESTAMP": {"server_time"}, "INVALID_PAYLOAD": {"errors"}}
    keys = {"success", "message", "error", "request_id"} | extra.get(expected[1], set())
    assert set(response.json()) == keys
    assert response.json()["success"] is False


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["&".join(pair) for pair in PAIRS])
def test_of_two_faults_the_earlier_check_answers(line: Line, first: str, second: str) -> None:
    response = line.call(**{**FAULTS[second][0], **FAULTS[first][0]})
    assert told(response) == FAULTS[first][1]


def test_all_faults_at_once_are_answered_by_the_first_check(line: Line) -> None:
    everything: dict[str, Any] = {}
    for fault, _ in reversed(FAULTS.values()):
        everything.update(fault)
    assert told(line.call(**everything)) == FAULTS["1-method"][1]


@pytest.mark.parametrize("name", BEFORE_THE_BODY)
def test_before_the_bearer_holds_no_body_is_read_and_no_query_runs(
    line: Line, django_assert_num_queries: Any, name: str
) -> None:
    fault, expected = FAULTS[name]
    with django_assert_num_queries(0):
        response = line.call(stream=Unreadable(b"x"), **fault)
    assert told(response) == expected


@pytest.mark.parametrize("name", WITHOUT_A_ROW)
def test_a_request_that_fails_up_to_the_time_window_leaves_no_row(line: Line, name: str) -> None:
    line.call(**FAULTS[name][0])
    assert not IngestEvent.objects.exists()


@pytest.mark.parametrize("name", ["9-json", "10-type", "10-identity"])
def test_a_signed_body_that_is_refused_is_kept(line: Line, name: str) -> None:
    fault, expected = FAULTS[name]
    line.call(**fault)
    row = IngestEvent.objects.get()
    assert (row.state, row.last_error_code) == ("refused", expected[1])
    assert bytes(row.body) == fault["body"]


@pytest.mark.parametrize("name", ["9-json", "10-type", "10-identity"])
def test_a_refused_body_that_cannot_be_kept_is_asked_for_again(
    line: Line, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def save(*_: Any, **__: Any) -> None:
        raise OperationalError(CANARY)

    monkeypatch.setattr(IngestEvent, "save", save)
    assert told(line.call(**FAULTS[name][0])) == FAULTS["11-trouble"][1]


@by_fault
def test_nothing_of_a_request_is_echoed(line: Line, name: str) -> None:
    fault, _ = FAULTS[name]
    extra = {
        "QUERY_STRING": f"{CANARY}=<script>",
        "HTTP_X_REQUEST_ID": CANARY,
        "HTTP_USER_AGENT": CANARY,
        "HTTP_ACCEPT": CANARY,
        "HTTP_ACCEPT_LANGUAGE": CANARY,
        "HTTP_ORIGIN": f"https://{CANARY}.example",
        "HTTP_COOKIE": f"sessionid={CANARY}",
    }
    response = line.call(extra=extra, **fault)
    assert told(response) == FAULTS[name][1]
    everything = response.content.decode() + repr(response.headers) + repr(response.cookies)
    for text in (CANARY, STATION, SECRET, line.gateway.token, "Traceback", "Error("):
        assert text not in everything


def test_every_refusal_has_an_id_of_its_own(line: Line) -> None:
    ids = [line.call(**fault).json()["request_id"] for fault, _ in FAULTS.values()]
    ids += [line.call(token="bad").json()["request_id"] for _ in range(3)]
    assert len(set(ids)) == len(ids)


@by_fault
def test_the_id_of_a_refusal_is_in_its_log_line(
    line: Line, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    request_id = line.call(**FAULTS[name][0]).json()["request_id"]
    assert request_id in caplog.text


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "X"]
)
def test_no_method_but_post_is_allowed(line: Line, method: str) -> None:
    response = line.call(method=method)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_a_payload_names_at_most_20_errors_by_path(line: Line) -> None:
    response = line.call(body=encode({"type": "full", "slots": {}, "power_banks": 1}))
    assert told(response) == (400, "INVALID_PAYLOAD", "Invalid payload")
    errors = response.json()["errors"]
    assert set(errors) == {"device.serial_number", "slots", "power_banks"}
    assert all(isinstance(text, str) for texts in errors.values() for text in texts)


def test_rows_are_counted_before_they_are_judged(line: Line) -> None:
    payload = full(slots=[None] * 257, banks=[None] * 257)
    errors = line.call(body=encode(payload)).json()["errors"]
    assert set(errors) == {"slots", "power_banks"}
    payload = full(slots=[None] * 256, banks=[None] * 256)
    assert line.call(body=encode(payload)).status_code == 200


@pytest.mark.parametrize("kind", [None, 1, True, [], {}, "", "FULL", " full", "full\x00", "\ud800"])
def test_a_type_is_known_exactly_as_it_is_written(line: Line, kind: Any) -> None:
    response = line.call(body=encode({**status(), "type": kind}))
    assert told(response)[:2] == (400, "UNKNOWN_TYPE")


# --- the body


def test_a_body_of_exactly_the_limit_is_read(line: Line) -> None:
    body = encode(status())
    assert line.call(body=body + b" " * (262_144 - len(body))).status_code == 200
    assert line.call(body=body + b" " * (262_145 - len(body))).status_code == 413


def test_a_body_beyond_djangos_own_limit_is_too_large(line: Line, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert told(line.call()) == (413, "PAYLOAD_TOO_LARGE", "Payload too large")


def test_no_body_at_all_is_no_json(line: Line) -> None:
    assert told(line.call(body=b""))[1] == "INVALID_JSON"


def test_a_body_that_ends_too_early_is_a_signature_fault(line: Line) -> None:
    body = encode(status())
    response = line.call(body=body, stream=BytesIO(body[:-10]))
    assert told(response)[1] == "INVALID_SIGNATURE"


def test_a_body_that_breaks_off_is_temporary_trouble(line: Line) -> None:
    class Broken(FakePayload):
        def read(self, *_: Any) -> bytes:
            raise ConnectionResetError

    assert told(line.call(stream=Broken(b"x"))) == FAULTS["11-trouble"][1]


def reads_the_body(get_response: Any) -> Any:
    """A middleware that looks at the body as a host's own logging does."""

    def middleware(request: HttpRequest) -> Any:
        assert request.body
        return get_response(request)

    return middleware


def looks_for_a_form(get_response: Any) -> Any:
    """A middleware that asks for a form field."""

    def middleware(request: HttpRequest) -> Any:
        request.POST.get("field")
        return get_response(request)

    return middleware


def consumes_the_body(get_response: Any) -> Any:
    """A middleware that leaves nothing for anybody else."""

    def middleware(request: HttpRequest) -> Any:
        request.read(1)
        return get_response(request)

    return middleware


@pytest.mark.parametrize(
    ("middleware", "status_code"),
    [("reads_the_body", 200), ("looks_for_a_form", 200), ("consumes_the_body", 503)],
)
def test_a_middleware_that_read_the_body_before_makes_no_500(
    line: Line, settings: Any, middleware: str, status_code: int
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"tests.test_views.{middleware}"]
    assert line.call().status_code == status_code


# --- answers


def test_the_url_has_its_name_and_no_trailing_slash(line: Line) -> None:
    assert reverse("django_iot_ingest:station-data") == URL
    assert not URL.endswith("/")
    assert resolve(URL).func.cls is StationDataInternalView
    assert line.call().status_code == 200


def test_an_accepted_event_is_answered_as_the_contract_says(line: Line) -> None:
    response = line.call(body=encode(full()))
    answer = response.json()
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert set(answer) == {"success", "message", "data"}
    assert (answer["success"], answer["message"]) == (True, "Station data updated")
    data = answer["data"]
    assert datetime.fromisoformat(data.pop("timestamp")).tzinfo is not None
    assert data.pop("event_id") == str(IngestEvent.objects.get().pk)
    assert isinstance(data.pop("station_id"), str)
    assert data == {
        "state": "applied",
        "warnings": [],
        "station_serial": STATION,
        "slots_updated": 2,
        "powerbanks_updated": 1,
        "offline_returns_processed": 0,
    }


def test_a_repeated_return_is_told_the_first_result_and_that_it_is_one(line: Line) -> None:
    line.call(body=encode(full()))
    body = encode(returned(BANK, 2))
    first, second = line.call(body=body), line.call(body=body)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second.status_code == 200
    changed = {"state": "duplicate", "timestamp": second.json()["data"]["timestamp"]}
    assert second.json()["data"] == {**first.json()["data"], **changed}


PREFERENCES = {
    "html": {"HTTP_ACCEPT": "text/html,application/xhtml+xml"},
    "xml": {"HTTP_ACCEPT": "application/xml"},
    "version": {"HTTP_ACCEPT": "application/json; version=9"},
    "malformed": {"HTTP_ACCEPT": ";;;///"},
    "nothing": {"HTTP_ACCEPT": ""},
    "nepali": {"HTTP_ACCEPT_LANGUAGE": "ne, de;q=0.5"},
    "5,000-letter-language": {"HTTP_ACCEPT_LANGUAGE": "x" * 5000},
    "format": {"QUERY_STRING": "format=xml"},
    "format-and-method": {"QUERY_STRING": "format=api&_method=GET"},
    "method-override": {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
}


@pytest.mark.parametrize("extra", PREFERENCES.values(), ids=list(PREFERENCES))
def test_what_a_client_would_rather_have_is_ignored(line: Line, extra: dict[str, str]) -> None:
    good, bad = line.call(extra=extra), line.call(extra=extra, secret=OTHER_SECRET)
    assert (good.status_code, good.json()["message"]) == (200, "Station data updated")
    assert told(bad) == FAULTS["7-mac"][1]
    assert {good["Content-Type"], bad["Content-Type"]} == {"application/json"}


def test_no_csrf_token_is_asked_for(line: Line) -> None:
    client = Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.5")
    client.force_login(get_user_model().objects.get(is_superuser=True))
    Gateway(line.gateway.token, client).send(status())


def test_what_nobody_expected_is_temporary_and_never_a_500(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RecursionError(CANARY)

    monkeypatch.setattr("django_iot_ingest.event_types.read", fail)
    response = line.call()
    assert told(response) == FAULTS["11-trouble"][1]
    assert CANARY not in response.content.decode()


# --- signals and the log


@by_fault
def test_a_refusal_is_signalled_with_the_id_of_its_answer(line: Line, name: str) -> None:
    fault, (_, error, _) = FAULTS[name]
    with listen(request_refused) as heard:
        request_id = line.call(**fault).json()["request_id"]
    assert [(event["reason"], event["request_id"]) for event in heard] == [(error, request_id)]
    assert heard[0]["sender"] is StationDataInternalView


def test_a_receiver_that_fails_changes_no_answer(line: Line) -> None:
    def receiver(**_: Any) -> None:
        raise RuntimeError(CANARY)

    request_refused.connect(receiver)
    try:
        response = line.call(secret=OTHER_SECRET)
    finally:
        request_refused.disconnect(receiver)
    assert told(response) == FAULTS["7-mac"][1]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what a log file would hold of our own loggers."""
    ours = [r for r in caplog.records if r.name.startswith("django_iot_ingest.")]
    return [record.getMessage() for record in ours]


@by_fault
def test_whoever_greps_for_the_view_finds_every_refusal(
    line: Line, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    fault, (_, error, _) = FAULTS[name]
    line.call(**fault)
    assert [text for text in lines(caplog) if "StationDataInternalView" in text and error in text]


@pytest.mark.parametrize("name", ["4-shape", "7-mac", "8-stale"])
def test_whoever_greps_for_signature_finds_every_signature_fault(
    line: Line, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    line.call(**FAULTS[name][0])
    assert [text for text in lines(caplog) if "signature" in text]


def test_whoever_greps_for_the_service_finds_what_was_applied(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line.call()
    assert [text for text in lines(caplog) if "StationSyncService" in text and STATION in text]
