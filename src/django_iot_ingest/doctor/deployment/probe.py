"""Send one signed request that changes nothing, and say what its answer proves.

Its type is one that nobody knows, so a request that passes checks 1 to 9 is answered 400
``UNKNOWN_TYPE``. Inside this process it is a ``rehearsal``, of which nothing is kept; a running server
keeps it like any other, and what is in our own database of it is deleted again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client
from django.urls import reverse

from django_iot_ingest import client, faults, signing
from django_iot_ingest.checks.project import URL_NAME
from django_iot_ingest.client import Answer
from django_iot_ingest.conf import signature_secrets
from django_iot_ingest.database import alias
from django_iot_ingest.doctor import strangers
from django_iot_ingest.doctor.deployment.addresses import LOCAL_HOSTS
from django_iot_ingest.doctor.deployment.looks import Question, fault, ok, warning
from django_iot_ingest.doctor.deployment.senders import meta_of
from django_iot_ingest.doctor.findings import Finding, shown
from django_iot_ingest.doctor.reason_texts import TEXTS
from django_iot_ingest.exceptions import TemporarilyUnavailable
from django_iot_ingest.models import IngestEvent, RefusedRequest
from django_iot_ingest.rehearsal import Rehearsal

PASSED = "UNKNOWN_TYPE"
NOBODY = "NOT_AUTHENTICATED"


def own_stack(question: Question) -> Iterator[Finding]:
    """Yield how a request is answered by the project's middleware and our view, in this process."""
    body, rehearsal = make_body(), Rehearsal()
    secret = _secret()
    if secret is None:
        yield fault("own_stack", "No request can be signed without a secret.", "See above.")
        return
    answer = _rehearse(body, secret, question, rehearsal)
    yield _judge("own_stack", answer, question, rehearsal.error)


def server(question: Question) -> Iterator[Finding]:
    """Yield how a running server answers the same request over HTTP, if its URL is given."""
    secret = _secret()
    if not question.url or secret is None:
        return
    body = make_body()
    answer = client.send(question.url, body, secret, question.token)
    yield _judge("server", answer, question, None)
    yield from _cleaned(answer, body, question)


def make_body() -> bytes:
    """Return an event of a type that nobody knows; no two are alike."""
    name = f"iot_doctor.{secrets.token_hex(8)}"
    return json.dumps({"type": name, "timestamp": int(time.time())}).encode()


def forget(body: bytes) -> bool:
    """Delete what our database keeps of such a request; return whether there was anything.

    It is known by its body alone: the id in an answer is whatever a server says.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    events = IngestEvent.objects.using(alias())
    refused = events.filter(dedup_key=sha256, state=IngestEvent.State.REFUSED)
    kept = RefusedRequest.objects.using(alias()).filter(body=body)
    return sum(rows.delete()[0] for rows in (refused, kept)) > 0


def _secret() -> str | None:
    return next((secret for secret in signature_secrets() if signing.is_key(secret)), None)


def _rehearse(body: bytes, secret: str, question: Question, rehearsal: Rehearsal) -> Answer:
    """Send through Django's own handler, with the project's middleware, and CSRF as it is."""
    sender = Client(enforce_csrf_checks=True, raise_request_exception=False)
    headers = client.signed_headers(body, secret, question.token)
    content_type = headers.pop("Content-Type")
    environ: dict[str, Any] = {**meta_of(question), **rehearsal.environ()}
    response = sender.post(
        reverse(URL_NAME),
        data=body,
        content_type=content_type,
        secure=bool(settings.SECURE_SSL_REDIRECT),
        headers={**headers, "Host": question.host or _host()},
        **environ,
    )
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, names, response.content)


def _host() -> str:
    """Return a host that ALLOWED_HOSTS lets in."""
    for name in [*settings.ALLOWED_HOSTS, *LOCAL_HOSTS]:
        if name != "*":
            return f"www{name}" if name.startswith(".") else str(name)
    return "localhost"


def _judge(code: str, answer: Answer, question: Question, error: Exception | None) -> Finding:
    """Return what an answer proves."""
    reason = answer.json().get("error")
    if not answer.status:
        return fault(code, f"No answer: {answer.trouble}.", "See that the server runs at that URL.")
    if answer.is_redirect:
        return _redirected(code, answer)
    if reason == PASSED and answer.status == 400:
        return ok(
            code,
            "a signed request passes address, headers, bearer, rights, signature, clock and JSON: 400 "
            "UNKNOWN_TYPE, as it has to be.",
        )
    if reason == NOBODY and not question.token:
        return ok(
            code,
            "a request without a bearer is answered 401, as it has to be: URL, middleware, address and "
            "headers are right. With --token TOKEN (or IOT_TOKEN) it goes on.",
        )
    if isinstance(reason, str) and reason in TEXTS:
        return _refused(code, answer, reason, error)
    return strangers.of(code, answer, question.url if code == "server" else "")


def _redirected(code: str, answer: Answer) -> Finding:
    to = shown(answer.headers.get("location", ""))
    return fault(
        code,
        f"The answer is a redirect, {answer.status} to {to}: the gateway takes it for a failure.",
        "Let the gateway call the URL that it leads to, or switch the redirect off for the endpoint.",
    )


def _refused(code: str, answer: Answer, reason: str, error: Exception | None) -> Finding:
    text = TEXTS[reason]
    if error and answer.status == TemporarilyUnavailable.status_code:
        # Of a rehearsal nothing is logged, and its error is told here.
        evidence = f"The error was {faults.code_of(error)}."
        way_out = "Put right what the findings above name; manage.py check may say more."
        return fault(
            code, f"{answer.status} {reason}: settings or the database failed.", way_out, evidence
        )
    return fault(code, f"{answer.status} {reason}: {text.what}", text.way_out)


def _cleaned(answer: Answer, body: bytes, question: Question) -> Iterator[Finding]:
    """Yield whether what the server kept of the request could be deleted."""
    if answer.json().get("error") != PASSED:
        return
    host = shown(urlsplit(question.url).netloc)
    if forget(body):
        yield ok("server_rows", f"what {host} kept of it is deleted; its count of refusals stays.")
    else:
        yield warning(
            "server_rows",
            f"{host} does not keep its inbox in the database of this project.",
            "See that --url leads to this deployment; there a refused event of the type iot_doctor is "
            "left.",
        )
