"""What a fleet does: payloads that are read as they are meant, a schedule, things that go wrong."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from django_iot_ingest import event_types
from django_iot_ingest.events import FullReport, Receipt, ReturnReport, StatusReport
from django_iot_ingest.simulator import chaos, hardware
from django_iot_ingest.simulator.agenda import Agenda
from django_iot_ingest.simulator.chaos import Chaos, Plan
from django_iot_ingest.simulator.delivery import Delivery
from django_iot_ingest.simulator.occurrences import Return, Snapshot, Word
from django_iot_ingest.simulator.options import Options, Rentals, Slots
from tests.test_simulator_options import GOOD

pytestmark = pytest.mark.once

ALL = replace(GOOD, stations=30, slots=Slots(None), rate=10.0, chaos=frozenset(Chaos))


def agenda_of(options: Options) -> Agenda:
    dice = Random(options.seed)
    return Agenda(options, hardware.build(options, dice), dice)


def play(options: Options, events: int, rents: bool = False) -> list[Delivery]:
    """Return so many events of a fleet whose time passes at its rate, each answered at once."""
    agenda, sent = agenda_of(options), []
    now = time.time() - 10_000
    while len(sent) < events:
        now += 1 / options.rate
        delivery = agenda.next(now)
        while delivery is not None:
            sent.append(delivery)
            if delivery.plan.unsent < 3:
                delivery.expected = agenda.expectation.apply(delivery.occurrence)
            delivery = agenda.finished(delivery, now)
        offer = agenda.rent_from(now) if rents and len(sent) % 5 == 0 else None
        if offer is not None:
            station, number, bank = offer
            agenda.expectation.rent(bank.serial, datetime.fromtimestamp(now, UTC))
            agenda.take(station, number, bank, now)
    return sent


def report_of(delivery: Delivery) -> FullReport | ReturnReport | StatusReport:
    """Return what the plugin reads out of the bytes."""
    occurrence = delivery.occurrence
    receipt = Receipt(
        occurrence.body, occurrence.at, datetime.fromtimestamp(occurrence.at + 1, UTC)
    )
    event_type, report = event_types.read_receipt(receipt)
    assert event_type.name == occurrence.event_type
    assert isinstance(report, FullReport | ReturnReport | StatusReport)
    return report


@pytest.mark.parametrize("rentals", [None, Rentals(share=0.2)])
def test_every_payload_is_read_as_what_it_is_meant_to_say(rentals: Rentals | None) -> None:
    sent = play(replace(ALL, rentals=rentals), 1500, rents=rentals is not None)
    for delivery in sent:
        told, report = delivery.occurrence.told, report_of(delivery)
        assert report.device_serial == delivery.occurrence.station
        assert int(report.event_time.timestamp()) == delivery.occurrence.at
        if isinstance(told, Word):
            assert isinstance(report, StatusReport) and report.status == told.status
        elif isinstance(told, Return):
            assert isinstance(report, ReturnReport)
            seen = report.power_bank_serial, report.slot_number, report.occurred_at
            assert seen == (told.power_bank, told.slot, told.occurred_at)
        else:
            assert isinstance(report, FullReport)
            assert_same_snapshot(told, report)
    kinds = Counter(delivery.occurrence.event_type for delivery in sent)
    assert min(kinds["full"], kinds["returned"], kinds["status"]) > 20


def assert_same_snapshot(told: Snapshot, report: FullReport) -> None:
    assert report.device.status == told.status
    assert report.reports_slots == (told.shown is not None)
    assert report.is_complete == report.reports_slots
    assert {slot.slot_number for slot in report.slots} == told.slots
    read = {bank.serial_number: (bank.slot_number, bank.status) for bank in report.power_banks}
    assert read == {serial: tuple(shown) for serial, shown in (told.shown or {}).items()}


def test_real_stations_are_odd() -> None:
    sent = play(replace(ALL, rate=30.0), 2500)
    bodies = [json.loads(delivery.occurrence.body) for delivery in sent]
    fulls = [body for body in bodies if body["type"] == "full"]
    slots = [slot for body in fulls for slot in body["slots"]]
    assert {body["device"]["signal_strength"] for body in fulls} == set(hardware.SIGNALS)
    assert any(body["station"]["total_slots"] == 0 for body in fulls)
    assert any("error_code" in slot["slot_metadata"] for slot in slots)
    assert any(slot["battery_level"] > 100 for slot in slots)
    assert any(slot["status"] == "OCCUPIED" and "power_bank_serial" not in slot for slot in slots)
    assert any(slot.get("power_bank_serial", "").endswith("-99") for slot in slots)
    assert any(body["type"] == "returned" for body in bodies)
    assert all(0 <= slot["battery_level"] <= 254 for slot in slots)
    returns = [body for body in bodies if body["type"] == "returned"]
    assert all(len(body["return_event"]["returned_at"].partition(".")[2]) == 10 for body in returns)


def test_serial_numbers_are_clearly_simulated() -> None:
    stations = hardware.build(replace(GOOD, prefix="SIM-", slots=Slots(8)), Random(1))
    assert [station.serial for station in stations][:2] == ["SIM-0001", "SIM-0002"]
    banks = sorted(bank.serial for bank in stations[0].slots.values() if bank)
    assert banks == [f"SIM-0001-0{number}" for number in range(1, 6)]


def test_the_same_seed_is_the_same_fleet() -> None:
    first, second = (hardware.build(ALL, Random(7)) for _ in range(2))
    assert first == second
    assert first != hardware.build(ALL, Random(8))


def test_a_station_sends_one_event_a_second_unless_it_flaps() -> None:
    sent = play(replace(GOOD, stations=10, rate=10.0), 1500)
    flaps = Counter(delivery.then for delivery in sent)
    assert flaps["off"] == flaps["on"] > 5
    seconds: Counter[tuple[str, int]] = Counter(
        (delivery.occurrence.station, delivery.occurrence.at) for delivery in sent
    )
    assert set(seconds.values()) == {1, 3}
    assert sum(count == 3 for count in seconds.values()) == flaps["on"]


def test_a_station_is_heard_first_by_a_true_snapshot_or_its_own_word() -> None:
    first: dict[str, Delivery] = {}
    for delivery in play(ALL, 400):
        first.setdefault(delivery.occurrence.station, delivery)
    assert len(first) == ALL.stations
    for delivery in first.values():
        told = delivery.occurrence.told
        assert told == Word("ONLINE") or (isinstance(told, Snapshot) and told.shown)
        assert delivery.plan.unsent == 0


def test_a_snapshot_follows_a_return() -> None:
    sent = play(replace(GOOD, stations=10, rate=10.0), 1000)
    for number, delivery in enumerate(sent[:-50]):
        if isinstance(delivery.occurrence.told, Return):
            later = [
                other.occurrence
                for other in sent[number + 1 :]
                if other.occurrence.station == delivery.occurrence.station
            ]
            at = next(event.at for event in later if event.event_type == "full")
            assert at - delivery.occurrence.at <= 3


def test_a_busy_station_is_left_alone() -> None:
    agenda = agenda_of(replace(GOOD, stations=2, rate=2.0))
    now = time.time()
    first, second = agenda.next(now), agenda.next(now)
    assert first and second and first.station is not second.station
    assert agenda.next(now) is None
    for delivery in (first, second):
        delivery.expected = "applied"
        agenda.finished(delivery, now)
    first.station.is_busy = True
    third = agenda.next(now + 2)
    assert third and third.station is second.station


def test_nobody_rents_what_the_tables_do_not_have_there() -> None:
    agenda = agenda_of(replace(GOOD, rentals=Rentals(share=0.1)))
    now = time.time()
    assert agenda.rent_from(now) is None
    while (delivery := agenda.next(now)) is not None and agenda.dark:
        delivery.expected = agenda.expectation.apply(delivery.occurrence)
        agenda.finished(delivery, now)
    offer = agenda.rent_from(now + 2)
    assert offer is not None
    station, number, bank = offer
    assert agenda.expectation.is_in_place(bank.serial, station.serial, number)
    agenda.expectation.rent(bank.serial, datetime.fromtimestamp(now, UTC))
    agenda.take(station, number, bank, now + 2)
    assert bank.is_away and station.slots[number] is None


def test_no_chaos_is_none() -> None:
    dice = Random(1)
    plans = {chaos.draw(frozenset(), dice, possible=frozenset(Chaos)) for _ in range(1000)}
    assert plans == {chaos.CALM}


def test_each_kind_of_chaos_comes_as_often_as_it_should() -> None:
    dice, kinds = Random(1), frozenset(Chaos)
    drawn = Counter(chaos.draw(kinds, dice, possible=kinds).kind for _ in range(10_000))
    for kind in Chaos:
        assert drawn[kind] == pytest.approx(10_000 * chaos.SHARE, rel=0.2)


@pytest.mark.parametrize("kind", list(Chaos))
def test_each_kind_of_chaos_is_what_it_says(kind: Chaos) -> None:
    dice = Random(1)
    drawn = [chaos.draw({kind}, dice, possible={kind}) for _ in range(2000)]
    plans = [plan for plan in drawn if plan != chaos.CALM]
    assert plans and all(plan.kind == kind for plan in plans)
    assert {field for plan in plans for field in changed(plan)} == {
        Chaos.DUPLICATES: {"copies", "is_at_once"},
        Chaos.LOST: {"unheard"},
        Chaos.REORDER: {"unsent"},
        Chaos.LATE: {"unsent"},
        Chaos.RESET: {"cuts"},
        Chaos.DROP: {"unsent"},
    }[kind]
    assert chaos.draw({kind}, dice, possible=()) == chaos.CALM


def changed(plan: Plan) -> list[str]:
    names = ("copies", "is_at_once", "unheard", "unsent", "cuts")
    return [name for name in names if getattr(plan, name) != getattr(chaos.CALM, name)]
