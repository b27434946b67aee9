"""All tables at one moment, in the words of ``fleet_model``, and what must hold in any of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.events import PowerBankReturned
from django_iot_ingest.models import IngestEvent, StationStatusChange
from tests.fleet_model import Ended

Rows = dict[Any, dict[str, Any]]

INBOX_COLUMNS = ("id", "event_type", "power_bank_serial", "sha256", "state", "attempts")


class Tables:
    """Rows by key, the oldest first where the key is a number."""

    def __init__(self) -> None:
        self.stations = read(get_station_model())
        self.slots = read(get_station_slot_model())
        self.banks = read(get_power_bank_model())
        self.rental_rows = read(rental_model())
        self.changes = read(StationStatusChange)
        self.inbox = read(IngestEvent, *INBOX_COLUMNS)

    def but_for_heard_at(self) -> list[Rows]:
        """Return all that a stale event must leave alone."""
        stations = {key: {**row, "last_heard_at": None} for key, row in self.stations.items()}
        return [stations, self.slots, self.banks, self.rental_rows, self.changes]

    # In the words of the model

    def station_columns(self) -> dict[str, Any]:
        """Return status, last_heard_at and slot numbers by serial number."""
        numbers: dict[Any, set[int]] = {key: set() for key in self.stations}
        for slot in self.slots.values():
            numbers[slot["station_id"]].add(slot["slot_number"])
        return {
            row["serial_number"]: (row["status"], seconds(row["last_heard_at"]), numbers[key])
            for key, row in self.stations.items()
        }

    def bank_columns(self) -> dict[str, Any]:
        """Return rented_at, station and slot number by serial number."""
        return {
            row["serial_number"]: (
                seconds(row["rented_at"]),
                name_in(self.stations, row["current_station_id"], "serial_number"),
                name_in(self.slots, row["current_slot_id"], "slot_number"),
            )
            for row in self.banks.values()
        }

    def rentals(self) -> list[tuple[str, float, float | None]]:
        """Return bank, begin and end of all rentals, the oldest first."""
        bank, began_at, ended_at = "power_bank_id", "started_at", "ended_at"
        if settings.TEST_HOST == "depot":
            bank, began_at, ended_at = "battery_id", "begun_at", "over_at"
        rentals = [
            (
                self.banks[row[bank]]["serial_number"],
                row[began_at].timestamp(),
                seconds(row[ended_at]),
            )
            for row in self.rental_rows.values()
        ]
        return sorted(rentals, key=lambda rental: rental[1])

    def events(self) -> list[tuple[str, str, int]]:
        """Return type, state and attempts of the inbox's rows."""
        return [(row["event_type"], row["state"], row["attempts"]) for row in self.inbox.values()]

    # What holds in any of them

    def check_places(self) -> None:
        """One location per bank, at most one bank per slot, and such a slot is not empty."""
        held = [bank for bank in self.banks.values() if bank["current_slot_id"]]
        for bank in held:
            slot = self.slots[bank["current_slot_id"]]
            assert slot["station_id"] == bank["current_station_id"]
            assert slot["status"] != "AVAILABLE"
        assert len(held) == len({bank["current_slot_id"] for bank in held})
        for bank in self.banks.values():
            assert not (bank["missing_since"] and bank["current_station_id"])

    def check_rented(self) -> None:
        """A rented bank is nowhere, and has the one open rental."""
        for bank in self.banks.values():
            assert (bank["status"] == "RENTED") == (bank["rented_at"] is not None)
            if bank["status"] == "RENTED":
                assert (bank["current_station_id"], bank["current_slot_id"]) == (None, None)
        assert sorted(bank for bank, _, ended_at in self.rentals() if ended_at is None) == sorted(
            bank["serial_number"] for bank in self.banks.values() if bank["status"] == "RENTED"
        )

    def check_rentals(self, now: float) -> None:
        """A rental ends not before it began, nor after now, nor while the next goes on."""
        free_since: dict[str, float] = {}
        for bank, began_at, ended_at in self.rentals():
            assert free_since.get(bank, 0.0) <= began_at
            free_since[bank] = now if ended_at is None else ended_at
            assert began_at <= free_since[bank] <= now

    def check_returns(self, heard: list[str]) -> None:
        """One receipt for each body, one effect for each that was applied; ``heard`` by bank."""
        returns = [row for row in self.inbox.values() if row["event_type"] == "returned"]
        assert len(returns) == len({row["sha256"] for row in returns})
        applied = [row["power_bank_serial"] for row in returns if row["state"] == "applied"]
        assert sorted(applied) == sorted(heard)

    def check_history(self) -> None:
        """A station's history has no gap, and ends with what the station is."""
        last: dict[str, str] = {}
        for change in self.changes.values():
            serial = change["device_serial"]
            assert change["from_status"] == last.get(serial, "OFFLINE") != change["to_status"]
            last[serial] = change["to_status"]
        for station in self.stations.values():
            assert station["status"] == last.get(station["serial_number"], "OFFLINE")


def as_ended(event: PowerBankReturned) -> Ended:
    """Return the call of the hook in the words of the model."""
    return Ended(
        event.power_bank.serial_number,
        event.station.serial_number,
        None if event.slot is None else event.slot.slot_number,
        event.occurred_at.timestamp(),
        event.was_rented,
        str(event.source),
    )


def rental_model() -> type[models.Model]:
    """Return the rentals of the host under test."""
    if settings.TEST_HOST == "depot":
        from tests.depot.models import Lease

        return Lease
    from fleet.models import Rental

    return Rental


def read(model: type[models.Model], *columns: str) -> Rows:
    """Return the rows of a table by key, with these columns or all."""
    return {row["id"]: row for row in model._default_manager.order_by("pk").values(*columns)}


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def name_in(rows: Rows, key: Any, column: str) -> Any:
    return None if key is None else rows[key][column]
