"""How ``iot_simulate --rent simulation.rentals.rent`` rents: as this host's app would."""

from __future__ import annotations

from django.contrib.auth.models import User

from fleet.models import PowerBank, Rental
from fleet.rentals import rent as begin_rental

RENTER = "simulated-renter"


def rent(power_bank: PowerBank) -> Rental:
    """Let the one simulated user rent a bank now; ``AlreadyRented`` if somebody has it."""
    user, _ = User.objects.get_or_create(username=RENTER)
    return begin_rental(power_bank, user)
