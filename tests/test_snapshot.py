"""Reading a full snapshot: what contradicts itself in it is settled before any table is asked."""

from __future__ import annotations

from typing import Any

import pytest

from django_iot_ingest import event_types
from django_iot_ingest.events import FullReport, PowerBankReport, Receipt, SlotReport
from django_iot_ingest.exceptions import InvalidPayload
from tests.payloads import BANK, bank_row, cabinet, empty_slot, encode, full, held_slot, moment

NOW = 1795452778

MISSING = object()
UNUSABLE_LEVELS = [101, 254, 255, -1, True, "85", 85.5, []]


def read(*args: Any, **kwargs: Any) -> FullReport:
    """Return the report of ``payloads.full(*args, **kwargs)``."""
    return read_payload(full(*args, at=NOW, **kwargs))


def read_payload(payload: dict[str, Any]) -> FullReport:
    """Return the report of a payload."""
    report = event_types.read(payload, Receipt(encode(payload), NOW, moment(NOW + 0.9)))[1]
    assert isinstance(report, FullReport)
    return report


def refused(*args: Any, **kwargs: Any) -> set[str]:
    """Return the paths that refuse a snapshot."""
    with pytest.raises(InvalidPayload) as refusal:
        read(*args, **kwargs)
    return set(refusal.value.errors)


def warned(report: FullReport) -> set[tuple[str, str]]:
    """Return the warnings of a report, as plain texts."""
    return {(str(warning.code), warning.path) for warning in report.warnings}


def slots(report: FullReport) -> dict[int, SlotReport]:
    """Return the slots of a report by number."""
    return {slot.slot_number: slot for slot in report.slots}


def banks(report: FullReport) -> dict[str, PowerBankReport]:
    """Return the banks of a report by serial number."""
    return {bank.serial_number: bank for bank in report.power_banks}


def places(report: FullReport) -> dict[str, int | None]:
    """Return the slot number of each bank."""
    return {bank.serial_number: bank.slot_number for bank in report.power_banks}


