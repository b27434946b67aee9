"""Values for the operator's columns: valid for their field, and told apart."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from django_iot_ingest.testing.sentinels import other_value_of, value_of

pytestmark = pytest.mark.once

FIELDS = [
    models.BooleanField(),
    models.BinaryField(),
    models.CharField(max_length=2),
    models.CharField(max_length=9, choices=[("A", "a"), ("Group", [("B", "b"), ("C", "c")])]),
    models.DateField(),
    models.DateTimeField(),
    models.DecimalField(max_digits=1, decimal_places=0),
    models.DecimalField(max_digits=9, decimal_places=9),
    models.DurationField(),
    models.EmailField(max_length=30),
    models.FileField(),
    models.FloatField(),
    models.GenericIPAddressField(),
    models.IntegerField(),
    models.JSONField(),
    models.PositiveSmallIntegerField(),
    models.SlugField(),
    models.TextField(),
    models.TimeField(),
    models.URLField(),
    models.UUIDField(),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: type(field).__name__)
@pytest.mark.parametrize("use_tz", [True, False])
def test_a_value_suits_its_field_and_is_not_the_current_one(
    field: Any, use_tz: bool, settings: Any
) -> None:
    settings.USE_TZ = use_tz
    for number in range(1, 12):
        value = value_of(field, number)
        assert field.clean(value, None) == value
        other = other_value_of(field, number, value)
        assert field.clean(other, None) != value


def test_one_choice_alone_stays() -> None:
    field = models.CharField(max_length=1, choices=[("A", "a")])
    assert other_value_of(field, 1, "A") == "A"


def test_a_kind_of_field_that_is_not_known_is_left() -> None:
    class Point(models.Field):
        pass

    with pytest.raises(LookupError, match="Point"):
        value_of(Point(), 1)
