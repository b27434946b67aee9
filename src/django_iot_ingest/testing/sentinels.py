"""Values that nobody but a test writes, by the kind of a field."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models

DAY = date(2001, 9, 9)


def value_of(field: Any, number: int) -> Any:
    """Return a value that suits a field and is another one for each ``number``.

    ``LookupError`` for a kind of field that is not known here.
    """
    if field.choices:
        choices = [value for value, _ in field.flatchoices]
        return choices[number % len(choices)]
    for kind, make in _MAKERS:
        if isinstance(field, kind):
            return make(field, number)
    raise LookupError(f"no value is known for a {type(field).__name__}")


def other_value_of(field: Any, number: int, current: Any) -> Any:
    """Return such a value that is not ``current``, if the field has more than one."""
    value = value_of(field, number)
    return value_of(field, number + 1) if value == current else value


def _text(field: Any, number: int) -> str:
    return f"set by the operator {number}"[-(field.max_length or 100) :]


def _decimal(field: Any, number: int) -> Decimal:
    """Return the number in units of the last digit, which every precision can hold."""
    return Decimal(number % 10).scaleb(-field.decimal_places)


def _moment(field: Any, number: int) -> datetime:
    moment = datetime.combine(DAY, time(1, 46, 40), UTC) + timedelta(days=number)
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


def _moment_of_day(field: Any, number: int) -> time:
    return time(number % 24, 46, 40)


Maker = Callable[[Any, int], Any]

_MAKERS: tuple[tuple[type[Any] | tuple[type[Any], ...], Maker], ...] = (
    (models.BooleanField, lambda field, number: number % 2 == 1),
    (models.EmailField, lambda field, number: f"operator{number}@example.com"),
    (models.URLField, lambda field, number: f"https://example.com/{number}"),
    (models.SlugField, lambda field, number: f"operator-{number}"),
    (models.UUIDField, lambda field, number: uuid.UUID(int=number)),
    (models.GenericIPAddressField, lambda field, number: f"192.0.2.{number % 256}"),
    ((models.CharField, models.TextField, models.FileField), _text),
    (models.IntegerField, lambda field, number: number),
    (models.FloatField, lambda field, number: number + 0.5),
    (models.DecimalField, _decimal),
    (models.DateTimeField, _moment),
    (models.DateField, lambda field, number: DAY + timedelta(days=number)),
    (models.TimeField, _moment_of_day),
    (models.DurationField, lambda field, number: timedelta(minutes=number)),
    (models.JSONField, lambda field, number: {"set by the operator": number}),
    (models.BinaryField, lambda field, number: f"set by the operator {number}".encode()),
)
"""A field is of the first kind that fits."""
