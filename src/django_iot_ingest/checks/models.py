"""The host's three models: are they named, do they exist, can the sync use them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import models

from django_iot_ingest.checks.values import TAG, example, is_configured, show, text
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot

Model = type[models.Model]


class Role(NamedTuple):
    """One of the models that a host brings: its setting, and what it has to extend."""

    key: str
    base: Model


STATION = Role("STATION_MODEL", AbstractStation)
STATION_SLOT = Role("STATION_SLOT_MODEL", AbstractStationSlot)
POWER_BANK = Role("POWER_BANK_MODEL", AbstractPowerBank)
ROLES = (STATION, STATION_SLOT, POWER_BANK)


@register(TAG)
def check_models_are_named(**kwargs: Any) -> list[CheckMessage]:
    """Expect all three settings."""
    if not is_configured():
        return []
    return [
        Error(
            f"IOT_INGEST: {role.key} is missing.",
            hint=f"Write {example(role.key)}, naming your subclass of {role.base.__name__}.",
            id="iot_ingest.E020",
        )
        for role in ROLES
        if text(role.key) == ""
    ]


@register(TAG)
def check_model_names(**kwargs: Any) -> list[CheckMessage]:
    """Expect ``"app_label.Model"``, not the path of a module or a class alone."""
    return [
        Error(
            f"IOT_INGEST: {role.key} is {show(label)}, which is not of the form app_label.Model.",
            hint=f"Write {_suggestion(role)}: the label of the app, a dot, the name of the class.",
            id="iot_ingest.E021",
        )
        for role, label in _labels()
        if not _is_label(label)
    ]


@register(TAG)
def check_models_exist(**kwargs: Any) -> list[CheckMessage]:
    """Expect a model of an installed app."""
    return [
        Error(
            f"IOT_INGEST: {role.key} is {show(label)}, but there is no such model.",
            hint=f"{_installing(label)}Write {_suggestion(role)}.",
            id="iot_ingest.E022",
        )
        for role, label in _labels()
        if _is_label(label) and named_model(role) is None
    ]


@register(TAG)
def check_model_bases(**kwargs: Any) -> list[CheckMessage]:
    """Expect a subclass of the abstract model for that role."""
    return [
        Error(
            f"IOT_INGEST: {role.key} is {show(model._meta.label)}, "
            f"which does not extend {role.base.__name__}.",
            hint=f"Write {_suggestion(role)}, or declare class {model.__name__}"
            f"({role.base.__name__}) with django_iot_ingest.models.{role.base.__name__}.",
            obj=model,
            id="iot_ingest.E023",
        )
        for role in ROLES
        if (model := named_model(role)) and not issubclass(model, role.base)
    ]


@register(TAG)
def check_models_are_not_swapped(**kwargs: Any) -> list[CheckMessage]:
    """Expect a model with a table of its own, not one that another stands in for."""
    return [
        Error(
            f"IOT_INGEST: {role.key} names a model that is swapped for {model._meta.swapped}.",
            hint=f'Write "{role.key}": "{model._meta.swapped}".',
            obj=model,
            id="iot_ingest.E024",
        )
        for role, model in fitting_models()
        if model._meta.swapped
    ]


@register(TAG)
def check_models_have_one_table(**kwargs: Any) -> list[CheckMessage]:
    """Expect no multi-table inheritance: ``bulk_create`` cannot write two tables."""
    return [
        Error(
            f"IOT_INGEST: {role.key} names a model that inherits from another table.",
            hint=f"Extend {role.base.__name__} and abstract models only; what was the parent's "
            "becomes a model of its own with a OneToOneField.",
            obj=model,
            id="iot_ingest.E025",
        )
        for role, model in fitting_models()
        if _has_parent_table(model)
    ]


def fitting_models() -> Iterator[tuple[Role, Model]]:
    """Yield the configured models that extend the right base: their fields can be judged."""
    for role in ROLES:
        model = named_model(role)
        if model is not None and issubclass(model, role.base):
            yield role, model


def named_model(role: Role) -> Model | None:
    """Return the model that the setting names, or None if there is none."""
    label = text(role.key)
    if not label or not _is_label(label):
        return None
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _labels() -> Iterator[tuple[Role, str]]:
    return ((role, label) for role in ROLES if (label := text(role.key)))


def _is_label(label: str) -> bool:
    parts = label.split(".")
    return len(parts) == 2 and all(part.isidentifier() for part in parts)


def _suggestion(role: Role) -> str:
    """Return the setting with the models of the project that would fit, or else with an example."""
    candidates = [m._meta.label for m in apps.get_models() if issubclass(m, role.base)]
    if not candidates:
        return example(role.key)
    return " or ".join(f'"{role.key}": "{label}"' for label in candidates)


def _installing(label: str) -> str:
    app_label = label.partition(".")[0]
    if app_label in apps.app_configs:
        return ""
    return f'No installed app has the label "{app_label}": add it to INSTALLED_APPS. '


def _has_parent_table(model: Model) -> bool:
    """Judge as ``QuerySet.bulk_create`` does: a proxy of one table is fine."""
    own = model._meta.concrete_model
    return any(parent._meta.concrete_model is not own for parent in model._meta.all_parents)
