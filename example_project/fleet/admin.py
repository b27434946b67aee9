"""The admin: operators change what is theirs, and read what the devices say."""

from __future__ import annotations

from django.contrib import admin

from django_iot_ingest.admin import (
    PowerBankAdminMixin,
    StationAdminMixin,
    StationSlotAdminMixin,
)
from fleet.models import PowerBank, Rental, Station, StationSlot


@admin.register(Station)
class StationAdmin(StationAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["serial_number", "name", "status", "last_heard_at", "out_of_service"]
    search_fields = [*StationAdminMixin.search_fields, "name", "address"]


@admin.register(StationSlot)
class StationSlotAdmin(StationSlotAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    pass


@admin.register(PowerBank)
class PowerBankAdmin(PowerBankAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    pass


@admin.register(Rental)
class RentalAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["power_bank", "user", "status", "started_at", "ended_at", "amount"]
    list_filter = ["status"]
    list_select_related = ["power_bank", "user"]
    autocomplete_fields = ["power_bank", "user"]
    search_fields = ["power_bank__serial_number", "user__username"]
