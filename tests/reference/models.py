"""``models.md``: the columns of the abstract models and of the plugin's own, out of ``_meta``."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import translation

from django_iot_ingest.models import (
    AbstractPowerBank,
    AbstractStation,
    AbstractStationSlot,
    IngestEvent,
    RefusalCount,
    RefusedRequest,
    StationStatusChange,
)
from tests.reference.markdown import attribute_docs, code, first_paragraph, table

HOSTS = (AbstractStation, AbstractStationSlot, AbstractPowerBank)
OURS = (IngestEvent, StationStatusChange, RefusedRequest, RefusalCount)

DEVICE, OPERATOR = "device", "operator"

OWNERS = {"out_of_service": OPERATOR, "rented_at": "host, until a return"}
"""Who writes a column of the host's models, where it is not the sync alone."""

BANK_STATUS = "device; `RENTED` is the host's"


def parts() -> dict[str, str]:
    """Return a section for each model."""
    with translation.override("en"):
        return {
            "host-models": "\n\n".join(map(section, HOSTS)),
            "own-models": "\n\n".join(map(section, OURS)),
        }


def section(model: type[models.Model]) -> str:
    """Return what there is to say of one model."""
    lines = [f"### `{model.__name__}`", first_paragraph(model.__doc__), columns(model)]
    return "\n\n".join([*lines, *choices(model), *rules(model)])


def columns(model: type[models.Model]) -> str:
    """Return the table of a model's columns; of a host's model with the owner of each."""
    docs = attribute_docs(model)
    is_host = model in HOSTS
    rows = []
    for field in model._meta.local_fields:
        if field.primary_key:
            continue
        said = docs.get(field.name) or str(field.help_text)
        owner = [owner_of(model, field.name)] if is_host else []
        rows.append([code(field.name), kind(field), default(field), *owner, said])
    header = ["column", "type", "default", *(["owner"] if is_host else []), ""]
    return table(header, rows)


def owner_of(model: type[models.Model], name: str) -> str:
    """Return who writes a column."""
    if (model, name) == (AbstractPowerBank, "status"):
        return BANK_STATUS
    return OWNERS.get(name, DEVICE)


def kind(field: Any) -> str:
    """Return a column's type, its length, and whether it is unique or may be null."""
    name = type(field).__name__.removesuffix("Field")
    told = {"SerialNumber": "serial number", "ForeignKey": "foreign key"}.get(name, name)
    if field.remote_field:
        target = field.remote_field.model
        action = field.remote_field.on_delete.__name__
        told = f'{told} to `{target}`, {action}, `related_name="{field.remote_field.related_name}"`'
    if field.max_length:
        told += f" of {field.max_length}"
    return ", ".join([told, *marks(field)])


def marks(field: Any) -> list[str]:
    said = {
        "unique": field.unique,
        "indexed": field.db_index and not field.remote_field,
        "null": field.null,
    }
    return [name for name, is_so in said.items() if is_so]


def default(field: Any) -> str:
    """Return a column's default as code, if it has one."""
    if not field.has_default():
        return ""
    value = field.get_default()
    return code(f'"{value}"' if isinstance(value, str) else value)


def choices(model: type[models.Model]) -> list[str]:
    """Return a line for each column of few values."""
    return [
        f"Values of `{field.name}`: {', '.join(code(value) for value, _ in field.choices)}."
        for field in model._meta.local_fields
        if field.choices
    ]


def rules(model: type[models.Model]) -> list[str]:
    """Return lines about constraints, indexes and permissions."""
    options = model._meta
    unique = [*options.unique_together, *(one.fields for one in options.constraints)]  # type: ignore[attr-defined]
    said = {
        "Unique together": [names(group) for group in unique if len(group) > 1],
        "Unique": [names(group) for group in unique if len(group) == 1],
        "Indexes": [names(index.fields) for index in options.indexes],
        "Permissions": permissions(model) if model in OURS else [],
    }
    return [f"{what}: {'; '.join(told)}." for what, told in said.items() if told]


def names(fields: Any) -> str:
    return ", ".join(map(code, fields))


def permissions(model: type[models.Model]) -> list[str]:
    """Return the names of a model's permissions."""
    options = model._meta
    usual = [f"{action}_{options.model_name}" for action in options.default_permissions]
    return [names([*usual, *(name for name, _ in options.permissions)])]
