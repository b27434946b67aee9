"""What needs Django's tables, as a program of its own, so that each run has its own settings.

``prepare STATIONS BANKS`` migrates and fills the tables (``--rent``: with every bank rented, as
outing 1, 2, ...); ``sweep`` runs the sweeper until it is ended; ``finish`` sweeps what is left and
prints the tables as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from datetime import timedelta
from typing import Any

import django

from tests.nemesis.surroundings import EMAIL, PASSWORD, bank_serials, station_serials
from tests.nemesis.traffic import SLOTS

SWEEP_PAUSE = 1.0
MAX_SWEEPS = 50


def prepare(stations: int, banks: int, rent: bool) -> None:
    """Create the tables, the gateway's administrator, stations with slots, and banks."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from fleet.models import PowerBank, Station, StationSlot
    from tests.nemesis.counter import RENTER, begin

    call_command("migrate", run_syncdb=True, verbosity=0)
    User.objects.create_superuser(EMAIL, EMAIL, PASSWORD)
    User.objects.create(username=RENTER)
    cabinets = Station.objects.bulk_create(
        Station(serial_number=serial, total_slots=SLOTS) for serial in station_serials(stations)
    )
    numbers = range(1, SLOTS + 1)
    StationSlot.objects.bulk_create(
        StationSlot(station=cabinet, slot_number=number)
        for cabinet in Station.objects.filter(serial_number__in=[c.serial_number for c in cabinets])
        for number in numbers
    )
    PowerBank.objects.bulk_create(PowerBank(serial_number=serial) for serial in bank_serials(banks))
    if rent:
        for number, serial in enumerate(bank_serials(banks), start=1):
            begin(number, serial)


def sweep() -> None:
    """Run the sweeper again and again, as cron would, whatever becomes of the database."""
    from django.db import Error, connection

    from django_iot_ingest import sweeper

    while True:
        try:
            sweeper.sweep()
        except Error:
            logging.getLogger(__name__).exception("the sweep failed; the next one may not")
            connection.close()
        time.sleep(SWEEP_PAUSE)


def finish() -> None:
    """Sweep until nothing waits; print what the tables say."""
    from django_iot_ingest import ledger, sweeper
    from django_iot_ingest.models import IngestEvent

    # Nobody else is left: no receipt is in flight, and the back-off has been long enough.
    ledger.IN_FLIGHT = timedelta(0)
    waiting = IngestEvent.objects.filter(state__in=IngestEvent.WAITING)
    for _ in range(MAX_SWEEPS):
        if not waiting.update(retry_at=None):
            break
        sweeper.sweep()
    print(json.dumps(dump()))


def dump() -> dict[str, Any]:
    """Return the tables that count, as the checker reads them."""
    from django_iot_ingest.models import IngestEvent
    from fleet.models import Rental
    from tests.nemesis.models import BillingEntry, Outing

    ends = Rental.objects.filter(status=Rental.Status.COMPLETED).values_list("pk", "ended_at")
    receipts = IngestEvent.objects.filter(event_type="returned").values_list("body", "state")
    return {
        "outings": dict(Outing.objects.values_list("number", "rental_id")),
        "ends": {rental: ended_at.isoformat() for rental, ended_at in ends if ended_at},
        "billing": list(BillingEntry.objects.order_by("pk").values_list("number", "rental_id")),
        "receipts": {
            json.loads(bytes(body))["return_event"]["number"]: state for body, state in receipts
        },
    }


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("stations", type=int)
    preparing.add_argument("banks", type=int)
    preparing.add_argument("--rent", action="store_true")
    commands.add_parser("sweep")
    commands.add_parser("finish")
    options = parser.parse_args()
    django.setup()
    if options.command == "prepare":
        prepare(options.stations, options.banks, options.rent)
    elif options.command == "sweep":
        sweep()
    else:
        finish()


if __name__ == "__main__":
    main()
