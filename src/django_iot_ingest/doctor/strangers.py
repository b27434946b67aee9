"""An answer that is not ours: a middleware, a proxy, another view or an error page gave it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django_iot_ingest.client import Answer
from django_iot_ingest.doctor.findings import Finding, shown
from django_iot_ingest.doctor.reason_texts import TEXTS


def is_ours(answer: Answer) -> bool:
    """Return whether our view gave the answer: it says success, or a reason that we know."""
    told = answer.json()
    reason = told.get("error")
    return told.get("success") is True or (isinstance(reason, str) and reason in TEXTS)


def of(code: str, answer: Answer, url: str = "") -> Finding:
    """Return what can be said of one that is not, which was given at a URL if it is known."""
    kind = shown(answer.headers.get("content-type", "nothing"))
    return Finding(
        code,
        f"The answer is not ours: {answer.status}, {kind}.",
        "A middleware, a proxy or another view answers in our place; 400 without JSON is often "
        "ALLOWED_HOSTS (iot_doctor --host), 404 another URL prefix.",
        "The URL ends in a slash, and the endpoint's does not."
        if urlsplit(url).path.endswith("/")
        else "",
    )
