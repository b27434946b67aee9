"""``settings.md``: every key of ``IOT_INGEST``, and what the checks say of wrong values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.test import override_settings

from django_iot_ingest.checks.settings import CHOICES, KINDS, LEAST, MOST, REQUIRED, declared
from django_iot_ingest.checks.values import EXAMPLES, example
from django_iot_ingest.conf import IngestSettings
from tests.checking import messages
from tests.reference.markdown import attribute_docs, code, table

UNITS = {"Seconds": "seconds", "Days": "days", "Attempts": "attempts", "Returns": "returns"}
"""First words of a docstring, and what its number counts."""

WRONG: dict[str, list[Any]] = {
    "SIGNATURE_SECRETS": [[], ["short"], ["your-iot-system-signature-secret-here"], "text"],
    "SIGNATURE_TIMEOUT": ["300", 0, 901],
    "ALLOWED_IPS": ["192.0.2.10", ["10.0.0.5/24"], ["gateway example com"]],
    "TRUSTED_PROXIES": [["proxy.example.com"]],
    "STATION_MODEL": ["", "fleet.models.Station", "fleet.Sation", "auth.User"],
    "STATION_SLOT_MODEL": ["", "auth.User"],
    "POWER_BANK_MODEL": ["", "auth.User"],
    "SYNC_SERVICE": ["fleet.sync.Fleet", "fleet.models.Station"],
    "AUTHENTICATION_CLASSES": [
        [],
        ["fleet.authentication.Missing"],
        ["rest_framework.authentication.SessionAuthentication"],
    ],
    "ADMIN_PREDICATE": ["fleet.rules.is_gateway"],
    "PROCESSING": ["later"],
}
"""Values to try, where they are others than those of ``odd_values``."""


def parts() -> dict[str, str]:
    """Return the sections of all keys."""
    docs = attribute_docs(IngestSettings)
    return {"settings": "\n\n".join(section(key, docs[key]) for key in declared())}


def section(key: str, doc: str) -> str:
    """Return what there is to say of one key."""
    facts = [f"- Type: {kind(key)}", f"- Default: {default(key)}"]
    if key in EXAMPLES:
        facts.append(f"- Example: `{example(key)}`")
    rows = [[code(shown(value)), told] for value, told in wrong(key)]
    said = table(["wrong value", "what `manage.py check` says"], rows)
    return f"## `{key}`\n\n{doc}\n\n" + "\n".join(facts) + f"\n\n{said}"


def kind(key: str) -> str:
    """Return what a value has to be, with range and unit of a number."""
    said = KINDS[declared()[key]][0]
    if declared()[key] is int:
        return f"{said} of {unit(key)}, from {LEAST.get(key, 1)} to {MOST}"
    if key in CHOICES:
        return " or ".join(f'`"{choice}"`' for choice in CHOICES[key])
    return said


def unit(key: str) -> str:
    """Return what a number counts; ``LookupError`` if its docstring does not say."""
    doc = attribute_docs(IngestSettings)[key]
    word = re.match(r"\w+", doc)
    if word and word[0] in UNITS:
        return UNITS[word[0]]
    if "bytes" in doc:
        return "bytes"
    raise LookupError(f"the docstring of {key} does not begin with its unit")


def default(key: str) -> str:
    """Return the default as code, or that there is none."""
    if key in REQUIRED:
        return "none, it has to be written"
    value = vars(IngestSettings)[key]
    return code(repr(list(value)) if isinstance(value, tuple) else repr(value)).replace("'", '"')


def odd_values(key: str) -> list[Any]:
    """Return wrong values for a type of setting."""
    if declared()[key] is int:
        return [str(vars(IngestSettings)[key]), LEAST.get(key, 1) - 1]
    return ["False"] if declared()[key] is bool else [0]


def wrong(key: str) -> Iterator[tuple[Any, str]]:
    """Yield (a wrong value, what is said of it) for one key."""
    for value in WRONG.get(key) or odd_values(key):
        with override_settings(IOT_INGEST={**settings.IOT_INGEST, key: value}):
            said = sorted(
                (one for one in messages() if key in one.msg), key=lambda one: str(one.id)
            )
        if not said:
            raise LookupError(f"nothing is said of {key} = {value!r}")
        yield value, " ".join(f"`{one.id}` {plain(one.msg)}" for one in said)


def plain(message: str) -> str:
    """Return a message as it would stand in a table, without what Markdown would make of it."""
    return re.sub(r"([<>*])", r"\\\1", message.removeprefix("IOT_INGEST: "))


def shown(value: Any) -> str:
    """Return a value as Python writes it, in double quotes."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
