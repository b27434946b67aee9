"""The gateway's rules: tries, copies, log-ins, resets, on threads that are bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_iot_ingest import client, signing
from django_iot_ingest.client import Answer
from django_iot_ingest.simulator import delivery as deliveries
from django_iot_ingest.simulator import gateway as gateways
from django_iot_ingest.simulator import probe
from django_iot_ingest.simulator.chaos import CALM, Chaos, Plan
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.gateway import Gateway
from django_iot_ingest.simulator.line import MOST_LOG_INS, Attempt, Line, LogIns, OneToken
from django_iot_ingest.simulator.options import Unusable
from django_iot_ingest.simulator.tally import Tally
from tests.payloads import SECRET
from tests.test_client import Server, free_port, serving
from tests.test_simulator_expectation import word
from tests.test_simulator_summary import delivery

pytestmark = pytest.mark.once

APPLIED = (200, {}, b'{"data": {"state": "applied"}}')
AWAY = (503, {}, b'{"error": "TEMPORARILY_UNAVAILABLE"}')
NO_BEARER = (401, {}, b'{"error": "NOT_AUTHENTICATED"}')
LOGGED_IN = (200, {}, b'{"success": true, "data": {"access_token": "abc"}}')


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gateway wait a tenth of the time."""
    monkeypatch.setattr(deliveries, "PAUSES", (0.0, 0.2, 0.4))
    monkeypatch.setattr(gateways, "OFFSETS", (0.0, 0.2, 0.6))


@contextmanager
def gateway_to(server: Server, threads: int = 2) -> Iterator[Gateway]:
    def arrived(event: Delivery, answer: Answer) -> None:
        event.expected = "applied"

    gateway = Gateway(Line(server.url, SECRET, OneToken("abc")), threads, Tally(), arrived)
    try:
        yield gateway
    finally:
        gateway.close()


def deliver(gateway: Gateway, *events: Delivery) -> list[float]:
    """Send events to their ends; return when each of them was over, after the first began."""
    began, over = time.time(), []
    for event in events:
        gateway.begin(event, time.time())
    while not gateway.is_idle:
        over += [time.time() - began for _ in gateway.collect(time.time(), 0.05)]
        assert gateway.under_way <= gateway.threads
        assert time.time() - began < 20
    return over


def event(plan: Plan = CALM) -> Delivery:
    return delivery(word("A", 0, "ONLINE"), plan)


def bodies(server: Server) -> set[bytes]:
    return {body for _, _, body in server.seen}


def test_an_event_is_tried_three_times_and_then_forgotten() -> None:
    with serving(AWAY) as server, gateway_to(server) as gateway:
        sent = event()
        (seconds,) = deliver(gateway, sent)
    assert (sent.tries, sent.is_delivered, sent.unseen) == (3, False, 3)
    assert 0.6 <= seconds < 2
    assert (len(server.seen), gateway.tally.retries) == (3, 2)


@pytest.mark.parametrize(
    ("plan", "requests", "tries"),
    [
        (CALM, 1, 1),
        (Plan(Chaos.DUPLICATES, copies=3), 4, 1),
        (Plan(Chaos.DUPLICATES, copies=3, is_at_once=True), 4, 1),
        (Plan(Chaos.LOST, unheard=1), 2, 2),
        (Plan(Chaos.LOST, unheard=2), 3, 3),
        (Plan(Chaos.REORDER, unsent=1), 1, 2),
        (Plan(Chaos.LATE, unsent=2), 1, 3),
        (Plan(Chaos.DROP, unsent=3), 0, 0),
    ],
    ids=str,
)
def test_what_goes_wrong_is_done(plan: Plan, requests: int, tries: int) -> None:
    with serving(APPLIED) as server, gateway_to(server) as gateway:
        sent = event(plan)
        deliver(gateway, sent)
    assert (len(server.seen), sent.tries) == (requests, tries)
    assert sent.states.total() == requests
    assert sent.is_delivered == (requests > 0)
    assert len(bodies(server)) == min(requests, 1)


def test_each_try_is_signed_anew_and_a_reset_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = iter([1795452778, 1795452780])
    real = client.signed_headers
    monkeypatch.setattr(
        client, "signed_headers", lambda body, secret: real(body, secret, "", next(stamps))
    )
    with serving(APPLIED) as server, gateway_to(server, threads=1) as gateway:
        deliver(gateway, event(Plan(Chaos.LOST, unheard=1)))
        seen = [headers["X-Timestamp"] for _, headers, _ in server.seen]
    assert seen == ["1795452778", "1795452780"]
    for _, headers, body in server.seen:
        stamp, signature = headers["X-Timestamp"], headers["X-Signature"]
        assert signing.verify(body, stamp, signature, [SECRET])


def test_a_reset_connection_sends_the_same_bytes_again() -> None:
    with serving(APPLIED) as server, gateway_to(server) as gateway:
        sent = event(Plan(Chaos.RESET, cuts=3))
        deliver(gateway, sent)
        deadline = time.time() + 5
        while len(server.seen) < 4 and time.time() < deadline:
            time.sleep(0.01)
    assert (sent.unseen, sent.tries, sent.is_delivered) == (3, 1, True)
    assert gateway.tally.requests == {"status": 4}
    assert len({(headers["X-Timestamp"], body) for _, headers, body in server.seen}) == 1


def test_threads_are_bounded() -> None:
    with serving(APPLIED) as server, gateway_to(server, threads=2) as gateway:
        deliver(gateway, *(event(Plan(Chaos.DUPLICATES, 3, True)) for _ in range(10)))
    assert len(server.seen) == 40


