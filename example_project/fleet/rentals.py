"""Begin and end rentals. Both lock the bank first and the rental second."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from fleet.models import PowerBank, Rental
from fleet.tariff import RENTAL_TIME, price

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def rent(power_bank: PowerBank, user: User, at: datetime | None = None) -> Rental:
    """Begin a rental ``at`` (default: now); ``AlreadyRented`` if the bank is rented."""
    started_at = at or timezone.now()
    with transaction.atomic():
        power_bank.mark_rented(started_at)
        return Rental.objects.create(
            power_bank=power_bank,
            user=user,
            started_at=started_at,
            due_at=started_at + RENTAL_TIME,
        )


def end_rental(power_bank: PowerBank, at: datetime) -> Rental | None:
    """End the one open rental of a bank that had begun by ``at``, and bill it; None without one.

    Call it inside a transaction that has locked the bank. A rental that began later is somebody
    else's: a late return must not end it.
    """
    rental = (
        Rental.objects.select_for_update()
        .filter(power_bank=power_bank, status__in=Rental.OPEN, started_at__lte=at)
        .order_by("-started_at", "-pk")
        .first()
    )
    if rental is None:
        return None
    rental.status = Rental.Status.COMPLETED
    rental.ended_at = at
    rental.amount = price(rental.started_at, at)
    rental.save(update_fields=["status", "ended_at", "amount"])
    return rental
