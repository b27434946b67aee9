"""What the project's tables say of the fleet, beside what they have to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Max

from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.database import alias
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.simulator.expectation import RENTED, Expectation, KnownBank, KnownStation
from django_iot_ingest.times import aware

STATION_COLUMNS = ("serial_number", "status", "last_full_at", "last_status_at", "last_report_at")
BANK_COLUMNS = (
    *("serial_number", "status", "rented_at", "located_at", "placed_after", "absent_since"),
    *("current_station__serial_number", "current_slot__slot_number"),
)


def newest_event() -> int:
    """Return the inbox id that all from now on are greater than."""
    return _inbox().aggregate(newest=Max("pk"))["newest"] or 0


def has_event(event_id: object, station: str) -> bool:
    """Return whether an answer's event is in our inbox: then the URL serves our database."""
    if not isinstance(event_id, str) or not event_id.isdecimal():
        return False
    return bool(_inbox().filter(pk=int(event_id), device_serial=station).exists())


def read(prefix: str, stations: Collection[str]) -> Expectation:
    """Return what the tables say of these stations and their own banks: 2 statements."""
    known = Expectation()
    reports: dict[str, datetime | None] = {}
    rows = get_station_model()._default_manager.using(alias())
    for row in rows.filter(serial_number__startswith=prefix).values(*STATION_COLUMNS):
        serial = row["serial_number"]
        reports[serial] = row["last_report_at"]
        if serial in stations:
            known.stations[serial] = _station(row)
    banks = get_power_bank_model()._default_manager.using(alias())
    for row in banks.filter(serial_number__startswith=prefix).values(*BANK_COLUMNS):
        if row["serial_number"].rpartition("-")[0] in stations:
            known.add_bank(_power_bank(row, reports))
    return known


def differences(
    expected: Expectation, prefix: str, newest: int, *, is_deferred: bool = False
) -> list[str]:
    """Return in words where the tables are not as they have to be: 4 statements.

    In deferred mode a snapshot may have been passed over for a newer one, so that a bank that is in
    no slot may be missing already, or not yet.
    """
    found = read(prefix, expected.stations.keys())
    return [
        *_station_differences(expected, found),
        *_bank_differences(expected, found, is_deferred),
        *_return_differences(expected, prefix, newest),
        *_waiting(expected, prefix, newest),
    ]


def waits(prefix: str, newest: int) -> int:
    """Return how many events of the run are received and not applied."""
    return int(_rows(prefix, newest).filter(state=IngestEvent.State.RECEIVED).count())


def _station_differences(expected: Expectation, found: Expectation) -> Iterator[str]:
    for serial, station in expected.stations.items():
        if serial in expected.open_stations:
            continue
        seen = found.stations.get(serial)
        if seen is None:
            yield f"station {serial} is not in the tables"
        elif seen.status != station.status:
            yield f"station {serial} is {seen.status}, and should be {station.status}"


def _bank_differences(
    expected: Expectation, found: Expectation, is_deferred: bool
) -> Iterator[str]:
    for serial, bank in expected.banks.items():
        is_vague = is_deferred and bank.slot is None and not bank.is_rented
        if is_vague or serial in expected.open_banks:
            continue
        seen = found.banks.get(serial)
        if seen is None:
            yield f"power bank {serial} is not in the tables"
        elif _words(seen) != _words(bank):
            yield f"power bank {serial} is {_words(seen)}, and should be {_words(bank)}"


def _words(bank: KnownBank) -> str:
    return bank.status if bank.status == RENTED else f"{bank.status} {bank.place()}"


def _return_differences(expected: Expectation, prefix: str, newest: int) -> Iterator[str]:
    """Yield the banks of which a return was lost, or stands twice in the inbox."""
    returns = _rows(prefix, newest).filter(event_type="returned", state=IngestEvent.State.APPLIED)
    rows = returns.values("power_bank_serial").annotate(
        rows=Count("pk"), bodies=Count("sha256", distinct=True)
    )
    applied: Counter[str] = Counter()
    for row in rows.order_by():
        serial = row["power_bank_serial"]
        applied[serial] = row["bodies"]
        if row["rows"] > row["bodies"] and serial in expected.returns:
            yield f"power bank {serial}: one return stands {row['rows']} times in the inbox"
    for serial, count in expected.returns.items():
        if applied[serial] != count and serial not in expected.open_banks:
            yield (
                f"power bank {serial}: {count} returns were accepted, {applied[serial]} are "
                "applied in the inbox"
            )


def _waiting(expected: Expectation, prefix: str, newest: int) -> Iterator[str]:
    """Yield what was accepted and is not applied."""
    rows = _rows(prefix, newest).filter(state__in=IngestEvent.UNAPPLIED)
    counted = rows.values("device_serial", "event_type", "state").annotate(rows=Count("pk"))
    for row in counted.order_by("device_serial"):
        if row["device_serial"] not in expected.open_stations and row["state"] != "failed":
            yield "{rows} {event_type} of {device_serial}: {state} in the inbox".format(**row)


def _station(row: dict[str, Any]) -> KnownStation:
    return KnownStation(
        row["serial_number"],
        row["status"],
        _seconds(row["last_full_at"]),
        _seconds(row["last_status_at"]),
    )


def _power_bank(row: dict[str, Any], reports: dict[str, datetime | None]) -> KnownBank:
    """Return a bank; a newer snapshot of its station has confirmed where it is."""
    times = [row["located_at"]]
    confirmed_at = reports.get(row["current_station__serial_number"] or "")
    if not row["absent_since"] and not (
        row["placed_after"] and confirmed_at == row["placed_after"]
    ):
        times.append(confirmed_at)
    rented_at = row["rented_at"]
    return KnownBank(
        row["serial_number"],
        row["status"],
        row["current_station__serial_number"],
        row["current_slot__slot_number"],
        _seconds(max((moment for moment in times if moment), default=None)),
        _seconds(row["absent_since"]),
        aware(rented_at).timestamp() if rented_at else None,
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(aware(moment).timestamp())


def _rows(prefix: str, newest: int) -> Any:
    return _inbox().filter(pk__gt=newest, device_serial__startswith=prefix)


def _inbox() -> Any:
    return IngestEvent._default_manager.using(alias())
