"""Who decided what about an event, and what came of it: stored in one language, shown in any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from django_iot_ingest import inbox, sweeper
from django_iot_ingest.admin.outcomes import KEPT, NOT_MADE
from django_iot_ingest.admin.related import NEWEST
from django_iot_ingest.admin.verdicts import VERDICTS, Verdict
from django_iot_ingest.models import IngestEvent

OUTCOMES: dict[str, Any] = {
    **{state.value: state.label for state in IngestEvent.State},
    inbox.DUPLICATE: pgettext_lazy("what became of an event", "duplicate"),
    sweeper.LOCKED: pgettext_lazy("what became of an event", "locked"),
    KEPT: pgettext_lazy("what became of an event", "kept"),
    NOT_MADE: pgettext_lazy("what became of an event", "not made"),
}
"""What can become of an event that somebody decided about, in one word."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the admin's log, in the reader's words."""

    at: datetime
    user: Any
    text: str


def noted(verdict: Verdict, outcome: str) -> str:
    """Return what is stored of a decision, whatever language the operator reads."""
    with translation.override(None):
        return f"{verdict.label}: {outcome}"


def decisions_about(row: IngestEvent) -> list[Decision]:
    """Return the newest decisions about an event, the newest first."""
    kind = ContentType.objects.get_for_model(IngestEvent)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
    newest = entries.select_related("user").order_by("-action_time")[:NEWEST]
    words = _words()
    messages = [(each, each.get_change_message()) for each in newest]
    # What others have logged is shown as they have said it.
    return [Decision(each.action_time, each.user, words.get(said, said)) for each, said in messages]


def _words() -> dict[str, str]:
    """Return what each decision is in the reader's words, by what is stored of it."""
    return {
        noted(verdict, outcome): _("%(decision)s: %(outcome)s")
        % {"decision": verdict.label, "outcome": said}
        for verdict in VERDICTS
        for outcome, said in OUTCOMES.items()
    }
