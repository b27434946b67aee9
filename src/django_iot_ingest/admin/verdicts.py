"""What an operator decides about an event: to apply it again, or to give it up.

Each event is decided under the lock of its row, in a transaction of its own, so what somebody else
did to it meanwhile is seen, and never done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_iot_ingest import ledger, logs, sweeper
from django_iot_ingest.admin.outcomes import KEPT, NOT_MADE
from django_iot_ingest.database import in_transaction
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

State = IngestEvent.State


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that can be decided: its name in addresses, who may, and what it does.

    ``states`` are those in which there is something to do; ``act`` takes an event's id and returns
    what became of it.
    """

    name: str
    permission: str
    label: Any
    title: Any
    explanation: Any
    states: Sequence[str]
    act: Callable[[int], str]


def apply_again(event_id: int) -> str:
    """Try an event now, whatever its back-off says; what was applied is never applied again."""
    (outcome,) = sweeper.try_each([event_id])
    return outcome


def mark_dead(event_id: int) -> str:
    """Give an event up that waits; leave it to whoever is applying it at this moment."""
    try:
        return in_transaction(lambda: _bury(event_id))
    except IngestEvent.DoesNotExist:
        return sweeper.LOCKED
    except Exception as error:  # noqa: BLE001 - told by its trace
        trace = logs.trace(error)
        logger.error("StationSyncService: event %s was not marked dead%s", event_id, trace)
        return NOT_MADE


def _bury(event_id: int) -> str:
    row = ledger.lock(event_id, wait=False)
    if row.state not in IngestEvent.WAITING:
        return KEPT
    ledger.bury(row)
    return State.DEAD


APPLY = Verdict(
    name="apply",
    permission="apply_ingestevent",
    label=_("Apply again"),
    title=_("Apply events again"),
    explanation=_(
        "Each of these events is applied now, in a transaction of its own, by the same rules as if "
        "it had just arrived: hooks run, and a return ends its rental. What was applied meanwhile is "
        "not applied twice."
    ),
    states=(*IngestEvent.UNAPPLIED, State.REFUSED),
    act=apply_again,
)

BURY = Verdict(
    name="bury",
    permission="bury_ingestevent",
    label=_("Mark dead"),
    title=_("Mark events dead"),
    explanation=_(
        "Each of these events is given up: the sweeper tries it no more, and the rental that a "
        "return would have ended goes on. Nothing is deleted: the event stays in the inbox, and "
        "can be applied again."
    ),
    states=IngestEvent.WAITING,
    act=mark_dead,
)

VERDICTS = (APPLY, BURY)
