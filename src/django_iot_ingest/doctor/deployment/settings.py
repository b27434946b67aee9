"""What the settings say: our system checks, secrets, limits, bearers."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, Tags, run_checks

from django_iot_ingest.checks.values import TAG
from django_iot_ingest.conf import ingest_settings, signature_secrets
from django_iot_ingest.doctor.deployment.looks import Question, fault, host_models, ok, warning
from django_iot_ingest.doctor.findings import Finding, counted
from django_iot_ingest.principals import seconds_to_keep


def system_checks(question: Question) -> Iterator[Finding]:
    """Yield what our checks say, those for deployment too, and Django's about the host's models."""
    messages = run_checks(tags=[TAG], include_deployment_checks=True)
    if not any(message.level >= ERROR for message in messages):
        configs = {model._meta.app_config for model in host_models()}
        messages += run_checks(app_configs=[c for c in configs if c], tags=[Tags.models])
    found = [_of(message) for message in messages if not message.is_silenced()]
    yield from found
    if not found:
        yield ok("system_checks", "no issues.")


def debug(question: Question) -> Iterator[Finding]:
    """Yield whether the project runs as it does where it is written."""
    if settings.DEBUG:
        yield warning(
            "debug",
            "DEBUG is on: errors are shown with settings and source, and every process remembers its "
            "newest 9000 statements.",
            "Where the gateway sends to write DEBUG = False, and name its host in ALLOWED_HOSTS.",
        )
    else:
        yield ok("debug", "DEBUG is off.")


def secrets(question: Question) -> Iterator[Finding]:
    """Yield how many secrets there are and how long; of their faults the system checks speak."""
    found = signature_secrets()
    lengths = [len(s.encode(errors="replace")) if isinstance(s, str) else 0 for s in found]
    if found:
        told = " and ".join(map(str, lengths))
        yield ok(
            "secrets", f"{counted(len(found), 'secret')}, of {told} bytes; the first is current."
        )


def upload_limit(question: Question) -> Iterator[Finding]:
    """Yield what is read of a body; where Django reads less, that is iot_ingest.W093."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    ours = ingest_settings.MAX_BODY_BYTES
    if limit is None or limit >= ours:
        yield ok("upload_limit", f"bodies of up to {ours} bytes are read; Django allows {limit}.")


def bearers(question: Question) -> Iterator[Finding]:
    """Yield who checks bearers, and for how long one is let in without asking again."""
    classes = ", ".join(path.rpartition(".")[2] for path in ingest_settings.AUTHENTICATION_CLASSES)
    seconds = seconds_to_keep()
    kept = f"for {seconds:g} s without asking again" if seconds > 0 else "and asked about each time"
    yield ok("bearers", f"checked by {classes}, let in {kept}.")


def clock_window(question: Question) -> Iterator[Finding]:
    """Yield how far a gateway's clock may be off."""
    timeout = ingest_settings.SIGNATURE_TIMEOUT
    yield ok("signature_timeout", f"X-Timestamp may be off by {timeout} s, both ways.")


def _of(message: CheckMessage) -> Finding:
    make = fault if message.level >= ERROR else warning
    return make(message.id or "check", str(message.msg), str(message.hint or ""))
