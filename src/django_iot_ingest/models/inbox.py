"""The plugin's own tables: the inbox, the status history, and what was refused.

They point at nothing of the host's.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from django_iot_ingest.models.fields import SerialNumberField


class IngestEvent(models.Model):
    """One signed request, kept as it came, and what became of it."""

    class State(models.TextChoices):
        RECEIVED = "received", pgettext_lazy("state of an event", "received")
        APPLIED = "applied", pgettext_lazy("state of an event", "applied")
        STALE = "stale", pgettext_lazy("state of an event", "stale")
        DEFERRED = "deferred", pgettext_lazy("state of an event", "deferred")
        FAILED = "failed", pgettext_lazy("state of an event", "failed")
        DEAD = "dead", pgettext_lazy("state of an event", "dead")
        REFUSED = "refused", pgettext_lazy("state of an event", "refused")

    WAITING = (State.RECEIVED, State.DEFERRED, State.FAILED)
    """Accepted and not yet applied: the retry, the sweeper or an operator applies it."""

    UNAPPLIED = (*WAITING, State.DEAD)
    """Accepted and not applied: never pruned."""

    event_type = models.CharField(
        _("event type"),
        max_length=32,
        blank=True,
        help_text=_("Empty if the body has none we know."),
    )
    device_serial = SerialNumberField(_("device serial"), blank=True, default="")
    power_bank_serial = SerialNumberField(_("power bank serial"), blank=True, default="")
    event_time = models.DateTimeField(
        _("event time"), null=True, blank=True, help_text=_("When it happened, on our clock.")
    )
    received_at = models.DateTimeField(_("received at"))
    signed_at = models.BigIntegerField(
        _("signed at"), help_text=_("X-Timestamp of the attempt, in unix seconds.")
    )
    body = models.BinaryField(_("body"))
    sha256 = models.CharField(_("SHA-256 of the body"), max_length=64)
    dedup_key = models.CharField(  # noqa: DJ001 - null is what may come again
        max_length=64,
        null=True,
        blank=True,
        editable=False,
        help_text=_("The SHA-256 for a return and for a refused body, otherwise null."),
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    last_error_code = models.CharField(_("last error code"), max_length=128, blank=True, default="")
    result = models.JSONField(_("result"), null=True, blank=True)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    duration = models.DurationField(
        _("duration"), null=True, blank=True, help_text=_("Time that the last attempt took.")
    )
    retry_at = models.DateTimeField(
        _("retry at"), null=True, blank=True, help_text=_("Not before this will the sweeper try.")
    )

    class Meta:
        verbose_name = _("ingest event")
        verbose_name_plural = _("ingest events")
        # English, as Django's own: they are stored, in one language for all who read them.
        permissions = [
            ("apply_ingestevent", "Can apply ingest events again"),
            ("bury_ingestevent", "Can mark ingest events dead"),
        ]
        # Not unique=True, which adds an index for LIKE on PostgreSQL that every event would write.
        constraints = [
            models.UniqueConstraint(fields=["dedup_key"], name="iot_ingest_dedup_key"),
        ]
        indexes = [
            models.Index(fields=["state", "received_at"], name="iot_ingest_state_received"),
            models.Index(
                fields=["device_serial", "received_at"], name="iot_ingest_serial_received"
            ),
            models.Index(fields=["power_bank_serial"], name="iot_ingest_power_bank"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type or '?'} {self.device_serial} {self.state}"


class StationStatusChange(models.Model):
    """One change of a station's status, from whatever source."""

    class Trigger(models.TextChoices):
        FULL = "FULL", pgettext_lazy("what changed a status", "full snapshot")
        RETURNED = "RETURNED", pgettext_lazy("what changed a status", "return")
        STATUS = "STATUS", pgettext_lazy("what changed a status", "status event")
        TIMEOUT = "TIMEOUT", pgettext_lazy("what changed a status", "silence")

    device_serial = SerialNumberField(_("device serial"))
    from_status = models.CharField(_("from status"), max_length=16)
    to_status = models.CharField(_("to status"), max_length=16)
    changed_at = models.DateTimeField(_("changed at"))
    seconds_in_previous = models.PositiveBigIntegerField(
        _("seconds in previous"), null=True, blank=True, help_text=_("Empty if not known.")
    )
    trigger = models.CharField(_("trigger"), max_length=16, choices=Trigger.choices)

    class Meta:
        verbose_name = _("station status change")
        verbose_name_plural = _("station status changes")
        indexes = [
            models.Index(fields=["device_serial", "changed_at"], name="iot_status_serial_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.device_serial} {self.from_status} → {self.to_status}"


class RefusedRequest(models.Model):
    """One refused request of a sender whose bearer token held, as it came: for ``iot_doctor``.

    ``headers`` never has the token. Only the newest are kept; see ``captures``.
    """

    request_id = models.CharField(_("request id"), max_length=32, unique=True)
    reason = models.CharField(_("reason"), max_length=32, help_text=_("The answer's “error”."))
    received_at = models.DateTimeField(_("received at"), db_index=True)
    client_address = models.CharField(_("client address"), max_length=64, blank=True, default="")
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField(_("body"))

    class Meta:
        verbose_name = _("refused request")
        verbose_name_plural = _("refused requests")
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return f"{self.request_id} {self.reason}"


class RefusalCount(models.Model):
    """How often one process gave one reason in one minute; several rows of a minute add up."""

    minute = models.DateTimeField(_("minute"), db_index=True)
    reason = models.CharField(_("reason"), max_length=32)
    count = models.PositiveBigIntegerField(_("count"))

    class Meta:
        verbose_name = _("count of refusals")
        verbose_name_plural = _("counts of refusals")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.reason}: {self.count}"


class Fleet(IngestEvent):
    """No table: the fleet page's place in the admin, and the permission to see it."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("fleet")
        verbose_name_plural = _("fleet")
