"""Public names that are no Python: what stands in settings, URLs, answers, tables, logs and shells."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management import load_command_class
from django.db import models

from tests.public_api import PACKAGE, Name
from tests.public_names import INBOX_COLUMNS, TEMPLATES
from tests.reference import commands as reference

SOURCE = Path(__file__).resolve().parent.parent / "src" / PACKAGE


def names() -> Iterator[Name]:
    """Yield all of them, in the order of the page."""
    yield from settings()
    yield from columns()
    yield from answers()
    yield from commands()
    yield from checks()
    yield from metrics()
    yield from fixtures()
    yield from others()


def settings() -> Iterator[Name]:
    """Yield the keys of ``IOT_INGEST`` with their types and defaults."""
    from django_iot_ingest.conf import SETTING_NAME, IngestSettings

    for name, kind in IngestSettings.__annotations__.items():
        default = vars(IngestSettings)[name]
        yield Name(f"keys of {SETTING_NAME}", name, f": {kind} = {default!r}")


def columns() -> Iterator[Name]:
    """Yield the columns that a host may query."""
    from django_iot_ingest import models as ours

    section = "columns"
    for model in (ours.AbstractStation, ours.AbstractStationSlot, ours.AbstractPowerBank):
        for field in model._meta.local_fields:
            yield Name(section, f"{model.__name__}.{field.name}", shape_of(field))
    for name in INBOX_COLUMNS:
        yield Name(section, f"IngestEvent.{name}", shape_of(ours.IngestEvent._meta.get_field(name)))
    for field in ours.StationStatusChange._meta.local_fields:
        if not field.primary_key:
            yield Name(section, f"StationStatusChange.{field.name}", shape_of(field))


def answers() -> Iterator[Name]:
    """Yield what an answer can say: ``data.state``, and ``error`` with its status."""
    from django_iot_ingest.openapi.answers import REFUSALS, STATES

    yield from (Name("states of an answer", state, ": 200") for state in STATES)
    for refusal in REFUSALS:
        text = (refusal.__doc__ or "").partition("\n\n")[0]
        yield Name("errors of an answer", refusal.error, f": {refusal.status_code}", text)


def commands() -> Iterator[Name]:
    """Yield the management commands with their own arguments and options."""
    for name in reference.names():
        yield Name("commands", name, text=load_command_class(PACKAGE, name).help)
        for action in reference.own_actions(name):
            yield Name("commands", f"{name} {shape_of_option(action)}", text=action.help or "")


def checks() -> Iterator[Name]:
    """Yield the ids of the checks."""
    found = set[str]()
    for path in (SOURCE / "checks").glob("*.py"):
        found |= set(re.findall(r'"(iot_ingest\.[EW]\d{3})"', path.read_text(encoding="utf-8")))
    yield from (Name("checks", each) for each in sorted(found))


def metrics() -> Iterator[Name]:
    """Yield the metrics with their labels."""
    from prometheus_client import CollectorRegistry

    from django_iot_ingest.metrics.collector import DatabaseCollector
    from django_iot_ingest.metrics.recorder import Recorder

    registry = CollectorRegistry()
    counted = vars(Recorder(registry)).values()
    for metric in (metric for metric in counted if hasattr(metric, "_labelnames")):
        labels = ", ".join(metric._labelnames)
        yield Name("metrics", metric._name, f"{{{labels}}}: {metric._type}", metric._documentation)
    for family in DatabaseCollector().describe():
        labels = ", ".join(family._labelnames)
        yield Name("metrics", family.name, f"{{{labels}}}: {family.type}", family.documentation)


def fixtures() -> Iterator[Name]:
    """Yield the fixtures that pytest has where the package is installed, with what they say."""
    source = (SOURCE / "testing" / "fixtures.py").read_text(encoding="utf-8")
    texts = dict(re.findall(r'@pytest\.fixture\ndef (iot_\w+).*\n    """(.+?)(?:""")?\n', source))
    yield from (Name("fixtures of pytest", name, text=text) for name, text in texts.items())


def others() -> Iterator[Name]:
    """Yield URL names, permissions, loggers and their fields, templates and extras."""
    from django.apps import apps

    from django_iot_ingest import journal, urls
    from tests.supported import pyproject

    for pattern in urls.urlpatterns:
        yield Name("URLs", f"{urls.app_name}:{pattern.name}", f": {pattern.pattern}")
    for model in apps.get_app_config(PACKAGE).get_models():
        for codename, _ in model._meta.permissions:
            yield Name("permissions", f"{PACKAGE}.{codename}")
        for action in model._meta.default_permissions:
            yield Name("permissions", f"{PACKAGE}.{action}_{model._meta.model_name}")
    yield Name("loggers", f"{PACKAGE}.*")
    yield Name("loggers", f"{PACKAGE}.journal")
    yield from (
        Name("fields of log lines", name, text=text) for name, text in journal.FIELDS.items()
    )
    for name in TEMPLATES:
        yield Name("templates", f"{PACKAGE}/{name}", "" if template(name) else " is missing")
    for extra in pyproject()["project"]["optional-dependencies"]:
        yield Name("extras", extra)


def template(name: str) -> bool:
    return (SOURCE / "templates" / PACKAGE / name).is_file()


def shape_of(field: models.Field[Any, Any]) -> str:
    """Return the kind of a column, and what a query or a form depends on."""
    notes = [f"max_length={field.max_length}"] if field.max_length else []
    notes += [f"to={field.remote_field.model}"] if field.is_relation else []
    notes += [name for name in ("null", "unique") if getattr(field, name)]
    if field.choices:
        notes.append("/".join(str(value) for value, _ in field.choices))
    return f": {type(field).__name__}({', '.join(notes)})"


def shape_of_option(action: argparse.Action) -> str:
    """Return an option with its default, or an argument's name."""
    name = "/".join(action.option_strings) or action.dest
    choices = f" {{{','.join(map(str, action.choices))}}}" if action.choices else ""
    default = "" if action.default in (None, False, "", argparse.SUPPRESS) else action.default
    return f"{name}{choices}{f' = {default}' if default != '' else ''}"
