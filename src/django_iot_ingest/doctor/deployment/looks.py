"""What every look at a deployment shares: wording, and going on where the project's code fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django_iot_ingest.checks.values import describe
from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
    ingest_settings,
)
from django_iot_ingest.doctor.findings import Finding, Severity

MODELS = ("STATION_MODEL", "STATION_SLOT_MODEL", "POWER_BANK_MODEL")


@dataclass(frozen=True, slots=True)
class Question:
    """What the operator asks about: the request's host, addresses and token, the running server."""

    host: str = ""
    remote_addr: str = ""
    forwarded_for: str = ""
    token: str = field(default="", repr=False)
    url: str = ""


def host_models() -> tuple[Any, Any, Any]:
    """Return the host's three models; ``LookupError`` if one is not named as app.Model."""
    for key in MODELS:
        name = getattr(ingest_settings, key)
        if not isinstance(name, str) or name.count(".") != 1:
            raise LookupError(f"IOT_INGEST's {key} names no model")
    return get_station_model(), get_station_slot_model(), get_power_bank_model()


Look = Callable[[Question], Iterable[Finding]]


def ok(code: str, what: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(code, what, "", severity=Severity.OK)


def warning(code: str, what: str, way_out: str, evidence: str = "") -> Finding:
    """Return that something works, and may not be what is wanted."""
    return Finding(code, what, way_out, evidence, Severity.WARNING)


def fault(code: str, what: str, way_out: str, evidence: str = "") -> Finding:
    """Return that requests are refused or lost for something."""
    return Finding(code, what, way_out, evidence, Severity.FAULT)


def guarded(look: Look, question: Question) -> Iterator[Finding]:
    """Yield what a look finds; if the project's code fails on the way, that is a finding too."""
    name = look.__name__.strip("_")
    try:
        yield from look(question)
    except Exception as error:  # noqa: BLE001 - a doctor tells what is wrong, and never raises
        yield fault(
            name,
            f"This could not be looked at: {describe(error)}",
            "Put that right first; manage.py check may say more.",
        )
