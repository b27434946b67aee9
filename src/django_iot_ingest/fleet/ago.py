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
        return ngettext("%d min ago", "%d min ago", seconds // MINUTE) % (seconds // MINUTE)
    if seconds < 2 * DAY:
        return ngettext("%d h ago", "%d h ago", seconds // HOUR) % (seconds // HOUR)
    return ngettext("%d day ago", "%d days ago", seconds // DAY) % (seconds // DAY)
