"""Mixins for the host's three models::

    @admin.register(Station)
    class StationAdmin(StationAdminMixin, admin.ModelAdmin): ...

Whatever a ``ModelAdmin`` can say, the host's class can say otherwise.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin import places, related
from django_iot_ingest.admin.devices import DeviceAdminMixin
from django_iot_ingest.admin.links import Links
from django_iot_ingest.admin.spans import UNKNOWN, percent
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot


class StationAdminMixin(DeviceAdminMixin):
    """A station, with its cabinet, its history and its events."""

    device = AbstractStation
    identity = ("serial_number", "imei")
    list_display = (
        "serial_number",
        "status",
        "total_slots",
        "signal_strength",
        "last_heard_at",
        "out_of_service",
    )
    list_filter = ("status", "out_of_service")
    search_fields = ("serial_number__startswith", "imei__startswith")
    ordering = ("serial_number",)
    change_form_template = "django_iot_ingest/admin/station.html"

    def get_device_context(self, row: Any, links: Links) -> dict[str, Any]:
        """Return the cabinet, the changes of status and the newest events."""
        return {
            "cabinet": places.cabinet(row, links),
            "history": related.history_of(row, links),
            "events": related.events_of_station(row, links),
        }


class StationSlotAdminMixin(DeviceAdminMixin):
    """One slot; its bank is shown at its station."""

    device = AbstractStationSlot
    identity = ("station", "slot_number")
    list_display = ("slot", "status", "battery", "error_code", "out_of_service")
    list_filter = ("status", "out_of_service")
    list_select_related = ("station",)
    search_fields = ("station__serial_number__startswith",)
    ordering = ("station_id", "slot_number")
    raw_id_fields = ("station",)

    @admin.display(description=_("slot"), ordering="slot_number")
    def slot(self, row: Any) -> str:
        """Return the station and the number of the slot."""
        return places.name_of(row)

    @admin.display(description=_("battery level"), ordering="battery_level")
    def battery(self, row: Any) -> str:
        """Return the battery level in percent."""
        return percent(row.battery_level)

    @admin.display(description=_("error code"))
    def error_code(self, row: Any) -> str:
        """Return the code that the device gave for a fault, or a dash."""
        return places.error_code(row) or UNKNOWN


class PowerBankAdminMixin(DeviceAdminMixin):
    """A power bank, with where it is and its returns."""

    device = AbstractPowerBank
    identity = ("serial_number",)
    list_display = (
        "serial_number",
        "status",
        "battery",
        "current_station",
        "slot_number",
        "rented_at",
        "missing_since",
        "out_of_service",
    )
    list_filter = ("status", "out_of_service")
    list_select_related = ("current_station", "current_slot")
    search_fields = ("serial_number__startswith",)
    ordering = ("serial_number",)
    raw_id_fields = ("current_station", "current_slot")
    change_form_template = "django_iot_ingest/admin/power_bank.html"

    @admin.display(description=_("battery level"), ordering="battery_level")
    def battery(self, row: Any) -> str:
        """Return the battery level in percent."""
        return percent(row.battery_level)

    @admin.display(
        description=_("slot number"), ordering="current_slot__slot_number", empty_value="–"
    )
    def slot_number(self, row: Any) -> int | None:
        """Return the number of the slot that the bank is in."""
        return None if row.current_slot is None else row.current_slot.slot_number

    def get_device_context(self, row: Any, links: Links) -> dict[str, Any]:
        """Return where the bank is, and its newest events."""
        return {
            "whereabouts": places.whereabouts(row, links),
            "events": related.events_of_power_bank(row, links),
        }
