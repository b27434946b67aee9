"""The second host's admin: the mixins under other names, keys and columns."""

from __future__ import annotations

from django.contrib import admin

from django_iot_ingest.admin import PowerBankAdminMixin, StationAdminMixin, StationSlotAdminMixin
from tests.depot.models import Battery, Bay, Locker


@admin.register(Locker)
class LockerAdmin(StationAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (*StationAdminMixin.list_display, "district")
    list_filter = (*StationAdminMixin.list_filter, "district")


@admin.register(Bay)
class BayAdmin(StationSlotAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    pass


@admin.register(Battery)
class BatteryAdmin(PowerBankAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    pass
