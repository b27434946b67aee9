"""The counter where banks are rented, for a run that has to go on while the servers are killed."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from django_iot_ingest.exceptions import AlreadyRented
from fleet.models import PowerBank
from fleet.rentals import rent
from tests.nemesis.models import Outing

RENTER = "renter"


@csrf_exempt
def rent_out(request: HttpRequest, number: int, serial: str) -> HttpResponse:
    """Rent a bank out as outing ``number``; again for a number that has begun, nothing happens.

    200, or 409 while the bank is still rented, or 503 to ask again.
    """
    try:
        begin(number, serial)
    except AlreadyRented:
        return HttpResponse(status=409)
    except (DatabaseError, InterfaceError):
        connection.close()
        return HttpResponse(status=503)
    return HttpResponse()


def begin(number: int, serial: str) -> None:
    """Begin an outing unless it has begun; the bank's row lock keeps repeats apart."""
    with transaction.atomic():
        power_bank = PowerBank.objects.select_for_update().get(serial_number=serial)
        if not Outing.objects.filter(number=number).exists():
            rental = rent(power_bank, User.objects.get(username=RENTER))
            Outing.objects.create(number=number, rental_id=rental.pk)
