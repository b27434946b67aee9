"""Times as people say them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_iot_ingest.times import aware

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Ago:
    """One time: what to show, what machines read, and the time itself for whoever asks."""

    text: str
    iso: str
    moment: datetime


def ago(moment: datetime | None, now: datetime) -> Ago | None:
    """Return a native time as seen from an aware ``now``; None stays None."""
    if moment is None:
        return None
    there = aware(moment)
    seconds = int((now - there).total_seconds())
    return Ago(_said(seconds), there.isoformat(timespec="seconds"), moment)


def _said(seconds: int) -> str:
    if seconds < MINUTE:
        return _("just now")
    if seconds < HOUR:
        count = seconds // MINUTE
        text = ngettext("%(count)d min ago", "%(count)d min ago", count)
    elif seconds < 2 * DAY:
        count = seconds // HOUR
        text = ngettext("%(count)d h ago", "%(count)d h ago", count)
    else:
        count = seconds // DAY
        text = ngettext("%(count)d day ago", "%(count)d days ago", count)
    return text % {"count": count}
