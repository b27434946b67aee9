"""What is counted, and what it adds up to."""

from __future__ import annotations

import io
import json
from random import Random
from statistics import quantiles

import pytest

from django_iot_ingest.client import Answer
from django_iot_ingest.simulator import screen, tally
from django_iot_ingest.simulator.chaos import CALM, Chaos, Plan
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.expectation import Expectation, KnownBank, KnownStation
from django_iot_ingest.simulator.hardware import Station
from django_iot_ingest.simulator.histogram import Histogram
from django_iot_ingest.simulator.line import Attempt
from django_iot_ingest.simulator.occurrences import Occurrence
from django_iot_ingest.simulator.summary import Summary
from django_iot_ingest.simulator.tally import Tally
from tests.test_simulator_expectation import returned, word
from tests.test_simulator_options import GOOD

pytestmark = pytest.mark.once


def delivery(occurrence: Occurrence, plan: Plan = CALM) -> Delivery:
    station = Station(occurrence.station, {1: None}, "", "", "")
    return Delivery(station, occurrence, plan)


def answer(status: int = 200, word: str = "applied", seconds: float = 0.01) -> Answer:
    body = {"data": {"state": word}} if status == 200 else {"error": word}
    return Answer(status, {}, json.dumps(body).encode(), "", seconds)


def summary(of: Tally | None = None, **given: object) -> Summary:
    return Summary("http://host/", GOOD, of or Tally(), Expectation(), 10.0, **given)  # type: ignore[arg-type]


# Durations


def test_percentiles_are_those_of_all_durations_to_two_percent() -> None:
    dice, histogram = Random(1), Histogram()
    seconds = [dice.lognormvariate(-3, 1) for _ in range(5000)]
    for one in seconds:
        histogram.add(one)
    exact = quantiles(seconds, n=100)
    for percent in (50, 95, 99):
        assert histogram.percentile(percent) == pytest.approx(exact[percent - 1], rel=0.03)
    assert histogram.percentile(100) == pytest.approx(max(seconds), rel=0.011)
    assert len(histogram.buckets) < 600


def test_of_no_durations_and_of_one() -> None:
    histogram = Histogram()
    assert histogram.percentile(99) == 0.0
    histogram.add(0.25)
    assert histogram.percentile(1) == histogram.percentile(99) == pytest.approx(0.25, rel=0.011)
    histogram.add(0.0)
    assert histogram.percentile(50) == pytest.approx(1e-4)


# Counts


def test_what_was_sent_and_heard_is_counted() -> None:
    counted = Tally()
    event = delivery(word("A", 0, "ONLINE"), Plan(Chaos.RESET, cuts=2))
    counted.begin(event)
    counted.hear(event, Attempt((answer(401, "NOT_AUTHENTICATED"), answer()), cuts=2))
    late = delivery(word("B", 0, "ONLINE"), Plan(Chaos.LATE, unsent=2))
    counted.begin(late)
    counted.hear(late, Attempt((answer(503, "TEMPORARILY_UNAVAILABLE"),)))
    counted.hear(late, Attempt((Answer(0, trouble="no answer in time"),)))
    assert counted.events == {"status": 2}
    assert counted.requests == {"status": 6}
    assert counted.trouble == {"reset": 1, "late": 1}
    assert (counted.retries, counted.log_ins, counted.sent) == (2, 1, 2)
    assert counted.refusals == {"NOT_AUTHENTICATED": 1, "TEMPORARILY_UNAVAILABLE": 1}
    assert counted.latency.count == 3
    assert counted.unexpected.texts == [
        "status of B: 503 TEMPORARILY_UNAVAILABLE",
        "status of B: no answer (no answer in time)",
    ]


def test_a_401_that_no_log_in_helped_is_unexpected() -> None:
    counted = Tally()
    counted.hear(delivery(word("A", 0, "ONLINE")), Attempt((answer(401, "NOT_AUTHENTICATED"),)))
    (text,) = counted.unexpected.texts
    assert text == "status of A: 401 NOT_AUTHENTICATED, and no log-in helped"


def test_only_the_first_texts_are_kept() -> None:
    examples = tally.Examples()
    for number in range(1000):
        examples.add(str(number))
    assert (examples.count, len(examples.texts)) == (1000, tally.MOST_EXAMPLES)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"data": []}', b'{"data": {"state": 7}}'])
def test_any_body_may_be_answered(body: bytes) -> None:
    assert tally.word_of(Answer(200, {}, body)) == ""


def test_a_word_of_the_server_does_nothing_to_a_terminal() -> None:
    hostile = Answer(403, {}, json.dumps({"error": "\x1b]0;owned\x07\u202e"}).encode())
    assert tally.word_of(hostile).isprintable() and tally.told(hostile).isprintable()


# Verdicts


def heard(of: Delivery, *states: str, unseen: int = 0, expected: str = "applied") -> Delivery:
    of.states.update(states)
    of.unseen, of.expected = unseen, expected
    return of


@pytest.mark.parametrize(
    ("states", "unseen", "named"),
    [
        (["applied"], 0, None),
        (["applied", "duplicate", "duplicate"], 0, None),
        (["duplicate"], 1, None),
        (["duplicate"], 0, "had never come before"),
        (["applied", "applied"], 0, "applied 2 times"),
        (["deferred"], 0, "answered deferred, where only applied or duplicate may be"),
        (["queued"], 0, "answered queued"),
        ([""], 0, "answered no state"),
    ],
)
def test_a_return_is_applied_once(states: list[str], unseen: int, named: str | None) -> None:
    event = heard(delivery(returned("A", 0, "X", 1)), *states, unseen=unseen)
    found = list(event.wrong(is_deferred=False))
    assert [named in text for text in found] == ([True] if named else []), found
    assert all("returned of X at A" in text for text in found)


