"""What is wrong with the event that a body holds: the contract's checks 9 and 10.

This part needs Django to be set up: hosts register types of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from django_iot_ingest import event_types, strict_json
from django_iot_ingest.doctor import json_faults
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, shown
from django_iot_ingest.events import Receipt, StationReport
from django_iot_ingest.exceptions import InvalidJson, InvalidPayload, UnknownType

MOST_WARNINGS = 5
"""Warnings that are told."""


def judge(body: bytes, signed_at: int, now: float) -> Iterator[Mistake]:
    """Yield what is wrong with a body, at the first of the two checks that refuses it."""
    try:
        payload = strict_json.load_object(body)
    except InvalidJson:
        yield json_faults.find(body)
        return
    receipt = Receipt(body, signed_at, datetime.fromtimestamp(now, UTC))
    try:
        _, report = event_types.read(payload, receipt)
    except UnknownType:
        yield Mistake(Code.UNKNOWN_TYPE, _type(payload))
    except InvalidPayload as refusal:
        yield Mistake(Code.INVALID_PAYLOAD, _errors(payload, refusal.errors))
    else:
        yield from _warnings(report)


def _type(payload: Mapping[str, Any]) -> str:
    known = event_types.names()
    told = f"Known are {', '.join(known)}."
    if "type" not in payload:
        return f"There is no type. {told}"
    value = payload["type"]
    near = get_close_matches(value.lower(), known, n=1) if isinstance(value, str) else []
    return f"It is {shown(value)}. {f'Perhaps {near[0]} is meant.' if near else told}"


def _errors(payload: Mapping[str, Any], errors: Mapping[str, list[str]]) -> str:
    told = [
        f"{path} is {_seen(payload, path)}: {' '.join(texts)}" for path, texts in errors.items()
    ]
    return " ".join(told)


def _seen(payload: Mapping[str, Any], path: str) -> str:
    """Return the value that stands at a path, shown short."""
    value: Any = payload
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return "missing"
        value = value[name]
    return f"a list of {len(value)}" if isinstance(value, list) else shown(value, 40)


def _warnings(report: StationReport) -> Iterator[Mistake]:
    if report.warnings:
        told = [f"{warning.code} at {warning.path}" for warning in report.warnings[:MOST_WARNINGS]]
        more = len(report.warnings) - len(told)
        rest = f" and {more} more" if more else ""
        yield Mistake(Code.PAYLOAD_WARNINGS, f"{', '.join(told)}{rest}.")
