"""Cheap and quiet: what refusals leave behind"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from django_iot_ingest import captures, refusals
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.models import IngestEvent, RefusedRequest
from django_iot_ingest.services import StationSyncService
from django_iot_ingest.signals import request_refused
from tests.gateway import listen
from tests.line import Line
from tests.payloads import encode, full, returned, status
from tests.security.cases import attack, case, told

pytestmark = pytest.mark.one_host

FLOOD = 50
ROTATED = "the-secret-before-this-one-0123456789abcdef"
CANARY = "CaNaRy-7291"


class WordyService(StationSyncService):
    """A host whose hook fails, with words that would look like lines of ours."""

    def apply_status(self, report: Any) -> Any:
        raise ValueError(f"no\nWARNING django_iot_ingest.views {CANARY}\r\x1b[31m")


class SpoilingService(StationSyncService):
    """A host whose hook writes what no table takes."""

    def apply_status(self, report: Any) -> Any:
        get_station_model().objects.update(wifi_ssid=CANARY, total_slots=None)


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return our own lines at WARNING and above."""
    records = [record for record in caplog.records if record.name.startswith("django_iot_ingest")]
    return [record.getMessage() for record in records]


@pytest.mark.parametrize(
    "fault",
    [
        attack("a flood of other methods", "405 METHOD_NOT_ALLOWED", {"method": "GET"}),
        attack("a flood from a stranger", "403 IP_NOT_ALLOWED", {"address": "198.51.100.7"}),
        attack("a flood of other types", "415 UNSUPPORTED_MEDIA_TYPE", {"content_type": "a/b"}),
        attack("a flood without a length", "411 LENGTH_REQUIRED", {"length": None}),
        attack("a flood of large bodies", "413 PAYLOAD_TOO_LARGE", {"length": "999999999"}),
        attack("a flood of malformed signatures", "403 INVALID_SIGNATURE", {"signature": "x"}),
        attack("a flood of bad tokens", "401 NOT_AUTHENTICATED", {"token": "a.b.c"}),
        attack("a flood from a clerk", "403 NOT_PERMITTED", {"user": "clerk"}),
        attack("a flood of wrong MACs", "403 INVALID_SIGNATURE", {"secret": "o" * 40}),
        attack("a flood of old timestamps", "403 STALE_TIMESTAMP", {"timestamp": "1698345600"}),
    ],
)
def test_a_flood_is_counted_and_signalled_and_hardly_logged(
    fault: dict[str, Any], expected: str, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    with listen(request_refused) as heard:
        answers = {told(line.call(**fault)) for _ in range(FLOOD)}
    assert answers == {expected}
    reason = expected.split()[1]
    assert sum(minute[reason] for minute in refusals.counts().values()) == FLOOD
    assert [payload["reason"] for payload in heard] == [reason] * FLOOD
    is_kept = RefusedRequest.objects.exists()
    lines = captures.MOST_A_MINUTE if is_kept else 1
    assert is_kept == (
        reason in {"INVALID_SIGNATURE", "STALE_TIMESTAMP"} and "signature" not in fault
    )
    assert lines <= len(ours(caplog)) <= (2 * lines if is_kept else 1), "a minute may end meanwhile"
    assert {record.name for record in caplog.records} == {"django_iot_ingest.refusals"}
    assert not IngestEvent.objects.exists()


@case("a flood of one refused body", "400 INVALID_PAYLOAD")
def test_a_refused_body_leaves_one_row_however_often_it_comes(line: Line, expected: str) -> None:
    body = encode(returned(bank=None, at=1_795_000_000))
    assert {told(line.call(body=body)) for _ in range(FLOOD)} == {expected}
    row = IngestEvent.objects.get()
    assert (row.state, row.attempts, bytes(row.body)) == ("refused", FLOOD, body)


@case("a hook whose error forges log lines", "503 TEMPORARILY_UNAVAILABLE")
def test_words_of_an_error_stay_on_their_line(
    line: Line, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = line.call(service=f"{__name__}.{WordyService.__name__}")
    assert told(response) == expected
    assert CANARY not in response.content.decode()
    (text,) = [line for line in ours(caplog) if CANARY in line]
    assert text.splitlines()[-1].startswith("builtins.ValueError: no\\nWARNING ")
    assert "\x1b" not in text


@case("a hook whose database error shows the row", "503 TEMPORARILY_UNAVAILABLE")
def test_a_row_that_a_database_shows_is_not_logged(
    line: Line, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(line.call(body=encode(full()))) == "200 applied"
    service = f"{__name__}.{SpoilingService.__name__}"
    assert told(line.call(service=service)) == expected
    assert "IntegrityError" in caplog.text
    assert CANARY not in caplog.text


def test_the_log_says_once_a_minute_which_secret_matched(
    line: Line, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_iot_ingest.authentication")
    current = settings.IOT_INGEST["SIGNATURE_SECRETS"]
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": [*current, ROTATED]}
    for _ in range(3):
        assert told(line.call()) == "200 applied"
        assert told(line.call(secret=ROTATED)) == "200 applied"
    lines = [text for text in ours(caplog) if "signature made with" in text]
    assert [text.split()[3].rstrip(";") for text in lines] == [
        "SIGNATURE_SECRETS[0]",
        "SIGNATURE_SECRETS[1]",
    ]


def test_an_accepted_event_is_one_line_and_says_nothing_of_its_body(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.call(body=encode(status()))
    caplog.set_level(logging.DEBUG)
    line.call(body=encode({**full(), "note": CANARY}))
    (text,) = [text for text in ours(caplog) if "full" in text]
    assert text == "StationSyncService: full event of 860000000000017 is applied"
    assert CANARY not in caplog.text
