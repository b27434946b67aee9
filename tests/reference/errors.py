"""``errors.md``: what is refused and raised, states of the inbox, and codes of its errors."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import translation

from django_iot_ingest import exceptions, faults
from django_iot_ingest.admin import meanings
from django_iot_ingest.exceptions import InvalidPayload, Refusal, StaleTimestamp
from django_iot_ingest.models import IngestEvent
from tests.reference.markdown import code, first_paragraph, table

State = IngestEvent.State

ARGUMENTS = {StaleTimestamp: (0,), InvalidPayload: ({},)}

NEXT = {
    State.RECEIVED: "a repeat; `iot_sweep` once it is older than 30 s; in deferred mode the drain",
    State.APPLIED: "nothing; a repeat of a return is a `duplicate`",
    State.STALE: "nothing",
    State.DEFERRED: "a repeat; the snapshot that makes it known; `iot_sweep`",
    State.FAILED: "a repeat; `iot_sweep`; `iot_replay`",
    State.DEAD: "a repeat; `iot_replay`",
    State.REFUSED: "a repeat; `iot_replay`, once it can be read",
}
"""What applies a row in a state. Tests of the inbox, the sweeper and the commands hold it true."""


def parts() -> dict[str, str]:
    """Return the tables."""
    with translation.override("en"):
        return {
            "refusals": table(["class", "`error`", "status", "headers", "beside it"], refusals()),
            "exceptions": table(["class", ""], others()),
            "states": table(["state", "meaning", "what moves it on"], states()),
            "codes": table(["code", "meaning"], codes()),
        }


def refusals() -> Iterator[list[str]]:
    """Yield a row for each refusal, in the order of the module."""
    for one in refusal_classes():
        made = one(*ARGUMENTS.get(one, ()))
        headers = ", ".join(code(f"{name}: {value}") for name, value in made.headers.items())
        details = ", ".join(map(code, made.details()))
        yield [code(one.__name__), code(one.error), str(one.status_code), headers, details]


def refusal_classes() -> list[type[Refusal]]:
    """Return the classes that a request can be refused with."""
    found = [one for one in vars(exceptions).values() if isinstance(one, type)]
    return [one for one in found if issubclass(one, Refusal) and one is not Refusal]


def others() -> Iterator[list[str]]:
    """Yield a row for each exception of ours that is no refusal."""
    for one in [exceptions.AlreadyRented, exceptions.Interrupted, faults.ConcurrentChange]:
        yield [code(f"{one.__module__}.{one.__name__}"), first_paragraph(one.__doc__)]


def states() -> Iterator[list[str]]:
    """Yield a row for each state of the inbox."""
    for state in State:
        yield [code(state), str(meanings.STATES[state]), NEXT[state]]


def codes() -> Iterator[list[str]]:
    """Yield a row for each meaning of ``last_error_code``, with the codes that have it."""
    told: dict[str, list[str]] = {}
    for name in known_codes():
        told.setdefault(meanings.of_error(name), []).append(code(name.rpartition(":")[2]))
    for meaning, names in told.items():
        yield [", ".join(names), meaning]
    yield ["any other name", meanings.of_error("ValueError")]


def known_codes() -> Iterator[str]:
    """Yield every code that the plugin has a sentence for, but for those of warnings."""
    yield from meanings.OURS
    states = [*faults.CONFLICT_STATES, *faults.LOST_STATES, *faults.BUSY_STATES]
    numbers = [*faults.CONFLICT_NUMBERS, *faults.LOST_NUMBERS, *faults.BUSY_NUMBERS]
    operational = sorted(states) + [str(number) for number in sorted(numbers)]
    yield from (f"OperationalError:{detail}" for detail in operational)
    integrity = [*meanings.SQLSTATES, *map(str, meanings.NUMBERS)]
    yield from (f"DatabaseError:{detail}" for detail in integrity)
