"""``manage.py iot_send``: sign an event and send it to a running server, as the gateway does."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from django_iot_ingest import client, request_ids
from django_iot_ingest.client import Answer, Sender
from django_iot_ingest.doctor import inputs, requests, show, strangers
from django_iot_ingest.doctor.findings import counted, shown
from django_iot_ingest.doctor.show import Report
from django_iot_ingest.management.commands.iot_sign import secret_at

UNUSABLE = 2

LONGEST_SHOWN = 4000
"""Characters of an answer that are printed."""


class Command(BaseCommand):
    """Say what came back; of a refusal what ``iot_doctor`` says. Only 200 is success."""

    help = (
        "Sign a body and post it. Exit code: 0 for an answer of 200, 1 for any other or none, "
        "2 for unusable input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the body, where it goes to, and how to log in."""
        parser.add_argument("body", help="a file, or - for standard input")
        parser.add_argument("--url", default="", help="of the endpoint (IOT_URL)")
        parser.add_argument("--token", default="", help="bearer token (IOT_TOKEN)")
        parser.add_argument(
            "--login", metavar="URL", help="log in there first, as the gateway does"
        )
        parser.add_argument(
            "--email", help="to log in with; the password is IOT_PASSWORD, or asked"
        )
        parser.add_argument("--secret-index", type=int, default=0, help="in SIGNATURE_SECRETS (0)")
        parser.add_argument(
            "--retries", action="store_true", help="try at 0, +2 and +6 s, as the gateway does"
        )
        parser.add_argument("--timeout", type=float, default=client.TIMEOUT, help="seconds (15)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it, and print the answer; a refusal is explained where it can be."""
        try:
            sender = self.sender(options)
            body = inputs.read_bytes(options["body"])
            answer = self.send(sender, body, tries=len(client.PAUSES) if options["retries"] else 1)
        except (ValueError, OSError) as error:
            raise CommandError(inputs.words(error), returncode=UNUSABLE) from None
        if not answer.is_success:
            self.explain(answer, sender.url)
            sys.exit(1)

    def sender(self, options: dict[str, Any]) -> Sender:
        """Return what sends; ``ValueError`` if something is missing."""
        url = options["url"] or os.environ.get("IOT_URL", "")
        if not url:
            raise ValueError("--url is missing, and IOT_URL is not set")
        if options["timeout"] <= 0:
            raise ValueError("--timeout has to be more than 0")
        client.check_url(url)
        secret = secret_at(options["secret_index"])
        token = options["token"] or os.environ.get("IOT_TOKEN", "")
        if options["login"]:
            token = self.log_in(options)
        return Sender(url, secret, token.strip(), options["timeout"])

    def log_in(self, options: dict[str, Any]) -> str:
        """Return the access token that a log-in gives."""
        if not options["email"]:
            raise ValueError("--login needs --email")
        password = os.environ.get("IOT_PASSWORD") or _asked()
        timeout = options["timeout"]
        token, answer = client.log_in(options["login"], options["email"], password, timeout=timeout)
        if not token:
            told = answer.trouble or f"answer {answer.status}, where exactly 200 with "
            told += "" if answer.trouble else '{"data": {"access_token": ...}} is needed'
            raise CommandError(f"The log-in gave no token: {told}")
        return token

    def send(self, sender: Sender, body: bytes, tries: int) -> Answer:
        """Send until the answer is 200, at most so often; return the last answer."""
        answer = Answer(0)
        for number, answer in enumerate(sender.deliver(body), start=1):
            self.tell(answer)
            if number == tries:
                break
        return answer

    def tell(self, answer: Answer) -> None:
        """Print the status and the answer; of a page, which says nothing here, its length."""
        if not answer.status:
            self.stdout.write(f"no answer after {answer.seconds:.2f} s: {answer.trouble}")
            return
        self.stdout.write(f"{answer.status} after {answer.seconds:.2f} s")
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        page = f"A page of HTML, {counted(len(answer.body), 'byte')}."
        self.stdout.write(page if is_page else _printable(answer.body))

    def explain(self, answer: Answer, url: str) -> None:
        """Print why it was no success, as far as that can be said from here."""
        if answer.is_redirect:
            to = shown(answer.headers.get("location", ""))
            self.stdout.write(
                f"A redirect, to {to}, is not followed: the gateway takes it for a failure."
            )
        elif answer.status and not strangers.is_ours(answer):
            self.report(Report({}, [], [strangers.of("not_ours", answer, url)]))
        request_id = answer.json().get("request_id")
        said = request_ids.read(request_id) if isinstance(request_id, str) else None
        if said is None or not isinstance(request_id, str):
            return
        try:
            report, *others = requests.report_of_id(request_id, said)
        except DatabaseError:
            self.stdout.write(f"\nSee manage.py iot_doctor {request_id} on the server.")
        else:
            # Another request of the same kind is not what was sent.
            self.report(replace(report, verdict="") if others else report)

    def report(self, report: Report) -> None:
        """Print a report, after an empty line, with which a finding begins by itself."""
        if report.lines:
            self.stdout.write("")
        show.write([report], self.stdout, as_json=False)


def _asked() -> str:
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise ValueError("no password: set IOT_PASSWORD, or type it") from None


def _printable(body: bytes) -> str:
    """Return an answer as text that does nothing to a terminal."""
    text = body.decode("utf-8", "replace")[:LONGEST_SHOWN]
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
