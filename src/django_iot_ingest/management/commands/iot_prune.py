"""``manage.py iot_prune``: forget what was applied long ago."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_iot_ingest.prune import prune


class Command(BaseCommand):
    """Run it every night."""

    help = "Delete old applied events and history. What was not applied is never touched."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to count only."""
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and print how many rows of each kind."""
        counts = prune(dry_run=options["dry_run"])
        said = "to be pruned" if options["dry_run"] else "pruned"
        for name, count in counts.items():
            self.stdout.write(f"{count} {name} {said}")
