"""Abstract station, slot and power bank: a host subclasses all three in one app.

Two kinds of column live side by side. Device-owned columns are written by the sync only.
Operator-owned ones - ``out_of_service`` and every column that the host adds - are written by the
host only; no sync ever touches them.

The foreign keys are app-relative: ``"Station"`` means the host's own ``Station``. A host with other
names overrides that one field.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.models.fields import SerialNumberField


class AbstractStation(models.Model):
    """A charging station: 4 to 48 slots behind one serial number."""

    class Status(models.TextChoices):
        ONLINE = "ONLINE", pgettext_lazy("status of a station", "online")
        OFFLINE = "OFFLINE", pgettext_lazy("status of a station", "offline")
        MAINTENANCE = "MAINTENANCE", pgettext_lazy("status of a station", "maintenance")

    serial_number = SerialNumberField(_("serial number"), unique=True)
    imei = SerialNumberField(_("IMEI"), blank=True, default="", db_index=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.OFFLINE
    )
    total_slots = models.PositiveSmallIntegerField(_("total slots"), default=0)
    signal_strength = models.CharField(
        _("signal strength"),
        max_length=64,
        blank=True,
        default="",
        help_text=_("As the device said it, for example “28”, “-65” or “4G:31”."),
    )
    wifi_ssid = models.TextField(_("Wi-Fi name"), blank=True, default="")
    hardware_info = models.JSONField(_("hardware information"), blank=True, default=dict)
    last_heartbeat = models.DateTimeField(
        _("last heartbeat"), null=True, blank=True, help_text=_("What the device said.")
    )
    last_heard_at = models.DateTimeField(
        _("last heard at"), null=True, blank=True, help_text=_("Our own clock.")
    )
    out_of_service = models.BooleanField(_("out of service"), default=False)

    # Bookkeeping of the sync, device-owned.
    status_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    silent_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Set while it is OFFLINE because of silence, not by its own word: when it was last heard."""
    last_full_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Event time of the newest full snapshot, in whole seconds."""
    last_status_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Event time of the newest status event, in whole seconds."""
    last_report_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Event time of the newest snapshot that told of every slot: it confirms the banks here."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.serial_number)


class AbstractStationSlot(models.Model):
    """One slot of a station. Its bank is the one whose ``current_slot`` it is; see ``power_bank``."""

    class Status(models.TextChoices):
        AVAILABLE = "AVAILABLE", pgettext_lazy("status of a slot", "available")
        OCCUPIED = "OCCUPIED", pgettext_lazy("status of a slot", "occupied")
        MAINTENANCE = "MAINTENANCE", pgettext_lazy("status of a slot", "maintenance")
        ERROR = "ERROR", pgettext_lazy("status of a slot", "error")

    station = models.ForeignKey(  # type: ignore[misc]
        "Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="slots"
    )
    slot_number = models.PositiveSmallIntegerField(_("slot number"))
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.AVAILABLE
    )
    battery_level = models.PositiveSmallIntegerField(_("battery level"), null=True, blank=True)
    slot_metadata = models.JSONField(_("slot metadata"), blank=True, default=dict)
    out_of_service = models.BooleanField(_("out of service"), default=False)

    class Meta:
        abstract = True
        unique_together = [("station", "slot_number")]

    def __str__(self) -> str:
        return f"{self.station_id}#{self.slot_number}"  # type: ignore[attr-defined]

    @property
    def power_bank(self) -> AbstractPowerBank | None:
        """Return the bank in this slot, or None. One query; derived, never stored twice."""
        from django_iot_ingest.conf import get_power_bank_model

        return get_power_bank_model()._default_manager.filter(current_slot=self.pk).first()


class AbstractPowerBank(models.Model):
    """A rentable power bank: in a slot, at a station, or nowhere while it is rented."""

    class Status(models.TextChoices):
        AVAILABLE = "AVAILABLE", pgettext_lazy("status of a power bank", "available")
        RENTED = "RENTED", pgettext_lazy("status of a power bank", "rented")
        MAINTENANCE = "MAINTENANCE", pgettext_lazy("status of a power bank", "maintenance")
        DAMAGED = "DAMAGED", pgettext_lazy("status of a power bank", "damaged")

    serial_number = SerialNumberField(_("serial number"), unique=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.AVAILABLE
    )
    battery_level = models.PositiveSmallIntegerField(_("battery level"), null=True, blank=True)
    hardware_info = models.JSONField(_("hardware information"), blank=True, default=dict)
    current_station = models.ForeignKey(  # type: ignore[misc]
        "Station",
        verbose_name=_("current station"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="power_banks",
    )
    current_slot = models.ForeignKey(  # type: ignore[misc]
        "StationSlot",
        verbose_name=_("current slot"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="power_banks",
    )
    rented_at = models.DateTimeField(_("rented at"), null=True, blank=True)
    missing_since = models.DateTimeField(_("missing since"), null=True, blank=True)
    out_of_service = models.BooleanField(_("out of service"), default=False)

    # Bookkeeping of the sync, device-owned.
    located_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Event time, in whole seconds, of the event that placed it. Its station's ``last_report_at``
    confirms the place later without writing this row."""
    placed_after = models.DateTimeField(null=True, blank=True, editable=False)
    """The station's ``last_report_at`` when it was placed: only a newer one confirms the place."""
    absent_since = models.DateTimeField(null=True, blank=True, editable=False)
    """Event time of the first snapshot of its station that lacked it; the next makes it missing."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.serial_number)

    def mark_rented(self, at: datetime | None = None) -> None:
        """Record that a rental of this bank began ``at`` (default: now); from here it is nowhere.

        The row is locked first, so a return that is just being applied is waited for, and written
        by one conditional UPDATE, so of two callers at the same instant exactly one wins on every
        database. Raises ``AlreadyRented`` if the bank is rented, ``DoesNotExist`` if its row is
        gone.
        """
        using = router.db_for_write(type(self), instance=self)
        rows = type(self)._base_manager.using(using)
        changes = self._rental_start(at or timezone.now())
        with transaction.atomic(using=using):
            rows.select_for_update().only("pk").get(pk=self.pk)
            if not rows.filter(pk=self.pk).exclude(status=self.Status.RENTED).update(**changes):
                raise AlreadyRented(self.serial_number)
        for name, value in changes.items():
            setattr(self, name, value)

    def _rental_start(self, at: datetime) -> dict[str, Any]:
        return {
            "status": self.Status.RENTED,
            "rented_at": at,
            "current_station": None,
            "current_slot": None,
            "missing_since": None,
            "absent_since": None,
        }