def changed(row: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return a row with one value changed, or left out if it is ``MISSING``."""
    rest = {key: item for key, item in row.items() if key != name}
    return rest if value is MISSING else {**rest, name: value}


# The lists


@pytest.mark.parametrize("value", ["x", {}, 5, True, 1.5, ""], ids=repr)
@pytest.mark.parametrize("name", ["slots", "power_banks"])
def test_rows_have_to_be_a_list(name: str, value: Any) -> None:
    payload = full(at=NOW)
    with pytest.raises(InvalidPayload) as refusal:
        read_payload({**payload, name: value})
    assert set(refusal.value.errors) == {name}


def test_rows_are_counted_before_they_are_validated() -> None:
    assert refused(["junk"] * 257, ["junk"] * 257) == {"slots", "power_banks"}


def test_256_rows_are_read() -> None:
    report = read_payload(cabinet({n: f"B{n}" for n in range(1, 256)}, size=255, at=NOW))
    assert len(report.slots) == len(report.power_banks) == 255
    report = read([empty_slot(n) for n in range(256)], [bank_row(f"B{n}") for n in range(256)])
    assert len(report.slots) == len(report.power_banks) == 256


@pytest.mark.parametrize("value", [[], None, MISSING], ids=["empty", "null", "absent"])
def test_a_snapshot_without_slots_reports_nothing(value: Any) -> None:
    report = read_payload(changed(full(at=NOW), "slots", value))
    assert not report.reports_slots
    assert (report.slots, report.power_banks) == ((), ())
    assert report.device.total_slots is None


def test_a_snapshot_of_a_station_with_no_slots_reports_nothing() -> None:
    report = read(station={"total_slots": 0})
    assert not report.reports_slots
    assert (report.slots, report.power_banks) == ((), ())
    assert report.device.total_slots is None


@pytest.mark.parametrize("value", [None, MISSING], ids=["null", "absent"])
def test_a_snapshot_may_have_no_list_of_banks(value: Any) -> None:
    report = read_payload(changed(full(at=NOW), "power_banks", value))
    assert report.reports_slots
    assert report.is_complete
    assert places(report) == {BANK: 2}


# Rows that are left out


@pytest.mark.parametrize(
    "number", [None, MISSING, -1, 256, 3.5, "3", True, [], {}], ids=lambda value: repr(value)[:9]
)
def test_a_slot_row_without_a_byte_for_its_number_is_left_out(number: Any) -> None:
    report = read([empty_slot(1), changed(empty_slot(0), "slot_number", number)], [])
    assert set(slots(report)) == {1}
    assert warned(report) == {("row_ignored", "slots.1.slot_number")}
    assert not report.is_complete


@pytest.mark.parametrize(
    "serial",
    [None, MISSING, "", "a b", "x" * 65, "\ud800", 12345678, True, []],
    ids=lambda value: ascii(value)[:9],
)
def test_a_bank_row_without_a_valid_serial_is_left_out(serial: Any) -> None:
    rows = [changed(bank_row(), "serial_number", serial), bank_row("OTHER", None)]
    report = read([empty_slot(1)], rows)
    assert set(banks(report)) == {"OTHER"}
    assert warned(report) == {("row_ignored", "power_banks.0.serial_number")}
    assert not report.is_complete


@pytest.mark.parametrize("row", [None, "x", 5, [], True], ids=repr)
def test_a_row_that_is_no_object_is_left_out(row: Any) -> None:
    report = read([empty_slot(1), row], [row])
    assert warned(report) == {("row_ignored", "slots.1"), ("row_ignored", "power_banks.0")}
    assert not report.is_complete


def test_a_snapshot_whose_rows_are_all_read_is_complete() -> None:
    assert read().is_complete


@pytest.mark.parametrize("number", [0, 1, 48, 49, 255])
def test_any_byte_is_a_slot_number(number: int) -> None:
    report = read([held_slot(number)], [bank_row(slot=number)])
    assert set(slots(report)) == {number}
    assert places(report) == {BANK: number}
    assert warned(report) == set()


# Slots


@pytest.mark.parametrize("status", ["AVAILABLE", "OCCUPIED", "MAINTENANCE", "ERROR", "occupied"])
def test_a_known_slot_status_is_taken_in_any_letter_case(status: str) -> None:
    report = read([empty_slot(1, status=status)], [])
    assert slots(report)[1].status == status.upper()
    assert warned(report) == set()


@pytest.mark.parametrize(
    "status",
    ["BROKEN", "", None, MISSING, 7, True, [], "ＯＣＣＵＰＩＥＤ", "maıntenance", "AVAILABLE "],
    ids=lambda value: repr(value)[:9],
)
def test_an_unknown_slot_status_is_an_error_with_a_warning(status: Any) -> None:
    report = read([changed(empty_slot(1), "status", status)], [])
    assert slots(report)[1].status == "ERROR"
    assert warned(report) == {("unknown_status", "slots.0.status")}


@pytest.mark.parametrize("code", ["0x77", "", 0, 12, False, {}], ids=repr)
@pytest.mark.parametrize("status", ["AVAILABLE", "OCCUPIED", "BROKEN"])
def test_an_error_code_means_error_whatever_the_status_says(status: str, code: Any) -> None:
    row = held_slot(2, status=status, slot_metadata={"error_code": code})
    report = read([row], [bank_row()])
    assert slots(report)[2].status == "ERROR"
    assert slots(report)[2].slot_metadata == {"error_code": code}
    assert places(report) == {BANK: 2}


def test_an_error_code_of_null_is_none() -> None:
    report = read([empty_slot(1, slot_metadata={"error_code": None})], [])
    assert slots(report)[1].status == "AVAILABLE"


@pytest.mark.parametrize(
    ("row", "rows"),
    [
        (held_slot(2, status="AVAILABLE"), [bank_row()]),
        (held_slot(2, status="AVAILABLE"), []),
        (empty_slot(2), [bank_row()]),
    ],
    ids=["both", "only the slot", "only the bank"],
)
def test_a_slot_that_holds_a_bank_is_never_empty(row: Any, rows: Any) -> None:
    report = read([row], rows)
    assert slots(report)[2].status == "OCCUPIED"
    assert warned(report) == {("contradictory", "slots.0.status")}


@pytest.mark.parametrize("status", ["ERROR", "MAINTENANCE"])
def test_a_slot_that_holds_a_bank_keeps_its_trouble(status: str) -> None:
    assert slots(read([held_slot(2, status=status)]))[2].status == status


def test_a_slot_may_be_occupied_without_naming_a_bank() -> None:
    report = read([empty_slot(1, status="OCCUPIED")], [])
    assert slots(report)[1].status == "OCCUPIED"
    assert report.power_banks == ()
    assert warned(report) == set()


def test_of_repeated_slot_rows_the_last_wins_with_a_warning() -> None:
    rows = [held_slot(1, "FIRST"), empty_slot(2), held_slot(1, "LAST", status="MAINTENANCE")]
    report = read(rows, [])
    assert [slot.slot_number for slot in report.slots] == [1, 2]
    assert slots(report)[1].status == "MAINTENANCE"
    assert places(report) == {"LAST": 1}
    assert warned(report) == {("repeated", "slots.2.slot_number")}


def test_a_last_row_that_is_empty_wins_too() -> None:
    report = read([held_slot(1), empty_slot(1)], [])
    assert slots(report)[1].status == "AVAILABLE"
    assert report.power_banks == ()


@pytest.mark.parametrize("level", [0, 1, 85, 100])
def test_a_battery_level_is_a_whole_number_to_100(level: int) -> None:
    report = read([held_slot(2, battery_level=level)], [bank_row(battery_level=level)])
    assert slots(report)[2].battery_level == level
    assert banks(report)[BANK].battery_level == level
    assert warned(report) == set()


@pytest.mark.parametrize("level", UNUSABLE_LEVELS, ids=repr)
def test_any_other_battery_level_is_dropped_with_a_warning(level: Any) -> None:
    report = read([held_slot(2, battery_level=level)], [bank_row(battery_level=level)])
    assert slots(report)[2].battery_level is None
    assert banks(report)[BANK].battery_level is None
    assert warned(report) == {
        ("unusable", "slots.0.battery_level"),
        ("unusable", "power_banks.0.battery_level"),
    }


@pytest.mark.parametrize("value", [None, MISSING], ids=["null", "absent"])
def test_no_battery_level_is_nothing_to_warn_of(value: Any) -> None:
    rows = [changed(held_slot(2), "battery_level", value)]
    report = read(rows, [changed(bank_row(), "battery_level", value)])
    assert slots(report)[2].battery_level is None
    assert banks(report)[BANK].battery_level is None
    assert warned(report) == set()


def test_metadata_is_cleaned_or_dropped_with_a_warning() -> None:
    rows = [empty_slot(1, slot_metadata={"a\u0000": "\ud800b"}), held_slot(2, slot_metadata="x")]
    report = read(rows, [bank_row(hardware_info=[])])
    assert slots(report)[1].slot_metadata == {"a": "b"}
    assert slots(report)[2].slot_metadata is None
    assert banks(report)[BANK].hardware_info is None
    assert warned(report) == {
        ("cleaned", "slots.0.slot_metadata"),
        ("unusable", "slots.1.slot_metadata"),
        ("unusable", "power_banks.0.hardware_info"),
    }


# Banks


@pytest.mark.parametrize("status", ["AVAILABLE", "MAINTENANCE", "DAMAGED", "damaged"])
def test_a_known_bank_status_is_taken_in_any_letter_case(status: str) -> None:
    report = read(banks=[bank_row(status=status)])
    assert banks(report)[BANK].status == status.upper()
    assert warned(report) == set()


@pytest.mark.parametrize("status", ["BROKEN", "", "RENTED", "rented", 7, True, []], ids=repr)
def test_an_unknown_bank_status_is_maintenance_with_a_warning(status: Any) -> None:
    report = read(banks=[bank_row(status=status)])
    assert banks(report)[BANK].status == "MAINTENANCE"
    assert warned(report) == {("unknown_status", "power_banks.0.status")}


def test_of_repeated_bank_rows_the_last_wins_with_a_warning() -> None:
    rows = [bank_row(slot=1, battery_level=10), bank_row(slot=2, battery_level=20)]
    report = read([empty_slot(1), held_slot(2)], rows)
    assert places(report) == {BANK: 2}
    assert banks(report)[BANK].battery_level == 20
    assert slots(report)[1].status == "AVAILABLE"
    assert warned(report) == {("repeated", "power_banks.1.serial_number")}


def test_a_bank_that_only_a_slot_row_names_is_read() -> None:
    report = read([empty_slot(1), held_slot(2)], [])
    assert places(report) == {BANK: 2}
    assert banks(report)[BANK].status is None
    assert banks(report)[BANK].battery_level is None
    assert warned(report) == set()


@pytest.mark.parametrize("serial", [None, "", MISSING], ids=["null", "empty", "absent"])
def test_a_slot_that_names_nobody_holds_nobody(serial: Any) -> None:
    report = read([changed(held_slot(1), "power_bank_serial", serial)], [])
    assert report.power_banks == ()
    assert warned(report) == set()


@pytest.mark.parametrize("serial", ["a b", "x" * 65, 12345678, True, []], ids=repr)
def test_a_slot_that_names_a_bank_unreadably_holds_nobody_we_know(serial: Any) -> None:
    report = read([held_slot(1, serial)], [])
    assert report.power_banks == ()
    assert ("unusable", "slots.0.power_bank_serial") in warned(report)


def test_a_bank_is_where_its_own_row_says() -> None:
    report = read([empty_slot(1), held_slot(2)], [bank_row(slot=1)])
    assert places(report) == {BANK: 1}
    assert slots(report)[1].status == slots(report)[2].status == "OCCUPIED"
    assert ("contradictory", "slots.1.power_bank_serial") in warned(report)


@pytest.mark.parametrize("number", [None, MISSING], ids=["null", "absent"])
def test_a_bank_whose_row_says_nothing_is_where_a_slot_names_it(number: Any) -> None:
    report = read([held_slot(2)], [changed(bank_row(), "current_slot", number)])
    assert places(report) == {BANK: 2}
    assert warned(report) == set()


@pytest.mark.parametrize("number", [-1, 256, 3.5, "2", True], ids=repr)
def test_an_unusable_slot_of_a_bank_is_dropped_with_a_warning(number: Any) -> None:
    report = read([empty_slot(1)], [bank_row(slot=number)])
    assert places(report) == {BANK: None}
    assert warned(report) == {("unusable", "power_banks.0.current_slot")}


def test_a_bank_that_two_slots_name_has_one_location() -> None:
    report = read([held_slot(1), held_slot(2)], [])
    assert places(report) == {BANK: 2}
    assert warned(report) == {("repeated", "slots.1.power_bank_serial")}


def test_two_banks_for_one_slot_are_left_to_the_sync_in_the_order_of_their_rows() -> None:
    report = read([held_slot(2, "B")], [bank_row("A"), bank_row("B")])
    assert list(places(report).items()) == [("A", 2), ("B", 2)]
    assert warned(report) == set()


def test_a_bank_with_a_row_of_its_own_comes_after_one_that_a_slot_names() -> None:
    report = read([held_slot(2, "NAMED")], [bank_row("OWN", 2)])
    assert list(places(report).items()) == [("NAMED", 2), ("OWN", 2)]


def test_what_a_report_says_cannot_be_changed() -> None:
    report = read([held_slot(2)], [bank_row(slot=2)])
    for part in (report, report.device, report.slots[0], report.power_banks[0]):
        for name in part._fields if isinstance(part, tuple) else part.__slots__:
            with pytest.raises(AttributeError):
                setattr(part, name, None)
