"""The last hour in whole minutes; the last of them is the one that goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from django.conf import settings
from django.db import connections, router
from django.db.models import Q
from django.db.models.functions import ExtractMinute
from django.utils import timezone

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import aware, native

MINUTES = 60

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """Sixty minutes, so that the minute of the clock, 0 to 59, names each of them once.

    All databases know that number; their ways to cut a time to the minute differ, and that of
    MariaDB needs tables that many servers do not have.
    """

    now: datetime
    """Aware, in UTC."""

    zone: tzinfo
    """In which the database says what minute of the clock it is."""

    @classmethod
    def until_now(cls) -> Hour:
        """Return the hour that ends with the minute that goes on."""
        return cls(aware(timezone.now()), _zone())

    @property
    def start(self) -> datetime:
        """Return the beginning of the first minute."""
        return self.now.replace(second=0, microsecond=0) - (MINUTES - 1) * MINUTE

    @property
    def end(self) -> datetime:
        """Return the end of the last minute, which is still to come."""
        return self.start + MINUTES * MINUTE

    def minutes(self) -> list[datetime]:
        """Return the beginning of each minute."""
        return [self.start + number * MINUTE for number in range(MINUTES)]

    def within(self, field: str) -> Q:
        """Return the condition that a time lies in this hour."""
        return Q(**{f"{field}__gte": native(self.start), f"{field}__lt": native(self.end)})

    def minute_of(self, field: str) -> ExtractMinute:
        """Return the expression for the minute of the clock of a time; see ``position``."""
        return ExtractMinute(field, tzinfo=self.zone if settings.USE_TZ else None)

    def position(self, minute_of_clock: int) -> int:
        """Return which of our minutes it is, from 0."""
        return (minute_of_clock - self.start.astimezone(self.zone).minute) % MINUTES

    def position_of(self, moment: datetime) -> int | None:
        """Return in which of our minutes an aware time lies, or None."""
        number = (moment - self.start) // MINUTE
        return number if 0 <= number < MINUTES else None


def _zone() -> tzinfo:
    if not settings.USE_TZ:
        return timezone.get_default_timezone()
    return connections[router.db_for_read(IngestEvent)].timezone or UTC
