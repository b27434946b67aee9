"""``manage.py iot_sweep``: finish what was received and not applied."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_iot_ingest import sweeper


class Command(BaseCommand):
    """Run it every minute; it is safe beside live traffic and beside itself."""

    help = "Apply events that were received and not applied, and that are due for another try."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bound of one run."""
        parser.add_argument("--limit", type=int, default=1000, help="most events to try (1000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Try what is due, and print how many events ended in which state."""
        states = sweeper.sweep(options["limit"])
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        self.stdout.write(told or "nothing was due")
