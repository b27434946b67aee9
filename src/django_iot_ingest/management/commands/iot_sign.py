"""``manage.py iot_sign``: the headers of a signed request, or a curl line that sends it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_iot_ingest import client, signing
from django_iot_ingest.conf import signature_secrets
from django_iot_ingest.doctor import inputs

UNUSABLE = 2


class Command(BaseCommand):
    """Sign the bytes of a file, as they are, with one of the project's secrets. None is shown."""

    help = "Print the headers that a body needs to be accepted. The secret is never printed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the body, and what to sign it with."""
        parser.add_argument("body", help="a file, or - for standard input")
        parser.add_argument("--timestamp", type=_seconds, help="unix seconds (now)")
        parser.add_argument("--secret-index", type=int, default=0, help="in SIGNATURE_SECRETS (0)")
        parser.add_argument("--token", default="", help="bearer token (IOT_TOKEN)")
        parser.add_argument("--curl", metavar="URL", help="print a curl line that posts it there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the headers, or a curl line."""
        try:
            secret = secret_at(options["secret_index"])
            token = options["token"] or os.environ.get("IOT_TOKEN", "")
            body = inputs.read_bytes(options["body"])
            headers = client.signed_headers(body, secret, token.strip(), options["timestamp"])
            lines = _lines(headers, options["body"], options["curl"])
        except (ValueError, OSError) as error:
            raise CommandError(inputs.words(error), returncode=UNUSABLE) from None
        self.stdout.write(lines)


def secret_at(index: int) -> str:
    """Return one of the configured secrets; ``ValueError`` if it is none that can sign."""
    secrets = signature_secrets()
    if not 0 <= index < len(secrets):
        raise ValueError(f"there is no SIGNATURE_SECRETS[{index}]: {len(secrets)} are configured")
    secret = secrets[index]
    if not signing.is_key(secret):
        raise ValueError(f"SIGNATURE_SECRETS[{index}] is no usable secret: see manage.py check")
    return secret


def _lines(headers: dict[str, str], body: str, url: str | None) -> str:
    if url is None:
        return "\n".join(f"{name}: {value}" for name, value in headers.items())
    client.check_url(url)
    words = ["curl", "--silent", "--show-error", "--max-time", "15"]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    # By its whole path: the line may be pasted elsewhere. @- is standard input.
    name = body if body == "-" else str(Path(body).resolve())
    return shlex.join([*words, "--data-binary", f"@{name}", url])


def _seconds(text: str) -> str:
    """Return a time that can be signed; argparse tells of a ``ValueError``."""
    if not signing.TIMESTAMP_SHAPE.fullmatch(text):
        raise ValueError(text)
    return text
