"""What becomes of an event, told once each time: one line of the log, with fields, and one count.

The line is for people; the fields, which ``extra=`` puts on the record, are for machines.
"""

from __future__ import annotations

import logging
from typing import Any

from django_iot_ingest import event_types, faults, logs, telemetry
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

FIELDS = {
    "event_id": "the inbox row, a number",
    "event_type": "`full`, `returned`, `status`, or a type of the host's own",
    "device_serial": "the station's serial number, as the event said it",
    "state": "what became of the event: `applied`, `duplicate`, `stale`, `deferred`, `queued`, "
    "`failed`, `dead`",
    "attempts": "how often the event was tried, this time included; of a transaction that is begun "
    "again: how often it was begun",
    "duration": "seconds that this took, a float",
    "warnings": "how many warnings the answer has",
    "error_code": "the error's class, with the SQLSTATE or number of a database's",
    "request_id": "of a refusal: what the answer says, too",
    "reason": "of a refusal: the answer's `error`",
    "held_back": "lines of this kind since the last one that were not logged",
    "states": "how many events ended in which state, an object",
    "secret_position": "which of `SIGNATURE_SECRETS` matched; 0 is the current one",
    "receiver": "the receiver of a signal that failed, by its name in code",
}
"""Every field that a line of ours can have. None is an attribute that each ``LogRecord`` has."""


def fields(**known: Any) -> dict[str, Any]:
    """Return what is known as the fields of a line; a state is told as its plain text."""
    told = {name: value for name, value in known.items() if value is not None}
    if "state" in told:
        told["state"] = str(told["state"])
    return told


def of_row(row: IngestEvent) -> dict[str, Any]:
    """Return the fields that say which event a row is."""
    return {
        "event_id": row.pk,
        "event_type": row.event_type,
        "device_serial": row.device_serial,
    }


def tell(
    event_type: str,
    device_serial: str,
    *,
    event_id: int,
    state: str,
    attempts: int,
    duration: float | None = None,
    warnings: int = 0,
) -> None:
    """Say what became of an accepted event, once that is committed."""
    told = fields(
        event_id=event_id,
        event_type=event_type,
        device_serial=device_serial,
        state=state,
        attempts=attempts,
        duration=duration,
        warnings=warnings,
    )
    line = "StationSyncService: %s event of %s is %s"
    logger.info(line, event_type, device_serial, told["state"], extra=told)
    _count(event_type, told["state"])


def tell_stale(row: IngestEvent) -> None:
    """Say that a waiting event became stale, since a newer one of its station has come."""
    state = IngestEvent.State.STALE
    tell(**of_row(row), state=state, attempts=row.attempts)


def tell_failed(about: dict[str, Any], error: Exception) -> None:
    """Say that an event could not be applied, and where its error came from."""
    code, state = faults.code_of(error), IngestEvent.State.FAILED
    told = fields(**about, state=state, error_code=code)
    line = "StationSyncService: an event was not applied: %s%s"
    logger.error(line, code, logs.trace(error), extra=told)
    _count(about.get("event_type"), state)


def tell_dead(row: IngestEvent) -> None:
    """Say that an event was given up."""
    told = fields(
        **of_row(row), state=row.state, attempts=row.attempts, error_code=row.last_error_code
    )
    line = "StationSyncService: event %s is dead: %s"
    logger.error(line, row.pk, row.last_error_code, extra=told)
    _count(row.event_type, row.state)


def _count(event_type: object, state: str) -> None:
    telemetry.count("events", event_type=event_types.label(event_type), state=str(state))
