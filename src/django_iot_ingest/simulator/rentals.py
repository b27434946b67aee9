"""Rent as an app would: through the host's own models, or a callable of the host's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.module_loading import import_string

from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.database import alias
from django_iot_ingest.exceptions import AlreadyRented
from django_iot_ingest.simulator.options import Unusable
from django_iot_ingest.times import aware

Rent = Callable[[Any], object]


class NotRented(Exception):
    """The bank could not be rented; the text says why."""


def find(path: str) -> Rent:
    """Return the host's callable of that dotted path, ``mark_rented`` without one."""
    if not path:
        return lambda power_bank: power_bank.mark_rented()
    try:
        found = import_string(path)
    except ImportError as error:
        raise Unusable(f"--rent {path!r} cannot be imported: {error}") from None
    if not callable(found):
        raise Unusable(f"--rent {path!r} is not callable; it has to be callable(power_bank)")
    return found  # type: ignore[no-any-return]


def rent(how: Rent, serial: str) -> datetime:
    """Rent a bank; return when its rental began, aware. ``NotRented`` if it did not."""
    model = get_power_bank_model()
    banks = model._default_manager.using(alias())
    try:
        bank = banks.get(serial_number=serial)
        how(bank)
        bank.refresh_from_db(fields=["status", "rented_at"])
    except model.DoesNotExist:
        raise NotRented(f"power bank {serial} is not in the tables") from None
    except AlreadyRented:
        raise NotRented(f"power bank {serial} is rented already") from None
    except Exception as error:  # a host's own code may raise anything
        raise NotRented(f"power bank {serial}: renting raised {type(error).__name__}") from error
    if bank.status != bank.Status.RENTED or bank.rented_at is None:
        raise NotRented(f"power bank {serial} is {bank.status} after it was rented")
    return aware(bank.rented_at)
