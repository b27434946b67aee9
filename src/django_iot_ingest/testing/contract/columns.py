"""Operator-owned columns: every column that no device owns survives every event."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import DatabaseError, models, transaction

from django_iot_ingest.database import alias
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot
from django_iot_ingest.testing.contract import rows
from django_iot_ingest.testing.contract.case import (
    BANK,
    FREE_SLOT,
    OTHER,
    SLOT,
    STATION,
    ContractCase,
)
from django_iot_ingest.testing.contract.faults import COLUMN_OVERWRITTEN
from django_iot_ingest.testing.payloads import status

OPERATORS_FLAG = "out_of_service"
"""The one operator-owned column that the abstract models have."""


class Columns(ContractCase):
    """Fill the operator's columns with values that nobody else writes, and look for them."""

    def test_a_full_leaves_the_operators_columns(self) -> None:
        """Everything is otherwise in it, and the next lacks a bank."""
        before = self.filled()
        self.snapshot({FREE_SLOT: BANK, SLOT: OTHER}, minutes=30, status="OFFLINE", battery=7)
        self.expect_untouched(before, "after a full")
        for minutes in (29, 28):
            self.snapshot({SLOT: OTHER}, minutes=minutes)
        self.expect_untouched(before, "after fulls that lack a bank")

    def test_a_return_leaves_the_operators_columns(self) -> None:
        """A rental ends."""
        self.rent()
        before = self.filled()
        self.gateway.send(self.a_return())
        self.expect_untouched(before, "after a return")

    def test_a_status_leaves_the_operators_columns(self) -> None:
        """The station says each word once."""
        before = self.filled()
        for minutes, value in ((20, "OFFLINE"), (19, "MAINTENANCE"), (18, "ONLINE")):
            self.gateway.send(status(value, station=STATION, at=self.ago(minutes)))
            self.expect_untouched(before, f"after a status {value}")

    def filled(self) -> rows.Rows:
        """Fill the columns that can be filled; return all of them as they are then."""
        for model in rows.device_models():
            for number, row in enumerate(model._base_manager.using(alias()).order_by("pk")):
                for place, field in enumerate(self.operators_fields(model)):
                    self.fill(row, field, number + place)
        return self.operators_columns()

    def fill(self, row: Any, field: Any, number: int) -> None:
        """Write one column, unless its kind is not known or a constraint of the host forbids it."""
        using = alias()
        with suppress(LookupError, DatabaseError), transaction.atomic(using=using):
            value = self.operator_value(field, number, getattr(row, field.attname))
            kept = type(row)._base_manager.using(using).filter(pk=row.pk)
            kept.update(**{field.attname: value})

    def operators_columns(self) -> rows.Rows:
        """Return the operator's columns of all rows."""
        found: dict[str, dict[str, Any]] = {}
        for model in rows.device_models():
            columns = {field.attname for field in self.operators_fields(model)}
            for name, row in rows.rows_of([model]).items():
                found[name] = {column: row[column] for column in row if column in columns}
        return found

    def operators_fields(self, model: type[models.Model]) -> list[models.Field[Any, Any]]:
        """Return the fields of a model that neither a device nor a hook nor the clock writes."""
        fields = [field for field in model._meta.concrete_fields if not rows.is_automatic(field)]
        devices = device_columns(model)
        name = model._meta.object_name
        ours = [field for field in fields if field.name not in devices]
        return [field for field in ours if f"{name}.{field.name}" not in self.written_by_hooks]

    def expect_untouched(self, before: rows.Rows, when: str) -> None:
        """Expect that the rows that were there have the values that they had."""
        changed = list(rows.changes(before, self.operators_columns()))
        if changed:
            self.blame(COLUMN_OVERWRITTEN, f"{when}: {rows.listed(changed)}")


def device_columns(model: type[models.Model]) -> set[str]:
    """Return the columns that the abstract models declare, but for the operator's flag."""
    bases = (AbstractStation, AbstractStationSlot, AbstractPowerBank)
    (base,) = (base for base in bases if issubclass(model, base))
    return {field.name for field in base._meta.local_fields} - {OPERATORS_FLAG}
