"""What the tables say now. Needs Django to be set up."""

from __future__ import annotations

from django.db.models import Max

from django_iot_ingest.models import IngestEvent
from fleet.models import PowerBank, Rental, Station, StationSlot
from simulation import show

INBOX_ROWS = 20

TABLES = {
    "Stations": (
        Station.objects.order_by("serial_number"),
        ["serial_number", "name", "status", "total_slots", "signal_strength", "wifi_ssid"],
    ),
    "Slots": (
        StationSlot.objects.order_by("station__serial_number", "slot_number"),
        ["station__serial_number", "slot_number", "status", "battery_level"],
    ),
    "Power banks": (
        PowerBank.objects.order_by("serial_number"),
        [
            *("serial_number", "status", "battery_level", "rented_at"),
            *("current_station__serial_number", "current_slot__slot_number"),
        ],
    ),
    "Rentals": (
        Rental.objects.order_by("pk"),
        [
            *("pk", "power_bank__serial_number", "user__username", "status"),
            *("started_at", "ended_at", "amount"),
        ],
    ),
}
"""Title: the rows, and the columns that are shown."""

INBOX_COLUMNS = ["pk", "event_type", "device_serial", "event_time", "state", "attempts"]


def show_all() -> None:
    """Print the tables."""
    for title, (rows, columns) in TABLES.items():
        show.table(title, columns, rows.all().values_list(*columns))
    newest = IngestEvent.objects.order_by("-pk").values_list(*INBOX_COLUMNS)[:INBOX_ROWS]
    show.table("Inbox", INBOX_COLUMNS, reversed(newest))


def newest_event() -> int:
    """Return the inbox id that everything from now on is greater than."""
    return IngestEvent.objects.aggregate(Max("pk"))["pk__max"] or 0
