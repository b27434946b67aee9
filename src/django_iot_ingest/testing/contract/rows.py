"""Rows of the host's tables as they are now, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import models

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.database import alias

Rows = Mapping[str, Mapping[str, Any]]
"""The columns of each row, by its model and its serial number, or its key if it has none."""

LONGEST, MOST = 60, 3
"""Characters of a value, and differences, that a message shows."""

BOOKKEEPING = frozenset({"last_heard_at"})
"""What a stale event changes too."""


def device_models() -> tuple[type[models.Model], ...]:
    """Return the host's three models."""
    return get_station_model(), get_station_slot_model(), get_power_bank_model()


def host_rows() -> Rows:
    """Return all rows, but for those of the three models, of their apps and of what points at them."""
    devices = device_models()
    labels = {model._meta.app_label for model in devices}
    found = apps.get_models(include_auto_created=True)
    owned = (model for model in found if model._meta.managed and not model._meta.proxy)
    others = (model for model in owned if model not in devices)
    return rows_of(
        model for model in others if model._meta.app_label in labels or points_at(model, devices)
    )


def points_at(model: type[models.Model], devices: Sequence[type[models.Model]]) -> bool:
    """Return whether a model has a key to one of these."""
    return any(field.related_model in devices for field in model._meta.concrete_fields)


def device_rows() -> Rows:
    """Return all rows of the three models, without what a stale event changes too."""
    found: dict[str, Mapping[str, Any]] = {}
    for model in device_models():
        clocks = {field.attname for field in model._meta.concrete_fields if is_automatic(field)}
        left = (BOOKKEEPING | clocks) - {model._meta.pk.attname}
        for name, row in rows_of([model]).items():
            found[name] = {column: row[column] for column in row if column not in left}
    return found


def is_automatic(field: Any) -> bool:
    """Return whether a column is a key, or written by Django or the database itself."""
    return bool(
        field.primary_key
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
        or getattr(field, "generated", False)
    )


def rows_of(found: Iterable[type[models.Model]]) -> Rows:
    """Return all rows of these models."""
    return {
        f"{model._meta.object_name} {row.get('serial_number', row[model._meta.pk.attname])}": row
        for model in found
        for row in model._base_manager.using(alias()).order_by("pk").values()
    }


def differences(before: Any, after: Any) -> list[str]:
    """Return in words what differs; values that are no rows are shown as they are."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [] if before == after else [f"{before} became {after}"]
    return [*changes(before, after), *(f"{name} is new" for name in after if name not in before)]


def changed(before: Any, after: Any) -> list[str]:
    """Return in words what became of what was there before; new rows do not count."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return list(changes(before, after))
    return differences(before, after)


def changes(before: Rows, after: Rows) -> Iterator[str]:
    """Yield what became of rows that were there before."""
    for name, row in before.items():
        if name not in after:
            yield f"{name} is gone"
            continue
        for column in {**row, **after[name]}:
            was, now = row.get(column), after[name].get(column)
            if was != now:
                yield f"{name}, {column}: {shortened(was)} became {shortened(now)}"


def shortened(value: Any) -> str:
    """Return a value as text, long ones by their beginning."""
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def listed(found: Sequence[str]) -> str:
    """Return differences in one line, of many the first."""
    more = len(found) - MOST
    return "; ".join(found[:MOST]) + (f"; and {more} more" if more > 0 else "")
