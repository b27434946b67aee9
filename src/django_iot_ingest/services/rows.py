"""Rows: change what differs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


def assign(row: models.Model, values: Mapping[str, Any]) -> set[str]:
    """Set ``values`` on a row and return the names that really changed."""
    changed = {name for name, value in values.items() if differ(getattr(row, name), value)}
    for name in changed:
        setattr(row, name, values[name])
    return changed


def differ(known: Any, told: Any) -> bool:
    """Return whether two values differ, as a database sees it: JSON's true is not 1."""
    if known != told:
        return True
    if isinstance(told, dict):
        return any(differ(known[name], value) for name, value in told.items())
    if isinstance(told, list):
        return any(map(differ, known, told))
    return isinstance(known, bool) is not isinstance(told, bool)


def known(**values: Any) -> dict[str, Any]:
    """Return the values that were told: those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def update(row: models.Model, fields: Iterable[str]) -> None:
    """Save the named columns of one row, and the host's automatic time stamps."""
    names = set(fields)
    if names:
        row.save(update_fields=names | automatic_fields(type(row)))


def update_all(rows: Mapping[Any, tuple[Row, set[str]]], using: str) -> int:
    """Save the changed columns of many rows, each with their names, in one statement.

    Return how many rows that were.
    """
    changed = [(row, fields) for row, fields in rows.values() if fields]
    if not changed:
        return 0
    model = type(changed[0][0])
    fields = set().union(*(fields for _, fields in changed))
    automatic = automatic_fields(model)
    for row, _ in changed:
        for name in automatic:
            model._meta.get_field(name).pre_save(row, add=False)  # type: ignore[union-attr]
    manager = model._base_manager.using(using)
    manager.bulk_update([row for row, _ in changed], sorted(fields | automatic))
    return len(changed)


def automatic_fields(model: type[models.Model]) -> set[str]:
    """Return the host's columns that record when a row was last written (``auto_now``)."""
    return {field.name for field in model._meta.fields if getattr(field, "auto_now", False)}


def prepared(row: Any, fields: Iterable[Any], connection: Any) -> list[Any]:
    """Return a new row's values, as its fields prepare them for a database."""
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), connection=connection)
        for field in fields
    ]
