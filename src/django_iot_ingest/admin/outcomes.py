"""What became of the events that an operator chose, in words."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import ngettext_lazy

from django_iot_ingest import inbox, sweeper
from django_iot_ingest.models import IngestEvent

State = IngestEvent.State

GONE, LEFT, KEPT, NOT_MADE = "gone", "left", "kept", "not made"
"""What can become of a choice beside what ``sweeper`` says."""

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
