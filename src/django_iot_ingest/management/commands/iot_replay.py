"""``manage.py iot_replay``: apply kept events again that were not applied."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from django_iot_ingest import ledger, sweeper
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.progress import track
from django_iot_ingest.times import aware, native

REPLAYABLE = (*IngestEvent.UNAPPLIED, IngestEvent.State.REFUSED)


class Command(BaseCommand):
    """What was applied is never applied again, whoever asks."""

    help = "Apply events of the inbox now, one or those of a filter, whatever their back-off says."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take ids, or filters of the inbox."""
        parser.add_argument("event_id", nargs="*", type=int, help="ids, as answers tell them")
        parser.add_argument("--state", action="append", choices=[str(s) for s in REPLAYABLE])
        parser.add_argument("--type", dest="event_type")
        parser.add_argument("--station", help="serial number")
        parser.add_argument("--power-bank", help="serial number")
        parser.add_argument("--since", type=_moment, help="received at or after, ISO 8601")
        parser.add_argument("--until", type=_moment, help="received before, ISO 8601")
        parser.add_argument("--all", action="store_true", help="all that was not applied")
        parser.add_argument("--dry-run", action="store_true", help="say which, and apply nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply the chosen events now, and print what became of each."""
        chosen = _chosen(options)
        if not chosen and not options["all"]:
            raise CommandError("Name an event, a filter such as --state dead, or --all.")
        rows = ledger.rows().filter(state__in=REPLAYABLE).filter(**chosen)
        if options["dry_run"]:
            self.tell(rows)
            return
        event_ids = list(rows.order_by("event_time", "pk").values_list("pk", flat=True))
        states = sweeper.try_each(track(event_ids, "Replaying"))
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        self.stdout.write(told or "nothing to replay")

    def tell(self, rows: QuerySet[IngestEvent]) -> None:
        """Print the events that would be tried."""
        for row in rows.order_by("event_time", "pk").defer("body"):
            self.stdout.write(f"{row.pk} {row.state} {row.event_type} {row.device_serial}")


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return the filter that the options ask for."""
    wanted = {
        "pk__in": options["event_id"],
        "state__in": options["state"],
        "event_type": options["event_type"],
        "device_serial": options["station"],
        "power_bank_serial": options["power_bank"],
        "received_at__gte": options["since"],
        "received_at__lt": options["until"],
    }
    return {name: value for name, value in wanted.items() if value}


def _moment(text: str) -> Any:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError(f"{text!r} is no ISO 8601 date and time")
    return native(aware(moment))
