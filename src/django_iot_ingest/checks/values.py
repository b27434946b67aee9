"""What every check shares: the tag, reading one key whatever it holds, and wording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from django_iot_ingest.conf import SETTING_NAME, IngestSettings, configured, ingest_settings

TAG = "iot_ingest"
"""``manage.py check --tag iot_ingest`` runs the checks of this package alone."""

LONGEST_SHOWN = 100
"""Characters of a value."""

Result = TypeVar("Result")

EXAMPLES = {
    "SIGNATURE_SECRETS": '[env("IOT_SYSTEM_SIGNATURE_SECRET")]',
    "ALLOWED_IPS": '["192.0.2.10", "198.51.100.0/24", "gateway.example.com"]',
    "TRUSTED_PROXIES": '["10.0.0.5"]',
    "STATION_MODEL": '"fleet.Station"',
    "STATION_SLOT_MODEL": '"fleet.StationSlot"',
    "POWER_BANK_MODEL": '"fleet.PowerBank"',
    "SYNC_SERVICE": '"fleet.sync.FleetSyncService"',
}
"""What a host may write where the default is empty or says little; for the rest see ``example``."""


def is_configured() -> bool:
    """Return whether ``IOT_INGEST`` is a dictionary at all; if not, ``E001`` says so alone."""
    return configured() is getattr(settings, SETTING_NAME, None)


def text(key: str) -> str | None:
    """Return the value of ``key``, or None if it is no text; ``E003`` tells that."""
    value = getattr(ingest_settings, key)
    return value if isinstance(value, str) else None


def texts(key: str) -> list[tuple[str, str]]:
    """Return (``"KEY[position]"``, entry) for each entry of a list that is text."""
    return [(name, entry) for name, entry in entries(key) if isinstance(entry, str)]


def entries(key: str) -> list[tuple[str, object]]:
    """Return (``"KEY[position]"``, entry) for each entry; nothing if the value is no list."""
    value = getattr(ingest_settings, key)
    if not isinstance(value, list | tuple):
        return []
    return [(f"{key}[{position}]", entry) for position, entry in enumerate(value)]


def is_empty(key: str) -> bool:
    """Return whether the value is a list or a tuple without entries."""
    value = getattr(ingest_settings, key)
    return isinstance(value, list | tuple) and not value


def example(key: str) -> str:
    """Return ``"KEY": value`` as a host could write it."""
    return f'"{key}": {EXAMPLES.get(key) or repr(vars(IngestSettings)[key])}'


def imported(path: str) -> tuple[Any, str]:
    """Return (what the dotted path names, "") or (None, what went wrong)."""
    return attempt(import_string, path)


def attempt(call: Callable[..., Result], *arguments: object) -> tuple[Result | None, str]:
    """Return (what ``call`` returns, "") or (None, what it raised): the host's code may do both."""
    try:
        return call(*arguments), ""
    except Exception as error:  # noqa: BLE001 - a check tells what is wrong, and never raises
        return None, describe(error)


def show(value: object) -> str:
    """Return a short ``repr``, also of a value that refuses to be shown. Never for a secret."""
    shown, _ = attempt(repr, value)
    return f"<{type(value).__name__}>" if shown is None else shorten(shown)


def describe(error: BaseException) -> str:
    """Return the class and the text of an exception in one printable line."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception of the host's may be broken, too
        said = "(no text)"
    printable = said.encode(errors="backslashreplace").decode()
    return f"{type(error).__name__}: {shorten(printable, 3 * LONGEST_SHOWN)}"


def shorten(said: str, longest: int = LONGEST_SHOWN) -> str:
    """Return a text cut to ``longest`` characters, with an ellipsis if it was."""
    return said if len(said) <= longest else f"{said[:longest]}…"
