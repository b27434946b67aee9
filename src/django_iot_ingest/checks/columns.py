"""The columns of the host's models: what a subclass can override and thereby break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from django_iot_ingest.checks.models import (
    POWER_BANK,
    STATION,
    STATION_SLOT,
    Model,
    Role,
    fitting_models,
)
from django_iot_ingest.checks.values import TAG, show

SLOT_KEY = ("station", "slot_number")
SERIAL_NUMBER = "serial_number"
NOWHERE = 'on_delete=models.SET_NULL, null=True, blank=True, related_name="power_banks"'


class Link(NamedTuple):
    """A foreign key from one of the three models to another, and its further arguments."""

    role: Role
    name: str
    target: Role
    arguments: str


LINKS = (
    Link(STATION_SLOT, "station", STATION, 'on_delete=models.CASCADE, related_name="slots"'),
    Link(POWER_BANK, "current_station", STATION, NOWHERE),
    Link(POWER_BANK, "current_slot", STATION_SLOT, NOWHERE),
)


@register(TAG)
def check_fields_exist(**kwargs: Any) -> list[CheckMessage]:
    """Expect every field of the abstract model: a subclass removes one by assigning None to it."""
    return [
        Error(
            f"{model._meta.label} lacks the field {wanted.name} of {role.base.__name__}.",
            hint=f"Remove {wanted.name} from the class body, so that the field is inherited.",
            obj=model,
            id="iot_ingest.E026",
        )
        for role, model in fitting_models()
        for wanted in role.base._meta.fields
        if _field(model, wanted.name) is None
    ]


@register(TAG)
def check_links(**kwargs: Any) -> list[CheckMessage]:
    """Expect the foreign keys to point to the configured models, not to others of the same name."""
    return [
        Error(
            f"{model._meta.label}.{link.name} does not point to {target._meta.label}, "
            f"the {link.target.key} of IOT_INGEST.",
            hint=_link_hint(link, model, target),
            obj=model,
            id="iot_ingest.E027",
        )
        for link, model, target, field in _links()
        if not _points_to(field, target)
    ]


@register(TAG)
def check_links_are_not_unique(**kwargs: Any) -> list[CheckMessage]:
    """Expect no one-to-one field: two banks that swap their slots would collide half-way."""
    return [
        Error(
            f"{model._meta.label}.{link.name} is unique.",
            hint=_link_hint(link, model, target),
            obj=model,
            id="iot_ingest.E028",
        )
        for link, model, target, field in _links()
        if field.unique
    ]


@register(TAG)
def check_location_is_nullable(**kwargs: Any) -> list[CheckMessage]:
    """Expect a power bank to be able to be nowhere, as it is while it is rented."""
    return [
        Error(
            f"{model._meta.label}.{link.name} cannot be null.",
            hint=_link_hint(link, model, target),
            obj=model,
            id="iot_ingest.E029",
        )
        for link, model, target, field in _links()
        if link.role is POWER_BANK and not field.null
    ]


@register(TAG)
def check_slots_are_unique(**kwargs: Any) -> list[CheckMessage]:
    """Expect one row per slot of a station; a ``class Meta`` of its own loses the constraint."""
    return [
        Error(
            f"{model._meta.label} does not keep station and slot_number unique together.",
            hint="Write class Meta(AbstractStationSlot.Meta):, or add "
            'unique_together = [("station", "slot_number")] to it; then makemigrations.',
            obj=model,
            id="iot_ingest.E030",
        )
        for role, model in fitting_models()
        if role is STATION_SLOT and not _is_unique(model, *SLOT_KEY)
    ]


@register(TAG)
def check_serial_numbers_are_unique(**kwargs: Any) -> list[CheckMessage]:
    """Expect one row per serial number."""
    return [
        Error(
            f"{model._meta.label}.{SERIAL_NUMBER} is not unique.",
            hint=f"Remove {SERIAL_NUMBER} from the class body, so that the field is inherited, or "
            "give it unique=True; then makemigrations.",
            obj=model,
            id="iot_ingest.E031",
        )
        for role, model in fitting_models()
        if role is not STATION_SLOT and not _is_unique(model, SERIAL_NUMBER)
    ]


@register(TAG)
def check_lengths(**kwargs: Any) -> list[CheckMessage]:
    """Expect no shorter column than the abstract model's: the database would refuse the event."""
    return [
        Error(
            f"{model._meta.label}.{name} takes {show(length)} characters; it needs {wanted}.",
            hint=f"Give it max_length={wanted}, or remove it from the class body.",
            obj=model,
            id="iot_ingest.E032",
        )
        for role, model in fitting_models()
        for name, length, wanted in _shortened(role, model)
    ]


def _field(model: Model, name: str) -> Any:
    """Return the field, or None if the model has none of that name."""
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _links() -> Iterator[tuple[Link, Model, Model, Any]]:
    """Yield (link, model, target model, field) where all three exist."""
    by_role = dict(fitting_models())
    for link in LINKS:
        model, target = by_role.get(link.role), by_role.get(link.target)
        if model is not None and target is not None:
            field = _field(model, link.name)
            if field is not None:
                yield link, model, target, field


def _points_to(field: Any, target: Model) -> bool:
    """Compare tables, so that a proxy counts as its model. An unknown name is still a text."""
    related = field.related_model
    if not isinstance(field, models.ForeignKey) or isinstance(related, str):
        return False
    return related._meta.concrete_model is target._meta.concrete_model


def _link_hint(link: Link, model: Model, target: Model) -> str:
    return (
        f"Write in class {model.__name__}: "
        f'{link.name} = models.ForeignKey("{target._meta.label}", {link.arguments})'
    )


def _is_unique(model: Model, *names: str) -> bool:
    """Return whether the database keeps these fields unique together, without a condition."""
    if len(names) == 1 and getattr(_field(model, names[0]), "unique", False):
        return True
    options = model._meta
    # A deferrable constraint is checked at commit only, and ON CONFLICT cannot use it.
    constraints = [c.fields for c in options.total_unique_constraints if not c.deferrable]
    return any(set(group) == set(names) for group in [*options.unique_together, *constraints])


def _shortened(role: Role, model: Model) -> Iterator[tuple[str, int, int]]:
    for wanted in role.base._meta.fields:
        length = getattr(_field(model, wanted.name), "max_length", None)
        if wanted.max_length and length and length < wanted.max_length:
            yield wanted.name, length, wanted.max_length