@pytest.mark.parametrize(
    ("states", "expected", "is_wrong"),
    [
        (["applied", "applied"], "applied", False),
        (["stale"], "stale", False),
        (["stale"], "applied", True),
        (["applied"], "stale", True),
        (["duplicate"], "applied", True),
    ],
)
def test_another_event_has_the_state_that_was_foretold(
    states: list[str], expected: str, is_wrong: bool
) -> None:
    event = heard(delivery(word("A", 0, "ONLINE")), *states, expected=expected)
    assert bool(list(event.wrong(is_deferred=False))) == is_wrong
    assert bool(list(event.wrong(is_deferred=False, is_open=True))) == (states == ["duplicate"])


def test_in_deferred_mode_events_are_queued() -> None:
    assert not list(heard(delivery(word("A", 0, "ON")), "queued").wrong(is_deferred=True))
    assert list(heard(delivery(word("A", 0, "ON")), "applied").wrong(is_deferred=True))
    event = heard(delivery(returned("A", 0, "X", 1)), "queued", "duplicate")
    assert not list(event.wrong(is_deferred=True))


# Exit codes


def test_the_exit_code_is_honest() -> None:
    assert summary().exit_code == 0
    assert summary(differences=[]).exit_code == 0
    assert summary(differences=["power bank X is lost"]).exit_code == 1
    for name in ("unexpected", "given_up", "faults"):
        counted = Tally()
        getattr(counted, name).add("something")
        assert summary(counted).exit_code == 1, name
    assert summary(is_interrupted=True).exit_code == 130


def test_problems_are_counted_in_words() -> None:
    counted = Tally()
    counted.unexpected.add("a")
    counted.given_up.add("b")
    counted.given_up.add("c")
    assert summary(counted, differences=["d"]).problems == [
        "1 unexpected answer",
        "2 lost events",
        "1 difference in the tables",
    ]
    assert summary(differences=["d", "e"]).problems == ["2 differences in the tables"]


def test_a_comparison_that_leaves_most_stations_out_is_none() -> None:
    told = summary(differences=[])
    told.expectation.stations = {name: KnownStation(name) for name in "ABCD"}
    told.expectation.open_stations = {"A", "B"}
    assert told.exit_code == 0
    told.expectation.open_stations = {"A", "B", "C"}
    assert told.problems == ["3 stations of which nothing is certain"]
    told.differences = None
    assert told.exit_code == 0


def test_a_summary_is_told_plainly_and_as_json() -> None:
    counted = Tally()
    for number in range(30):
        event = delivery(word("A", number, "ONLINE"))
        counted.begin(event)
        counted.hear(event, Attempt((answer(seconds=0.02),)))
    told = summary(counted, differences=[f"difference {n}" for n in range(25)], notes=["a note"])
    told.expectation.stations = {"A": KnownStation("A", "ONLINE"), "B": KnownStation("B")}
    for serial, status, slot in (("X", "AVAILABLE", 1), ("Y", "RENTED", None), ("Z", "DAMAGED", 2)):
        told.expectation.add_bank(KnownBank(serial, status, "A" if slot else None, slot))
    told.expectation.add_bank(KnownBank("M", "AVAILABLE"))

    out = io.StringIO()
    screen.tell(out, told.sections())
    text = "\n".join(" ".join(line.split()) for line in out.getvalue().splitlines())

    for line in (
        "rate 3.0 events a second for 10.0 s, 2 asked for",
        "status 30 events, 30 requests",
        "stations online 1",
        "banks rented 1",
        "banks in slots 2",
        "differences difference 9",
        "differences and 15 more",
        "note a note",
    ):
        assert line in text, text
    assert "difference 10" not in text
    value = json.loads(json.dumps(told.as_json()))
    assert value["rate"] == {"asked": 2.0, "achieved": 3.0}
    assert value["latency"]["p99"] == pytest.approx(0.02, rel=0.02)
    assert value["answers"] == {"200 applied": 30}
    assert value["fleet"] == {
        "stations_online": 1,
        "stations_offline": 1,
        "banks_available": 1,
        "banks_rented": 1,
        "banks_damaged": 1,
        "banks_missing": 1,
        "banks_in_slots": 2,
    }
    assert len(value["differences"]) == 25 and value["exit_code"] == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_are_tables_in_which_brackets_are_no_markup() -> None:
    out = Terminal()
    screen.tell(out, [("Title", [("name", "[bold]value[/bold]")])])
    assert "[bold]value[/bold]" in out.getvalue() and "┃" not in out.getvalue().splitlines()[0]
    assert "│" in out.getvalue()


def test_without_rich_it_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("rich.console", "rich.table", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    out = Terminal()
    screen.tell(out, [("Title", [("name", "value")])])
    assert out.getvalue() == "Title\n  name  value\n"
    with screen.progress(out, 1) as shown:
        assert isinstance(shown, screen.Lines)


def test_progress_is_a_bar_a_line_or_nothing() -> None:
    with screen.progress(Terminal(), 1) as shown:
        shown.update(0.5, Tally())
        assert isinstance(shown, screen.Bar)
    with screen.progress(io.StringIO(), 0) as shown:
        shown.update(0.5, Tally())
        assert isinstance(shown, screen.Silent)
    out = io.StringIO()
    with screen.progress(out, 1) as shown:
        assert isinstance(shown, screen.Lines)
        shown.update(0.4, Tally())
        assert out.getvalue() == ""
        shown.next = 0.0
        shown.update(0.5, Tally())
    assert out.getvalue() == " 50% 0 events, 0 retries, 0 unexpected\n"
