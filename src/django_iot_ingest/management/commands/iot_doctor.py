"""``manage.py iot_doctor``: why was this request refused, and is this deployment ready?"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils.dateparse import parse_datetime

from django_iot_ingest import request_ids
from django_iot_ingest.database import alias
from django_iot_ingest.doctor import inputs, reading, refused, requests, show
from django_iot_ingest.doctor.deployment.check import report_of
from django_iot_ingest.doctor.deployment.looks import Question
from django_iot_ingest.doctor.show import Report
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.times import aware

UNUSABLE = 2
"""Exit code for input that is none; 1 says that a fault was found, 0 that there is none."""

REQUEST_OPTIONS = ("target", "headers", "header", "body", "event")


class Command(BaseCommand):
    """Diagnose one request, or without one the deployment. No secret is ever shown."""

    help = (
        "Say what is wrong with a request - by the request_id of its refusal, or captured in a file - "
        "or, without one, with this deployment. Exit code: 0 no fault, 1 fault, 2 unusable input."
    )
    # It tells itself what the checks say.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one request in any shape, or the deployment."""
        one = parser.add_argument_group("one request")
        one.add_argument(
            "target", nargs="?", help="a request_id, or a capture: a file, or - (stdin)"
        )
        one.add_argument("--headers", metavar="FILE", help="headers of the request, one on a line")
        one.add_argument("--header", action="append", metavar="NAME: VALUE", help="one header")
        one.add_argument("--body", metavar="FILE", help="its body, byte by byte; - is stdin")
        one.add_argument("--event", type=int, metavar="ID", help="a row of the inbox")
        one.add_argument("--at", type=_moment, help="when it came: ISO 8601 or unix seconds (now)")
        all_ = parser.add_argument_group("the deployment")
        all_.add_argument(
            "--deployment", action="store_true", help="check it, which is the default"
        )
        all_.add_argument("--host", default="", help="that the gateway calls")
        all_.add_argument("--remote-addr", default="", metavar="ADDRESS", help="it connects from")
        all_.add_argument("--forwarded-for", default="", metavar="HEADER", help="X-Forwarded-For")
        all_.add_argument("--token", default="", help="bearer token (IOT_TOKEN)")
        all_.add_argument("--url", default="", help="of the endpoint on a running server")
        parser.add_argument("--json", action="store_true", dest="as_json", help="for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found; the exit code says how bad it is."""
        try:
            reports = self.reports(options)
        except (ValueError, OSError) as error:
            raise CommandError(inputs.words(error), returncode=UNUSABLE) from None
        except DatabaseError as error:
            told = f"The database cannot be asked: {type(error).__name__}. See --deployment."
            raise CommandError(told, returncode=UNUSABLE) from None
        show.write(reports, self.stdout, as_json=options["as_json"])
        if not all(report.is_good for report in reports):
            sys.exit(1)

    def reports(self, options: dict[str, Any]) -> list[Report]:
        """Return what is to be said; ``ValueError`` if the input is none."""
        asked = [name for name in REQUEST_OPTIONS if options[name] is not None]
        if not asked:
            return [report_of(_question(options))]
        if options["deployment"]:
            raise ValueError("--deployment is about no request: leave one of them out")
        if options["event"] is not None:
            return [requests.report_of(_event(options["event"]))]
        if options["target"] is not None:
            return _of_target(options["target"], options["at"])
        request = inputs.parts(options["headers"], options["header"] or [], options["body"])
        return [requests.report_of_capture(request, options["at"], "request")]


def _of_target(target: str, at: float | None) -> list[Report]:
    said = request_ids.read(target)
    if said and not Path(target).exists():
        return requests.report_of_id(target.strip(), said)
    if target != "-" and not Path(target).exists():
        raise ValueError(f"{target[:80]!a} is neither a request_id of ours nor a file")
    request = reading.parse(inputs.read_bytes(target), inputs.read_bytes)
    return [requests.report_of_capture(request, at, "capture")]


def _event(event_id: int) -> refused.Kept:
    event = IngestEvent.objects.using(alias()).filter(pk=event_id).first()
    if event is None:
        raise ValueError(f"there is no event {event_id} in the inbox")
    if not bytes(event.body):
        raise ValueError(f"event {event_id} has no body any more: iot_prune has forgotten it")
    return refused.of_event(event)


def _question(options: dict[str, Any]) -> Question:
    token = options["token"] or os.environ.get("IOT_TOKEN", "")
    names = ("host", "remote_addr", "forwarded_for", "url")
    return Question(token=token.strip(), **{name: options[name] for name in names})


def _moment(text: str) -> float:
    """Read when a request came."""
    if text.isascii() and text.isdigit() and len(text) <= 11:
        return float(text)
    # Of what has the shape of a time and is none, such as a month 13, it raises.
    with suppress(ValueError, OverflowError):
        if moment := parse_datetime(text):
            return aware(moment).timestamp()
    wanted = "2026-11-23T16:53:00Z, or unix seconds"
    raise ArgumentTypeError(f"{text[:40]!a} is no time such as {wanted}")
