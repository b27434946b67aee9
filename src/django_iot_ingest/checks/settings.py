"""The dictionary itself: is it there, are its keys known, do its values have the right type?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_type_hints

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from django_iot_ingest.checks.values import TAG, entries, example, is_configured, show
from django_iot_ingest.conf import DEFERRED, INLINE, SETTING_NAME, IngestSettings, configured

KINDS: dict[Any, tuple[str, tuple[type, ...]]] = {
    bool: ("True or False", (bool,)),
    int: ("a whole number", (int,)),
    str: ("text", (str,)),
    Sequence[str]: ("a list of text", (list, tuple)),
}
"""An annotation of ``IngestSettings`` to what a value has to be, in words and in classes."""

MOST = 2**31 - 1
"""Seconds or bytes: more overflows a ``timedelta`` or the longest wait of a thread."""

LEAST = {"EJECT_GRACE": 0, "HOLD_MAX": 0, "PRINCIPAL_CACHE_SECONDS": 0}
"""Lowest value of a number, where it is not 1."""

CHOICES = {"PROCESSING": (INLINE, DEFERRED)}
"""All values of a text, where not every text is one."""

LONG_TIMEOUT = 900
"""Seconds; a recorded request can be replayed for twice as long as ``SIGNATURE_TIMEOUT`` says."""

REQUIRED = ("SIGNATURE_SECRETS", "STATION_MODEL", "STATION_SLOT_MODEL", "POWER_BANK_MODEL")
"""Keys that every host has to write."""

SECRET_KEYS = frozenset({"SIGNATURE_SECRETS"})
"""Keys whose values are never shown."""


@register(TAG)
def check_is_dictionary(**kwargs: Any) -> list[CheckMessage]:
    """Expect ``IOT_INGEST`` to be a dictionary."""
    if is_configured():
        return []
    lines = ", ".join(map(example, REQUIRED))
    seen = "is missing"
    if hasattr(settings, SETTING_NAME):
        seen = f"is no dictionary but {type(getattr(settings, SETTING_NAME)).__name__}"
    return [
        Error(
            f"The setting {SETTING_NAME} {seen}.",
            hint=f"Write {SETTING_NAME} = {{{lines}}}, naming your own models.",
            id="iot_ingest.E001",
        )
    ]


@register(TAG)
def check_is_hidden(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a mapping that is no dictionary: Django looks for secrets in dictionaries only."""
    value = getattr(settings, SETTING_NAME, None)
    if not is_configured() or isinstance(value, dict):
        return []
    return [
        Warning(
            f"The setting {SETTING_NAME} is no dict but {type(value).__name__}: Django's debug pages "
            "and error mails show it whole, with its secrets.",
            hint=f"Write {SETTING_NAME} = dict(...) around it.",
            id="iot_ingest.W002",
        )
    ]


@register(TAG)
def check_known_keys(**kwargs: Any) -> list[CheckMessage]:
    """Expect no key that ``IngestSettings`` does not declare."""
    known = declared()
    return [
        Error(
            f"{SETTING_NAME} has no setting {show(key)}.",
            hint=_known_key_hint(key, list(known)),
            id="iot_ingest.E002",
        )
        for key in configured()
        if key not in known
    ]


@register(TAG)
def check_types(**kwargs: Any) -> list[CheckMessage]:
    """Expect the type that ``IngestSettings`` declares; True is no number, and text is no list."""
    return [
        Error(
            f"{SETTING_NAME}: {name} has to be {kind}{_instead(key, value)}.",
            hint=f"Write {example(key)}{_or_nothing(key)}.",
            id="iot_ingest.E003",
        )
        for key, name, kind, value in _mistyped()
    ]


@register(TAG)
def check_ranges(**kwargs: Any) -> list[CheckMessage]:
    """Expect every number to be one that makes sense."""
    return [
        Error(
            f"{SETTING_NAME}: {key} is {show(value)}; it has to be from {LEAST.get(key, 1)} to "
            f"{MOST}.",
            hint=f"Write {example(key)}, or leave the key out.",
            id="iot_ingest.E004",
        )
        for key, value in _numbers()
        if not LEAST.get(key, 1) <= value <= MOST
    ]


@register(TAG)
def check_choices(**kwargs: Any) -> list[CheckMessage]:
    """Expect one of the values that a setting can have; the first stands in for any other."""
    chosen = {key: configured().get(key, choices[0]) for key, choices in CHOICES.items()}
    return [
        Error(
            f"{SETTING_NAME}: {key} is {show(value)}; it has to be one of "
            f"{', '.join(map(repr, CHOICES[key]))}.",
            hint=f"Write {example(key)}, which it is taken for now, or leave the key out.",
            id="iot_ingest.E005",
        )
        for key, value in chosen.items()
        if isinstance(value, str) and value not in CHOICES[key]
    ]


@register(TAG)
def check_signature_timeout(**kwargs: Any) -> list[CheckMessage]:
    """Warn where a recorded request stays usable for long."""
    value = dict(_numbers()).get("SIGNATURE_TIMEOUT", 0)
    if not LONG_TIMEOUT < value <= MOST:
        return []
    return [
        Warning(
            f"{SETTING_NAME}: SIGNATURE_TIMEOUT is {value} seconds; for so long, before and after "
            "its time, a recorded request is accepted again.",
            hint=f"Write {example('SIGNATURE_TIMEOUT')}, and set the clocks by NTP instead.",
            id="iot_ingest.W001",
        )
    ]


def declared() -> dict[str, Any]:
    """Return {key: annotation} of the settings that exist."""
    return get_type_hints(IngestSettings)


def has_kind(value: object, annotation: Any) -> bool:
    """Return whether ``value`` has the annotated type; entries of a list are not looked at."""
    if isinstance(value, bool):
        return annotation is bool
    return isinstance(value, KINDS[annotation][1])


def _known_key_hint(key: object, known: list[str]) -> str:
    near = get_close_matches(key.upper(), known, n=1) if isinstance(key, str) else []
    if near:
        return f'Write "{near[0]}" instead.'
    return f"Remove it. The settings are {', '.join(known)}."


def _mistyped() -> Iterator[tuple[str, str, str, object]]:
    """Yield (key, name of the value or entry, what it has to be, value) for each wrong one."""
    for key, annotation in declared().items():
        if key not in configured():
            continue
        value = configured()[key]
        if not has_kind(value, annotation):
            yield key, key, KINDS[annotation][0], value
        elif annotation == Sequence[str] and key not in SECRET_KEYS:
            # An entry of SIGNATURE_SECRETS that is no text is iot_ingest.E011.
            yield from (
                (key, name, "text", entry)
                for name, entry in entries(key)
                if not isinstance(entry, str)
            )


def _instead(key: str, value: object) -> str:
    kind = type(value).__name__
    return f", not {kind}" if key in SECRET_KEYS else f", not {show(value)} ({kind})"


def _or_nothing(key: str) -> str:
    return "" if key in REQUIRED else ", or leave the key out"


def _numbers() -> Iterator[tuple[str, int]]:
    for key, annotation in declared().items():
        value = configured().get(key)
        if annotation is int and isinstance(value, int) and not isinstance(value, bool):
            yield key, value
