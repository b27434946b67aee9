"""What an operator decides about an event: to apply it again, or to give it up.

Each event is decided under the lock of its row, in a transaction of its own, so what somebody else
did to it meanwhile is seen, and never done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from django_iot_ingest import inbox, ledger, logs, sweeper
from django_iot_ingest.database import in_transaction
from django_iot_ingest.models import IngestEvent

logger = logging.getLogger(__name__)

State = IngestEvent.State

GONE, LEFT, KEPT, NOT_MADE = "gone", "left", "kept", "not made"
"""What can become of a choice beside what ``sweeper`` says."""


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

TOLD: dict[str, tuple[int, Any]] = {
    State.APPLIED: (
        messages.SUCCESS,
        ngettext_lazy("%(count)d event was applied.", "%(count)d events were applied.", "count"),
    ),
    State.STALE: (
        messages.INFO,
        ngettext_lazy(
            "%(count)d event is stale: a newer one is known, and it changed nothing.",
            "%(count)d events are stale: newer ones are known, and they changed nothing.",
            "count",
        ),
    ),
    State.DEFERRED: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d event waits on: its station or power bank is not known.",
            "%(count)d events wait on: their stations or power banks are not known.",
            "count",
        ),
    ),
    State.FAILED: (
        messages.ERROR,
        ngettext_lazy(
            "%(count)d event failed again: its page says why.",
            "%(count)d events failed again: their pages say why.",
            "count",
        ),
    ),
    State.REFUSED: (
        messages.ERROR,
        ngettext_lazy(
            "%(count)d event still cannot be read.",
            "%(count)d events still cannot be read.",
            "count",
        ),
    ),
    State.DEAD: (
        messages.WARNING,
        ngettext_lazy("%(count)d event is dead.", "%(count)d events are dead.", "count"),
    ),
    inbox.DUPLICATE: (
        messages.INFO,
        ngettext_lazy(
            "%(count)d event had been dealt with already: nothing was done.",
            "%(count)d events had been dealt with already: nothing was done.",
            "count",
        ),
    ),
    KEPT: (
        messages.INFO,
        ngettext_lazy(
            "%(count)d event does not wait any more: it was left as it is.",
            "%(count)d events do not wait any more: they were left as they are.",
            "count",
        ),
    ),
    sweeper.LOCKED: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d event is being applied by somebody else at this moment.",
            "%(count)d events are being applied by somebody else at this moment.",
            "count",
        ),
    ),
    NOT_MADE: (
        messages.ERROR,
        ngettext_lazy(
            "%(count)d event could not be marked: the database was not available. Try again.",
            "%(count)d events could not be marked: the database was not available. Try again.",
            "count",
        ),
    ),
    GONE: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d event is not in the inbox any more.",
            "%(count)d events are not in the inbox any more.",
            "count",
        ),
    ),
    LEFT: (
        messages.WARNING,
        ngettext_lazy(
            "%(count)d event was not tried: the others took too long. Choose it again.",
            "%(count)d events were not tried: the others took too long. Choose them again.",
            "count",
        ),
    ),
}
"""By what became of it: how loud, and the words for so many events."""


def told(outcome: str, count: int) -> tuple[int, str]:
    """Return the level and the text of the message that so many events ended like that."""
    level, text = TOLD.get(outcome, (messages.INFO, None))
    if text is None:
        return level, f"{outcome}: {count}"
    return level, str(text % {"count": count})