def test_a_held_event_lets_its_station_go_on_and_waits_for_it() -> None:
    with serving(APPLIED) as server, gateway_to(server) as gateway:
        held = event(Plan(Chaos.REORDER, unsent=1))
        gateway.begin(held, time.time())
        assert held.is_held and not held.station.is_busy
        held.station.is_busy = True
        began = time.time()
        while time.time() - began < 0.5:
            assert not list(gateway.collect(time.time(), 0.02))
        held.station.is_busy = False
        assert deliver(gateway) and held.is_delivered
    assert len(server.seen) == 1


def test_what_is_not_under_way_can_be_abandoned() -> None:
    with serving(AWAY) as server, gateway_to(server) as gateway:
        sent = event()
        gateway.begin(sent, time.time())
        while not gateway.later:
            list(gateway.collect(time.time(), 0.02))
        assert gateway.abandon() == [sent]
        assert gateway.is_idle


def test_a_late_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "LATE_SECONDS", 0.0)
    with serving(APPLIED) as server, gateway_to(server) as gateway:
        sent = event()
        deliver(gateway, sent)
    assert sent.is_late


def test_what_breaks_inside_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Attempt:
        raise RuntimeError("whatever")

    monkeypatch.setattr(Line, "attempt", broken)
    with serving(APPLIED) as server, gateway_to(server) as gateway:
        deliver(gateway, event())
    assert gateway.tally.unexpected.texts[0] == "status of A: no answer (RuntimeError)"


# Log-ins


def attempt(server: Server, *, first: bool = True) -> Attempt:
    line = Line(server.url, SECRET, LogIns(server.url, "gateway@example.com", "pw"))
    if first:
        probe.check(line, 1)
    return line.attempt(b"{}")


def test_a_401_logs_in_again_and_sends_the_same_bytes() -> None:
    answers = [AWAY, LOGGED_IN, NO_BEARER, LOGGED_IN, APPLIED]
    with serving(*answers) as server:
        heard = attempt(server)
    assert [answer.status for answer in heard.answers] == [401, 200]
    _, _, first, _, second = server.seen
    assert first[2] == second[2] == b"{}"
    assert first[1]["X-Signature"] == second[1]["X-Signature"]
    assert first[1]["Authorization"] == second[1]["Authorization"] == "Bearer abc"


def test_log_ins_are_bounded() -> None:
    answers = [AWAY, LOGGED_IN, *[NO_BEARER, LOGGED_IN] * (MOST_LOG_INS + 5)]
    with serving(*answers) as server:
        heard = attempt(server)
    assert [answer.status for answer in heard.answers] == [401] * (MOST_LOG_INS + 1)
    assert len(server.seen) == 2 + 2 * MOST_LOG_INS + 1


def test_a_token_that_somebody_gave_is_not_renewed() -> None:
    with serving(NO_BEARER) as server:
        heard = Line(server.url, SECRET, OneToken("abc")).attempt(b"{}")
    assert [answer.status for answer in heard.answers] == [401]


def test_an_old_token_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(LOGGED_IN) as server:
        bearers = LogIns(server.url, "gateway@example.com", "pw")
        bearers.prepare(2)
        assert len(server.seen) == 2
        assert bearers.token() == bearers.token() == "abc"
        assert len(server.seen) == 2
        monkeypatch.setattr("django_iot_ingest.simulator.line.TOKEN_SECONDS", -1)
        bearers.token()
        assert len(server.seen) == 3


# The probe


@pytest.mark.parametrize("status", [301, 308, 404, 405])
def test_an_endpoint_that_is_elsewhere_is_named(status: int) -> None:
    with serving((status, {}, b"")) as server, pytest.raises(Unusable, match=f"answers {status}"):
        probe.check(Line(server.url, SECRET, OneToken("abc")), 1)


def test_a_server_that_is_away_is_named() -> None:
    line = Line(f"http://127.0.0.1:{free_port()}/", SECRET, OneToken("abc"))
    with pytest.raises(Unusable, match="does not answer"):
        probe.check(line, 1)


@pytest.mark.parametrize("answer", [(401, {}, b""), (200, {}, b"{}"), (201, {}, LOGGED_IN[2])])
def test_a_log_in_without_a_token_is_named(answer: tuple[int, dict[str, str], bytes]) -> None:
    with (
        serving(AWAY, answer) as server,
        pytest.raises(Unusable, match=r"--login.*no token") as told,
    ):
        attempt(server)
    assert "pw" not in str(told.value)


def test_a_clock_that_is_off_is_noted() -> None:
    date = {"Date": "Mon, 23 Nov 2026 16:52:58 GMT"}
    with serving((403, date, b"")) as server:
        notes = probe.check(Line(server.url, SECRET, OneToken("abc")), 1)
    assert any("clock is" in note for note in notes)


@pytest.mark.parametrize("date", ["soon", "Fri, 31 Dec 9999 23:59:59 -0000"])
def test_a_date_that_is_none_is_no_error(date: str) -> None:
    with serving((403, {"Date": date}, b"")) as server:
        probe.check(Line(server.url, SECRET, OneToken("abc")), 1)


def test_no_secret_is_shown_by_what_holds_it() -> None:
    line = Line("http://host/", SECRET, LogIns("http://host/", "a@example.com", "pass-word"))
    token = Line("http://host/", SECRET, OneToken("to-ken"))
    for shown in (repr(line), repr(line.bearers), repr(token), repr(token.bearers)):
        assert not any(word in shown for word in (SECRET, "pass-word", "to-ken"))
