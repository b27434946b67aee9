"""What is kept of refused requests, and of whom nothing is."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from django_iot_ingest import captures, database, prune, refusals
from django_iot_ingest.models import RefusalCount, RefusedRequest
from tests.line import Line
from tests.payloads import encode, returned, status
from tests.test_views import FAULTS

BEFORE_THE_BEARER = [name for name in FAULTS if int(name.split("-")[0]) <= 5]
OF_THE_REQUEST = [name for name in FAULTS if 7 <= int(name.split("-")[0]) <= 10]
OTHER_SECRET = "another-secret-of-somebody-else-0123456789"


@pytest.fixture
def line(db: None, settings: Any) -> Line:
    return Line(settings)


def test_the_faults_are_told_apart() -> None:
    assert len(BEFORE_THE_BEARER) >= 6
    assert len(OF_THE_REQUEST) >= 4


@pytest.mark.parametrize("name", BEFORE_THE_BEARER)
def test_nothing_is_kept_of_whoever_is_not_let_in(name: str, line: Line) -> None:
    fault, _ = FAULTS[name]
    line.call(**fault)
    assert not RefusedRequest.objects.exists()
    assert not RefusalCount.objects.exists()


@pytest.mark.parametrize("name", [name for name in BEFORE_THE_BEARER if name != "3-too-large"])
def test_nor_where_a_middleware_of_the_host_has_read_the_body(
    name: str, line: Line, settings: Any
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reading", *settings.MIDDLEWARE]
    fault, (status_code, _, _) = FAULTS[name]
    assert line.call(**fault).status_code == status_code
    assert not RefusedRequest.objects.exists()


def reading(get_response: Any) -> Any:
    """Read the body of every request, as a host's own log does."""

    def middleware(request: Any) -> Any:
        assert isinstance(request.body, bytes)
        return get_response(request)

    return middleware


@pytest.mark.parametrize("name", OF_THE_REQUEST)
def test_a_request_is_kept_under_the_id_that_its_answer_has(name: str, line: Line) -> None:
    fault, (_, error, _) = FAULTS[name]
    answer = line.call(**fault)
    kept = RefusedRequest.objects.get()
    assert (kept.request_id, kept.reason) == (answer.json()["request_id"], error)
    assert bytes(kept.body) == fault.get("body", bytes(kept.body)) != b""
    assert kept.client_address == "203.0.113.5"
    assert abs(kept.received_at - timezone.now()) < timedelta(seconds=60)
    assert kept.headers["Content-Type"] == "application/json"


def test_a_token_is_never_kept_and_a_good_signature_neither(line: Line) -> None:
    line.call(secret=OTHER_SECRET)
    wrong = RefusedRequest.objects.get()
    assert {"X-Signature", "X-Timestamp", "Content-Length"} <= set(wrong.headers)
    line.call(timestamp=str(int(time.time()) + 1000))
    early = RefusedRequest.objects.latest("pk")
    assert early.reason == "STALE_TIMESTAMP"
    assert "X-Signature" not in early.headers
    for row in (wrong, early):
        assert line.gateway.token not in str(row.headers)
        assert "Authorization" not in row.headers


def test_headers_are_cut_and_cleaned(line: Line) -> None:
    odd = {"HTTP_USER_AGENT": "a\x00b\udce9" + "x" * 9000}
    line.call(secret=OTHER_SECRET, extra=odd)
    agent = RefusedRequest.objects.get().headers["User-Agent"]
    assert agent.startswith("ab?xxx")
    assert len(agent) < 520


def test_what_is_accepted_or_unavailable_is_not_kept(line: Line) -> None:
    assert line.call().status_code == 200
    assert line.call(service="tests.test_views.BrokenService").status_code == 503
    assert not RefusedRequest.objects.exists()


def test_a_process_keeps_so_many_in_a_minute(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures.time, "monotonic", lambda: 600.0)
    for _ in range(captures.MOST_A_MINUTE + 3):
        assert line.call(secret=OTHER_SECRET).status_code == 403
    assert RefusedRequest.objects.count() == captures.MOST_A_MINUTE
    monkeypatch.setattr(captures.time, "monotonic", lambda: 660.0)
    line.call(secret=OTHER_SECRET)
    assert RefusedRequest.objects.count() == captures.MOST_A_MINUTE + 1


