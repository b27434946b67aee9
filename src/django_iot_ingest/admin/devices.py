"""What the pages of the host's three models share: the device's columns are read, the others
written, and no save undoes what the sync has written meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_iot_ingest.admin.base import StyledMixin
from django_iot_ingest.admin.links import Links
from django_iot_ingest.services import rows
from django_iot_ingest.wire import MAX_BYTE, is_serial

OPERATOR_OWNED = frozenset({"out_of_service"})
"""Columns of the abstract models that belong to the operator."""


def check_serial(value: object) -> None:
    """Refuse what no event can name a device by."""
    if not is_serial(value):
        told = _(
            "Only letters and digits of ASCII and . _ : - can name a device, at most 64 of them."
        )
        raise ValidationError(told)


IDENTITY_VALIDATORS: dict[str, list[Any]] = {
    "serial_number": [check_serial],
    "imei": [check_serial],
    "slot_number": [MaxValueValidator(MAX_BYTE)],
}


class DeviceAdminMixin(StyledMixin):
    """Show the device's columns read-only, and write of the others those that were changed.

    ``device`` is the abstract model whose columns belong to the device; ``identity`` are those of
    them that a row is added by hand with.
    """

    device: ClassVar[type[models.Model]]
    identity: ClassVar[Sequence[str]]

    def device_fields(self) -> list[str]:
        """Return the columns that the sync alone writes, as far as they are shown."""
        fields = self.device._meta.local_fields
        return [
            field.name for field in fields if field.editable and field.name not in OPERATOR_OWNED
        ]

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Take no identity that no device can have: such a row would wait for ever."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in self.identity:
            field.validators = [*field.validators, *IDENTITY_VALIDATORS.get(db_field.name, ())]
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Add the device's columns to the host's own; a new row needs its identity."""
        own = list(super().get_readonly_fields(request, obj))
        told = [name for name in self.device_fields() if obj or name not in self.identity]
        return [*own, *(name for name in told if name not in own)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put what an operator changes above what the device says, unless a host has said how."""
        if self.fieldsets or self.fields:
            return super().get_fieldsets(request, obj)
        told = [name for name in self.device_fields() if obj or name not in self.identity]
        names: list[Any] = list(self.get_fields(request, obj))
        identity = [name for name in self.identity if name in names]
        own = [name for name in names if name not in told and name not in identity]
        sets: list[Any] = [(None, {"fields": [*identity, *own]})]
        lower = [name for name in told if name in names and name not in identity]
        return [*sets, (_("What the device says"), {"fields": lower})] if obj else sets

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note what the row is before a host's ``save_model`` sets columns of its own."""
        row = super().save_form(request, form, change)
        form.columns_of_the_form = _columns(row)
        return row

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write changed columns only: the sync may have written since the row was read."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        rows.update(obj, _changed(obj, form))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Give the template what belongs to the row that is shown."""
        row = kwargs.get("obj")
        if row is not None:
            context = {**context, **self.get_device_context(row, Links(self.admin_site, request))}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_device_context(self, row: Any, links: Links) -> dict[str, Any]:
        """Return what the template shows beside the form."""
        return {}


def _columns(row: Any) -> dict[str, Any]:
    """Return the values of a row's columns by their fields' names, as far as they were read."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    return {
        field.name: row.__dict__[field.attname] for field in fields if field.attname in row.__dict__
    }


def _changed(row: Any, form: Any) -> set[str]:
    """Return the columns that the form has changed, and those that host code has set since."""
    now = _columns(row)
    before: dict[str, Any] = getattr(form, "columns_of_the_form", now)
    return {name for name in now if name in form.changed_data or now[name] != before.get(name)}
