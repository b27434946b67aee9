"""Columns of the host's own that need a value which nobody gives them: every insert would fail."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register
from django.db import models

from django_iot_ingest.checks.models import (
    POWER_BANK,
    STATION,
    STATION_SLOT,
    Model,
    Role,
    fitting_models,
)
from django_iot_ingest.checks.service import configured_service
from django_iot_ingest.checks.values import TAG
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.services import StationSyncService

GIVERS = {STATION: "get_station_defaults", POWER_BANK: "get_power_bank_defaults"}
"""The hooks that give a new row the values of the host's columns; a slot has none."""

CREATED = {STATION: "AUTO_CREATE_STATIONS", POWER_BANK: "AUTO_CREATE_POWER_BANKS"}
"""The settings without which the sync makes no such row; slots are always made."""


@register(TAG)
def check_required_columns(**kwargs: Any) -> list[CheckMessage]:
    """Expect a default for a column that cannot be null, or a hook that gives it a value."""
    return [
        Warning(
            f"{model._meta.label}.{field.name} cannot be null and has no default: no row can be "
            "made, and every event that needs a new one is answered 503.",
            hint=_hint(role, field),
            obj=model,
            id="iot_ingest.W041",
        )
        for role, model in fitting_models()
        if _is_made_bare(role, model)
        for field in _required(role, model)
    ]


def _is_made_bare(role: Role, model: Model) -> bool:
    """Return whether the sync makes such rows, and no code of the host has a part in it."""
    if role is STATION_SLOT:
        return True
    saves = role is STATION and model.save is not role.base.save
    # A wrong type is E003's; what is not False makes rows.
    makes = getattr(ingest_settings, CREATED[role]) is not False
    return makes and not saves and not _gives(GIVERS[role])


def _required(role: Role, model: Model) -> list[Any]:
    """Return the host's own columns that an insert without a value for them would violate."""
    inherited = {field.name for field in role.base._meta.fields}
    own = [field for field in model._meta.concrete_fields if field.name not in inherited]
    return [field for field in own if not (field.null or field.primary_key or _has_value(field))]


def _has_value(field: Any) -> bool:
    """Return whether a new row has one by itself; of text that is the empty one."""
    if getattr(field, "generated", False) or _sets_itself(field):
        return True
    return field.has_default() or field.get_default() is not None


def _sets_itself(field: Any) -> bool:
    """Return whether the field makes a value when a row is saved."""
    if isinstance(field, models.DateField | models.TimeField):
        return bool(field.auto_now or field.auto_now_add)
    return type(field).pre_save is not models.Field.pre_save


def _gives(hook: str) -> bool:
    """Return whether the host's service has a hook of its own; what that returns nobody knows."""
    service = configured_service() or StationSyncService
    return getattr(service, hook) is not getattr(StationSyncService, hook)


def _hint(role: Role, field: Any) -> str:
    either = f"Give {field.name} a default, or null=True"
    if role is STATION_SLOT:
        return f"{either}: slots are made in bulk, without a hook."
    return f"{either}, or return its value from {GIVERS[role]}() of your SYNC_SERVICE."