def test_what_is_kept_has_its_line_in_the_log(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    answers = [line.call(secret=OTHER_SECRET) for _ in range(3)]
    ids = [answer.json()["request_id"] for answer in answers]
    assert [getattr(record, "request_id", None) for record in caplog.records] == ids
    for request_id, text in zip(ids, caplog.messages, strict=True):
        assert f"refused the signature: INVALID_SIGNATURE, request {request_id}" in text


def test_the_newest_stay(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "KEPT", 3)
    ids = [line.call(secret=OTHER_SECRET).json()["request_id"] for _ in range(5)]
    kept = RefusedRequest.objects.order_by("pk").values_list("request_id", flat=True)
    assert list(kept) == ids[-3:]


def test_an_answer_does_not_depend_on_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(captures, "_insert", fail)
    for _ in range(2):
        assert line.call(secret=OTHER_SECRET).json()["error"] == "INVALID_SIGNATURE"
    lines = [text for text in caplog.messages if "was not kept" in text]
    assert lines == ["a refused request was not kept: DatabaseError"]


def test_counts_are_stored_by_the_next_whose_bearer_holds(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        line.call(method="GET")
    assert not RefusalCount.objects.exists()
    assert line.call().status_code == 200
    assert list(RefusalCount.objects.values_list("reason", "count")) == [("METHOD_NOT_ALLOWED", 3)]

    line.call(secret=OTHER_SECRET)
    assert RefusalCount.objects.count() == 1, "not yet: it is not long ago"
    later = time.monotonic() + refusals.STORE_SECONDS
    monkeypatch.setattr(refusals.time, "monotonic", lambda: later)
    line.call(body=encode(returned(bank=None)))
    stored = RefusalCount.objects.order_by("pk").values_list("reason", "count")
    assert list(stored)[1:] == [("INVALID_SIGNATURE", 1), ("INVALID_PAYLOAD", 1)]


def test_counts_that_cannot_be_stored_change_no_answer(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(refusals, "in_transaction", fail)
    line.call(method="GET")
    assert line.call(body=encode(status("OFFLINE"))).status_code == 200
    assert "counts of refusals were not stored: DatabaseError" in caplog.text


def test_an_answer_that_is_late_already_waits_for_neither(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_WITHIN", 0.0)
    assert line.call(secret=OTHER_SECRET).json()["error"] == "INVALID_SIGNATURE"
    assert line.call().status_code == 200
    assert not RefusedRequest.objects.exists() and not RefusalCount.objects.exists()

    monkeypatch.undo()
    line.call()
    assert list(RefusalCount.objects.values_list("reason", "count")) == [("INVALID_SIGNATURE", 1)]


@pytest.mark.parametrize("path", ["captures", "refusals"])
def test_its_time_is_that_of_the_request(
    line: Line, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    left: list[float | None] = []

    def note(work: Any, *, arrived: float | None = None) -> None:
        left.append(arrived)

    monkeypatch.setattr(f"django_iot_ingest.{path}.in_transaction", note)
    before = time.monotonic()
    line.call(secret=OTHER_SECRET)
    assert len(left) == 1 and left[0] is not None and before <= left[0] <= time.monotonic()


def test_old_ones_are_pruned(line: Line) -> None:
    line.call(secret=OTHER_SECRET)
    assert prune.prune()["refusals"] == 0
    long_ago = timezone.now() - timedelta(days=prune.KEEP_REFUSALS_DAYS, minutes=1)
    RefusedRequest.objects.update(received_at=long_ago)
    RefusalCount.objects.update(minute=long_ago)
    assert prune.prune(dry_run=True)["refusals"] == 2
    assert prune.prune()["refusals"] == 2
    assert not RefusedRequest.objects.exists()
    assert not RefusalCount.objects.exists()
