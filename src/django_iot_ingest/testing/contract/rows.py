"""Rows of the host's tables as they are now, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
"""The columns of each row, by model and serial number of the row."""

BOOKKEEPING = frozenset({"last_heard_at"})
"""What a stale event changes too."""


def device_models() -> tuple[type[models.Model], ...]:
    """Return the host's three models."""
    return get_station_model(), get_station_slot_model(), get_power_bank_model()


def host_rows() -> Rows:
    """Return all rows of the host's apps but for those of the three models."""
    devices = device_models()
    labels = {model._meta.app_label for model in devices}
    configs = [apps.get_app_config(label) for label in sorted(labels)]
    found = [model for config in configs for model in config.get_models(include_auto_created=True)]
    owned = (model for model in found if model._meta.managed and not model._meta.proxy)
    return rows_of(model for model in owned if model not in devices)


def device_rows() -> Rows:
    """Return all rows of the three models, without what a stale event changes too."""
    return {
        name: {column: value for column, value in row.items() if column not in BOOKKEEPING}
        for name, row in rows_of(device_models()).items()
    }


def rows_of(found: Iterable[type[models.Model]]) -> Rows:
    """Return all rows of these models, numbered in the order of their keys."""
    return {
        f"{model._meta.object_name} {number}": row
        for model in found
        for number, row in enumerate(
            model._base_manager.using(alias()).order_by("pk").values(), start=1
        )
    }


def differences(before: Any, after: Any) -> list[str]:
    """Return in words what differs; values that are no rows are shown as they are."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [] if before == after else [f"{before!r} became {after!r}"]
    return [*changes(before, after), *(f"{name} is new" for name in after if name not in before)]


def changes(before: Rows, after: Rows) -> Iterator[str]:
    """Yield what became of rows that were there before."""
    for name, row in before.items():
        if name not in after:
            yield f"{name} is gone"
            continue
        for column, value in row.items():
            if after[name][column] != value:
                yield f"{name}.{column}: {value!r} became {after[name][column]!r}"
