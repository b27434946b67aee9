"""The admin: operators change what is theirs, and read what the devices say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot
from fleet.models import PowerBank, Rental, Station, StationSlot

OPERATOR_OWNED = {"out_of_service"}


class DeviceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Show the device's columns read-only, and write the others alone."""

    device: type[models.Model]
    """The abstract model whose columns belong to the device."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return []
        fields = self.device._meta.local_fields
        return [
            field.name for field in fields if field.editable and field.name not in OPERATOR_OWNED
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write changed columns only: the sync may have written since the page was loaded."""
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Station)
class StationAdmin(DeviceAdmin):
    device = AbstractStation
    list_display = ["serial_number", "name", "status", "last_heard_at", "out_of_service"]
    list_filter = ["status", "out_of_service"]
    search_fields = ["serial_number", "imei", "name", "address"]


@admin.register(StationSlot)
class StationSlotAdmin(DeviceAdmin):
    device = AbstractStationSlot
    list_display = ["station", "slot_number", "status", "battery_level", "out_of_service"]
    list_filter = ["status", "out_of_service"]
    list_select_related = ["station"]
    search_fields = ["station__serial_number"]


@admin.register(PowerBank)
class PowerBankAdmin(DeviceAdmin):
    device = AbstractPowerBank
    list_display = ["serial_number", "status", "battery_level", "current_station", "current_slot"]
    list_filter = ["status", "out_of_service"]
    list_select_related = ["current_station", "current_slot"]
    search_fields = ["serial_number"]


@admin.register(Rental)
class RentalAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["power_bank", "user", "status", "started_at", "ended_at", "amount"]
    list_filter = ["status"]
    list_select_related = ["power_bank", "user"]
    autocomplete_fields = ["power_bank", "user"]
    search_fields = ["power_bank__serial_number", "user__username"]
