"""Times, spans of time and shares, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext, npgettext_lazy

MINUTE = 60
SPANS: dict[str, Any] = {
    "year": npgettext_lazy("span of time", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("span of time", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("span of time", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("span of time", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("span of time", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("span of time", "%(num)d minute", "%(num)d minutes", "num"),
}
"""Django has these words too, but not in every language in which it has the admin's."""

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
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    end = _EPOCH + timedelta(seconds=seconds)
    return timesince(_EPOCH, end, time_strings=SPANS).replace("\xa0", " ")


def milliseconds(duration: timedelta | None) -> str:
    """Return how long an attempt took."""
    if duration is None:
        return UNKNOWN
    return gettext("%(count)s ms") % {
        "count": number_format(round(duration.total_seconds() * 1000))
    }


def percent(level: int | None) -> str:
    """Return a battery level as text."""
    return UNKNOWN if level is None else gettext("%(level)s %%") % {"level": level}
