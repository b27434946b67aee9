"""The host's models: the plugin's three, each with columns of our own, and the rental."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone

from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot


class Station(AbstractStation):
    """A charging station. What is added here belongs to the operator: no sync touches it."""

    name = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=255, blank=True, default="")
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    opening_hours = models.CharField(max_length=100, blank=True, default="")

    class Meta(AbstractStation.Meta):
        pass

    def __str__(self) -> str:
        return self.name or self.serial_number


class StationSlot(AbstractStationSlot):
    """A slot, with the label that is printed beside it."""

    label = models.CharField(max_length=20, blank=True, default="")

    class Meta(AbstractStationSlot.Meta):
        pass


class PowerBank(AbstractPowerBank):
    """A power bank, with the day that it was bought."""

    purchased_on = models.DateField(null=True, blank=True)

    class Meta(AbstractPowerBank.Meta):
        pass


class Rental(models.Model):
    """One rental of one bank by one user, and what it cost."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "active"
        OVERDUE = "OVERDUE", "overdue"
        COMPLETED = "COMPLETED", "completed"

    OPEN = (Status.ACTIVE, Status.OVERDUE)

    power_bank = models.ForeignKey(PowerBank, on_delete=models.PROTECT, related_name="rentals")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rentals"
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    started_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    amount = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("0.00"), help_text="Billed when it ends."
    )

    class Meta:
        indexes = [models.Index(fields=["power_bank", "status"], name="fleet_rental_bank_status")]

    def __str__(self) -> str:
        return f"{self.power_bank_id} {self.status} since {self.started_at:%Y-%m-%d %H:%M}"
