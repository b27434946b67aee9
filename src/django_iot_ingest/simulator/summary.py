"""What a run was, in the end: as rows for people, as an object for programs, as an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django_iot_ingest.simulator.expectation import Expectation, KnownBank
from django_iot_ingest.simulator.hardware import OFFLINE, ONLINE
from django_iot_ingest.simulator.options import Options
from django_iot_ingest.simulator.tally import Tally

SUCCESS, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""

MOST_LEFT_OUT = 0.5
"""Share of the stations that may be left out of a comparison that still counts as one."""

FINE = "everything is as it should be"

MOST_SHOWN = 10
"""Things of one kind that people are told by name."""

Section = tuple[str, list[tuple[str, str]]]
"""A title, and rows of a name and a value."""


@dataclass
class Summary:
    """All that there is to tell of a run."""

    url: str
    options: Options
    tally: Tally
    expectation: Expectation
    seconds: float = 0.0
    """From the first event to the last that was begun."""

    differences: list[str] | None = None
    """Where the tables are not as they have to be; None if nobody looked."""

    notes: list[str] = field(default_factory=list)
    """What limits what this says."""

    left_behind: int = 0
    """Events that were not sent to the end, since somebody interrupted."""

    is_interrupted: bool = False

    @property
    def achieved(self) -> float:
        """Return the events that were begun per second."""
        return self.tally.sent / self.seconds if self.seconds else 0.0

    @property
    def problems(self) -> list[str]:
        """Return in words what was not as it should be; an empty list is a success."""
        tally = self.tally
        counted = (
            (tally.unexpected.count, "unexpected answer"),
            (tally.given_up.count, "lost event"),
            (tally.faults.count, "failed rental"),
            (len(self.differences or ()), "difference in the tables"),
            (self._unjudged(), "station of which nothing is certain"),
        )
        return [_plural(count, name) for count, name in counted if count]

    @property
    def exit_code(self) -> int:
        """Return 0 only if everything was as it should be."""
        if self.is_interrupted:
            return INTERRUPTED
        return FAILED if self.problems else SUCCESS

    def as_json(self) -> dict[str, Any]:
        """Return an object of plain values; times are seconds."""
        tally = self.tally
        answers = {f"{code or 'none'} {word}".strip(): n for (code, word), n in _sorted(tally)}
        return {
            "url": self.url,
            "stations": self.options.stations,
            "seed": self.options.seed,
            "chaos": sorted(self.options.chaos),
            "seconds": round(self.seconds, 3),
            "rate": {"asked": self.options.rate, "achieved": round(self.achieved, 3)},
            "slipped": dict(tally.slipped),
            "events": dict(tally.events),
            "requests": dict(tally.requests),
            "answers": answers,
            "refusals": dict(tally.refusals),
            "retries": tally.retries,
            "log_ins": tally.log_ins,
            "rentals": tally.rentals,
            "returned_unheard": self.expectation.returned_unheard,
            "trouble": dict(tally.trouble),
            "latency": {f"p{n}": round(tally.latency.percentile(n), 4) for n in (50, 95, 99)},
            "fleet": fleet(self.expectation),
            "unexpected": {"count": tally.unexpected.count, "first": tally.unexpected.texts},
            "lost": {"count": tally.given_up.count, "first": tally.given_up.texts},
            "failed_rentals": {"count": tally.faults.count, "first": tally.faults.texts},
            "left_behind": self.left_behind,
            "late": tally.late,
            "left_out": {
                "stations": len(self.expectation.open_stations),
                "banks": len(self.expectation.open_banks),
            },
            "differences": self.differences,
            "notes": self.notes,
            "exit_code": self.exit_code,
        }

    def sections(self) -> Iterator[Section]:
        """Yield what people are told."""
        yield "Sent", list(self._sent())
        yield "Answered", list(self._answered())
        yield "Fleet", [(name.replace("_", " "), str(n)) for name, n in _fleet(self.expectation)]
        yield "Verdict", list(self._verdict())

    def _sent(self) -> Iterator[tuple[str, str]]:
        tally = self.tally
        for name, count in sorted(tally.events.items()):
            yield name, f"{count} events, {tally.requests[name]} requests"
        asked = f"{self.options.rate:g} asked for"
        yield "rate", f"{self.achieved:.1f} events a second for {self.seconds:.1f} s, {asked}"
        for reason, count in tally.slipped.items():
            yield "slower", f"{count} events were not begun in time: {reason}"
        yield "retries", str(tally.retries)
        if tally.log_ins:
            yield "log-ins after 401", str(tally.log_ins)
        if self.options.rentals:
            unheard = self.expectation.returned_unheard
            yield "rentals", f"{tally.rentals}, of which snapshots ended {unheard}"
        for name, count in sorted(tally.trouble.items()):
            yield f"chaos: {name}", str(count)

    def _answered(self) -> Iterator[tuple[str, str]]:
        for (status, word), count in _sorted(self.tally):
            yield f"{status or 'none'} {word}".strip(), str(count)
        latency = self.tally.latency
        told = (f"p{n} {1000 * latency.percentile(n):.0f} ms" for n in (50, 95, 99))
        yield "latency", ", ".join(told)
        refused = sum(self.tally.refusals.values())
        yield "refusals", str(refused)

    def _unjudged(self) -> int:
        """Return how many stations were left out, if they are so many that the rest proves little."""
        left_out = len(self.expectation.open_stations)
        is_too_much = left_out > MOST_LEFT_OUT * len(self.expectation.stations)
        return left_out if is_too_much and self.differences is not None else 0

    def _left_out(self) -> str:
        stations, banks = len(self.expectation.open_stations), len(self.expectation.open_banks)
        late = f", since {self.tally.late} answers took 4 s and longer" if self.tally.late else ""
        return f"{stations} stations, {banks} banks: what became of them is not certain{late}"

    def _verdict(self) -> Iterator[tuple[str, str]]:
        tally = self.tally
        yield from _shown("unexpected", tally.unexpected.texts, tally.unexpected.count)
        yield from _shown("lost", tally.given_up.texts, tally.given_up.count)
        yield from _shown("failed rentals", tally.faults.texts, tally.faults.count)
        if self.differences is None:
            yield "tables", "not looked at"
        else:
            yield from _shown("differences", self.differences, len(self.differences))
        if self.expectation.open_stations:
            yield "left out", self._left_out()
        for note in self.notes:
            yield "note", note
        if self.left_behind:
            yield "interrupted", f"{self.left_behind} events were not sent to the end"
        fine = "nothing was wrong so far" if self.is_interrupted else FINE
        yield "all in all", ", ".join(self.problems) or fine


def fleet(expectation: Expectation) -> dict[str, int]:
    """Return how many stations are on, and how many banks are where, by what has to be true."""
    return dict(_fleet(expectation))


def _fleet(expectation: Expectation) -> Iterator[tuple[str, int]]:
    stations = Counter(station.status for station in expectation.stations.values())
    yield "stations_online", stations.pop(ONLINE, 0)
    yield "stations_offline", stations.pop(OFFLINE, 0)
    for status, count in sorted(stations.items()):
        yield f"stations_{status.lower()}", count
    banks = Counter(_kind(bank) for bank in expectation.banks.values())
    for kind in ("available", "rented"):
        yield f"banks_{kind}", banks.pop(kind, 0)
    for kind, count in sorted(banks.items()):
        yield f"banks_{kind}", count
    yield "banks_in_slots", sum(bank.slot is not None for bank in expectation.banks.values())


def _kind(bank: KnownBank) -> str:
    """Return which number of the fleet page counts a bank: one that is nowhere is missing."""
    is_missing = bank.station is None and not bank.is_rented
    return "missing" if is_missing else bank.status.lower()


def _sorted(tally: Tally) -> list[tuple[tuple[int, str], int]]:
    return sorted(tally.answers.items())


def _shown(name: str, texts: list[str], count: int) -> Iterator[tuple[str, str]]:
    """Yield the first texts, and how many more there are."""
    if not count:
        yield name, "none"
    for text in texts[:MOST_SHOWN]:
        yield name, text
    if count > MOST_SHOWN:
        yield name, f"and {count - min(MOST_SHOWN, len(texts))} more"


def _plural(count: int, name: str) -> str:
    """Return a count and what is counted, whose last noun comes before the first preposition."""
    if count == 1:
        return f"1 {name}"
    for preposition in (" in ", " of "):
        noun, found, rest = name.partition(preposition)
        if found:
            return f"{count} {noun}s{found}{rest}"
    return f"{count} {name}s"
