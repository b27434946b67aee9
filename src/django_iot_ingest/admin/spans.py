"""Times, spans of time and shares, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext

MINUTE = 60
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_LONGEST = 10**10

UNKNOWN = "–"
"""What is shown where nothing is known, or there is nothing."""


def moment(at: datetime | None) -> str:
    """Return a time to the second, in the reader's zone: whoever compares two needs that."""
    if at is None:
        return UNKNOWN
    here = timezone.localtime(at) if timezone.is_aware(at) else at
    return date_format(here, "Y-m-d H:i:s")


def in_words(seconds: int | None) -> str:
    """Return a number of seconds as people say it: “2 hours, 5 minutes”."""
    if seconds is None or not 0 <= seconds < _LONGEST:
        return UNKNOWN
    if seconds < MINUTE:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    return timesince(_EPOCH, _EPOCH + timedelta(seconds=seconds)).replace("\xa0", " ")


def milliseconds(duration: timedelta | None) -> str:
    """Return how long an attempt took."""
    if duration is None:
        return UNKNOWN
    return gettext("%d ms") % round(duration.total_seconds() * 1000)


def percent(level: int | None) -> str:
    """Return a battery level as text."""
    return UNKNOWN if level is None else gettext("%d %%") % level
