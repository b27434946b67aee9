"""What codes mean, for the person who has to decide: states, warnings, and what an attempt ended in.

Nothing hangs on these texts.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_iot_ingest import exceptions, faults
from django_iot_ingest.events import WarningCode
from django_iot_ingest.models import IngestEvent

State = IngestEvent.State

STATES: dict[str, Any] = {
    State.RECEIVED: _("Kept, and not applied yet: it will be, without anybody's doing."),
    State.APPLIED: _("The tables say it."),
    State.STALE: _("A newer event of the same kind was known: it changed nothing."),
    State.DEFERRED: _("It waits until its station or power bank is known, then it is applied."),
    State.FAILED: _("The last attempt failed; the sweeper tries again."),
    State.DEAD: _("Given up: only the same event sent again, or an operator, applies it."),
    State.REFUSED: _("It was signed, but its body cannot be read: the answer was 400."),
}

WARNINGS: dict[str, Any] = {
    WarningCode.UNUSABLE: _("The value was dropped; what was known before stays."),
    WarningCode.CLEANED: _("NUL or lone surrogates were removed from a text."),
    WarningCode.UNKNOWN_STATUS: _(
        "A status nobody knows: a slot becomes ERROR, a bank MAINTENANCE, a station keeps its own."
    ),
    WarningCode.TIMESTAMP_REPLACED: _(
        "The body's “timestamp” cannot be used; the time of the signature counts."
    ),
    WarningCode.RETURNED_AT_REPLACED: _(
        "“returned_at” cannot be used; the body's “timestamp” counts."
    ),
    WarningCode.ROW_IGNORED: _(
        "A row without a usable number or serial was left out; no bank counts as absent."
    ),
    WarningCode.REPEATED: _("The same slot or bank came again in one snapshot; the last one won."),
    WarningCode.CONTRADICTORY: _(
        "Slots and banks disagree; the bank's own row won, and its slot is not empty."
    ),
    WarningCode.SLOT_UNKNOWN: _("No such slot: the bank is at the station, without a slot."),
    WarningCode.SLOT_TAKEN: _(
        "Another bank has the slot, by a newer event or a later row: this one has none."
    ),
    WarningCode.OLDER_LOCATION: _("A newer event placed the bank: its location stays."),
    WarningCode.EARLIER_RENTAL: _(
        "The return belongs to an earlier rental: status and location stay."
    ),
    WarningCode.JUST_RENTED: _(
        "Seen right after its rental began: the bank stays rented, and nowhere."
    ),
    WarningCode.STATION_UNKNOWN: _("The event waits until the station is known."),
    WarningCode.POWER_BANK_UNKNOWN: _(
        "The return waits until the bank is known; in a snapshot the row was left out."
    ),
    WarningCode.HOOK_REFUSED: _(
        "The host's hook refused this bank; the next snapshot tries again."
    ),
    WarningCode.MORE: _("There were more warnings than are kept."),
}

OURS: dict[str, Any] = {
    exceptions.InvalidJson.error: _("The body is no JSON of one meaning (I-JSON, RFC 7493)."),
    exceptions.UnknownType.error: _("The body's “type” is none that this project knows."),
    exceptions.InvalidPayload.error: _(
        "What the event is about - a serial number, a status - is missing or not valid."
    ),
    exceptions.Interrupted.__name__: _(
        "Attempts were begun and never ended: each time the process died, or was ended."
    ),
    exceptions.AlreadyRented.__name__: _("The host's code rented a bank out that is rented."),
    faults.ConcurrentChange.__name__: _(
        "Somebody else changed the same rows, again and again: try once more."
    ),
}

CONFLICT = _("Two transactions were in each other's way (a deadlock, or nearly): try once more.")
AWAY = _("The database could not be reached, or was just being restarted.")
BUSY = _("The database was too busy, full, or read-only: a lock or a statement took too long.")
DUPLICATE = _("A row with the same unique value is there already: look at the host's own columns.")
MISSING = _("A row that it points at is not there, or one that is pointed at would go.")
NOT_NULL = _("A column that must have a value got none: look at the host's own columns and hook.")
CHECK = _("A value breaks a rule (CHECK) of its table.")
DATA = _("A value does not fit into its column.")
SCHEMA = _("A table or column is missing: have all migrations been run?")
RIGHTS = _("The database does not let this project do that.")
DATABASE = _("The database refused it.")
HOST = _("The host's hook or a receiver raised this: the log has its trace, at the time below.")

SQLSTATES: dict[str, Any] = {
    "23505": DUPLICATE,
    "23503": MISSING,
    "23001": MISSING,
    "23502": NOT_NULL,
    "23514": CHECK,
    "42501": RIGHTS,
    "42P01": SCHEMA,
    "42703": SCHEMA,
}

NUMBERS: dict[int, Any] = {
    1062: DUPLICATE,
    1451: MISSING,
    1452: MISSING,
    1048: NOT_NULL,
    1364: NOT_NULL,
    3819: CHECK,
    4025: CHECK,
    1264: DATA,
    1366: DATA,
    1406: DATA,
    1054: SCHEMA,
    1146: SCHEMA,
    1044: RIGHTS,
    1045: RIGHTS,
    1142: RIGHTS,
}

DATABASE_ERRORS = frozenset(
    {
        "DatabaseError",
        "DataError",
        "IntegrityError",
        "InterfaceError",
        "InternalError",
        "NotSupportedError",
        "OperationalError",
        "ProgrammingError",
    }
)
"""Django's own names: those of a driver never reach the inbox."""

_CODE = re.compile(r"(?P<name>[^:]*)(?::(?P<detail>.*))?", re.DOTALL)


def of_error(code: str) -> str:
    """Return what ``last_error_code`` means, in a sentence; an empty text if there is none."""
    if not code:
        return ""
    known = OURS.get(code) or WARNINGS.get(code)
    return str(known or _of_exception(code))


def of_state(state: str) -> str:
    """Return what a state means."""
    return str(STATES.get(state, ""))


def of_warning(code: object) -> str:
    """Return what a warning means; empty for one that is none of ours."""
    return str(WARNINGS.get(code, "")) if isinstance(code, str) else ""


def _of_exception(code: str) -> Any:
    """Tell a database's fault, by its SQLSTATE or number, from what a host raised."""
    found = _CODE.fullmatch(code)
    name, detail = (found["name"], found["detail"]) if found else (code, None)
    if name not in DATABASE_ERRORS:
        return HOST
    if detail is None:
        return BUSY if name == "OperationalError" else DATABASE
    # Five digits are a SQLSTATE; the numbers of MariaDB and MySQL have four at most.
    return _of_sqlstate(detail) if len(detail) == 5 else _of_number(detail)


def _of_sqlstate(state: str) -> Any:
    if state in faults.CONFLICT_STATES:
        return CONFLICT
    if state in faults.LOST_STATES or state.startswith("08"):
        return AWAY
    if state in faults.BUSY_STATES or state.startswith("53"):
        return BUSY
    classes = {"22": DATA, "42": SCHEMA}
    return SQLSTATES.get(state) or classes.get(state[:2], DATABASE)


def _of_number(text: str) -> Any:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number in faults.CONFLICT_NUMBERS:
        return CONFLICT
    if number in faults.LOST_NUMBERS:
        return AWAY
    if number in faults.BUSY_NUMBERS:
        return BUSY
    return NUMBERS.get(number, DATABASE)
