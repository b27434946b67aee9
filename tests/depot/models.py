"""Models with names that the plugin does not know: each overrides the keys that point at them."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot


class Locker(AbstractStation):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    district = models.CharField(max_length=30, default="unassigned")

    class Meta(AbstractStation.Meta):
        verbose_name = "locker"


class Bay(AbstractStationSlot):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    station = models.ForeignKey("Locker", on_delete=models.CASCADE, related_name="bays")
    cable_length = models.PositiveSmallIntegerField(default=30)

    class Meta(AbstractStationSlot.Meta):
        verbose_name = "bay"


class Battery(AbstractPowerBank):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    current_station = models.ForeignKey(
        "Locker", on_delete=models.SET_NULL, null=True, blank=True, related_name="batteries"
    )
    current_slot = models.ForeignKey(
        "Bay", on_delete=models.SET_NULL, null=True, blank=True, related_name="batteries"
    )
    capacity = models.PositiveIntegerField(default=5000)

    class Meta(AbstractPowerBank.Meta):
        verbose_name = "battery"


class Lease(models.Model):
    """This host's rental: no user, no money, only minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    battery = models.ForeignKey(Battery, on_delete=models.CASCADE, related_name="leases")
    begun_at = models.DateTimeField(default=timezone.now)
    over_at = models.DateTimeField(null=True, blank=True)
    minutes = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.battery_id} since {self.begun_at:%Y-%m-%d %H:%M}"
