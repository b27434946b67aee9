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
