"""Time: reading stamps, and bringing a gateway's clock onto ours.

Everything handed to models and hooks is a *native* datetime: aware where the project has
``USE_TZ``, otherwise naive in its ``TIME_ZONE``, as Django itself stores them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

SKEW_TOLERANCE = 5
"""Seconds that a gateway's clock may be off before its times are shifted (contract, section 3)."""

EARLIEST = 1_000_000_000
"""Unix seconds, September 2001: what lies before was said by a clock that was never set."""

_DATE = r"\d{4}-\d\d-\d\d"
_HOUR_AND_MINUTE = r"(?:[01]\d|2[0-3]):[0-5]\d"
_STAMP = re.compile(
    rf"{_DATE}T{_HOUR_AND_MINUTE}:\d\d(?:\.\d{{1,9}})?(?:Z|[+-]{_HOUR_AND_MINUTE})",
    re.ASCII | re.IGNORECASE,
)
"""RFC 3339, whose bounds ``fromisoformat`` does not keep: it knows 24:00, and ``+00:99``."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Translate the times of one event, as the gateway told them, into ours.

    ``received`` is our receipt time, aware, in UTC; ``shift`` is added to every time of the event,
    and no time is later than ``received``.
    """

    received: datetime
    shift: timedelta

    @classmethod
    def for_attempt(cls, signed_at: int, received: datetime) -> Clock:
        """Compare ``signed_at``, the attempt's X-Timestamp in unix seconds, with our clock."""
        skew = int(received.timestamp()) - signed_at
        return cls(received, timedelta(seconds=skew if abs(skew) > SKEW_TOLERANCE else 0))

    def stamp(self, text: object) -> datetime | None:
        """Return the native datetime of an RFC 3339 stamp, or None if it cannot be used."""
        if not isinstance(text, str) or not _STAMP.fullmatch(text):
            return None
        try:
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
            return native(min(moment + self.shift, self.received)) if _is_set(moment) else None
        except (ValueError, OverflowError):
            return None

    def seconds(self, value: int) -> datetime:
        """Return the native datetime, in whole seconds, of ``value`` in unix seconds."""
        latest = int(self.received.timestamp())
        shifted = min(value + int(self.shift.total_seconds()), latest)
        return native(datetime.fromtimestamp(shifted, UTC))


def is_unix_time(value: object) -> bool:
    """Return whether ``value`` is a whole number of unix seconds that a set clock could say."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= EARLIEST


def native(moment: datetime) -> datetime:
    """Return an aware datetime the way that the project stores it."""
    if settings.USE_TZ:
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def aware(moment: datetime, near: int | None = None) -> datetime:
    """Return a native datetime as an aware one in UTC.

    A naive one of the hour that comes twice in autumn is the one ``near`` these unix seconds.
    """
    if not timezone.is_naive(moment):
        return moment.astimezone(UTC)
    zone = timezone.get_default_timezone()
    both = [moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return both[0] if near is None else min(both, key=lambda one: abs(one.timestamp() - near))


def _is_set(moment: datetime) -> bool:
    return moment.timestamp() >= EARLIEST
