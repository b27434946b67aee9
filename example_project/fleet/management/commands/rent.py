"""``manage.py rent``: let a user rent a power bank, as an app would."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from django_iot_ingest.exceptions import AlreadyRented
from fleet.models import PowerBank
from fleet.rentals import rent


class Command(BaseCommand):
    help = "Let a user rent a power bank."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("serial_number", help="of the power bank")
        parser.add_argument("username")
        parser.add_argument(
            "--minutes-ago", type=int, default=0, help="when the rental began (default: now)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = timezone.now() - timedelta(minutes=options["minutes_ago"])
        try:
            power_bank = PowerBank.objects.get(serial_number=options["serial_number"])
            user = get_user_model()._default_manager.get_by_natural_key(options["username"])
            rental = rent(power_bank, user, began)
        except PowerBank.DoesNotExist:
            raise CommandError("No such power bank.") from None
        except get_user_model().DoesNotExist:
            raise CommandError("No such user.") from None
        except AlreadyRented:
            raise CommandError("That power bank is rented.") from None
        self.stdout.write(f"Rental {rental.pk}: {power_bank} since {began:%Y-%m-%d %H:%M:%S}")
