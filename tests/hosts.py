"""What shared tests need of a host, for whichever one ``TEST_HOST`` selects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model


def start_rental(bank: Any, at: datetime) -> Any:
    """Rent a bank out ``at``, through ``mark_rented``, and return the host's rental."""
    if settings.TEST_HOST == "depot":
        from tests.depot.models import Lease

        bank.mark_rented(at)
        return Lease.objects.create(battery=bank, begun_at=at)
    from fleet.rentals import rent

    user, _ = get_user_model().objects.get_or_create(username="renter")
    return rent(bank, user, at)


def open_rentals(bank: Any) -> list[Any]:
    """Return the rentals of a bank that have not ended, the oldest first."""
    if settings.TEST_HOST == "depot":
        return list(bank.leases.filter(over_at=None).order_by("begun_at"))
    return list(bank.rentals.filter(ended_at=None).order_by("started_at"))


def ended_at(rental: Any) -> datetime | None:
    """Return when a rental ended, as the database has it; None while it goes on."""
    rental.refresh_from_db()
    ended: datetime | None = rental.over_at if settings.TEST_HOST == "depot" else rental.ended_at
    return ended
