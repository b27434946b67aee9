"""Diagnose one request by this project's settings, and say it: what ``iot_doctor`` does with one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from django_iot_ingest.conf import IngestSettings, ingest_settings, signature_secrets
from django_iot_ingest.doctor import payload, refused, stamps
from django_iot_ingest.doctor.captured import CapturedRequest
from django_iot_ingest.doctor.diagnosis import Diagnosis, diagnose
from django_iot_ingest.doctor.findings import Finding, Severity, counted, shown
from django_iot_ingest.doctor.headers import Rules
from django_iot_ingest.doctor.reason_texts import TEXTS
from django_iot_ingest.doctor.refused import Kept
from django_iot_ingest.doctor.search import Budget
from django_iot_ingest.doctor.show import Report
from django_iot_ingest.request_ids import RequestId

URL_NAME = "django_iot_ingest:station-data"


def report_of(kept: Kept, budget: Budget | None = None) -> Report:
    """Return what is wrong with a request that was kept, judged as of when it came.

    ``budget`` bounds the search for what was signed; the default is generous.
    """
    found = judge(kept.request, kept.at, budget)
    return _report(kept.request, kept.at, found, kept.told, kept.reason)


def report_of_capture(request: CapturedRequest, at: float | None, told: str) -> Report:
    """Return what is wrong with a captured request; ``at`` is when it came, now if None."""
    moment = time.time() if at is None else at
    return _report(request, moment, judge(request, moment), told, "")


def report_of_id(request_id: str, said: RequestId) -> list[Report]:
    """Return what can be said of a refused request by its id: of itself, else of its like."""
    kept = refused.kept(request_id)
    if kept:
        return [report_of(kept)]
    about = {"request_id": request_id, "at": said.at.isoformat(), "reason": said.reason}
    other = refused.nearest(said)
    verdict = ""
    if other:
        verdict = "Below is another request, the nearest that is kept of the same reason:"
    elif said.reason in refused.KEPT_REASONS:
        verdict = "No other request is kept that was refused for this reason."
    lines = refused.without_trace(request_id, said)
    first = Report({**about, "is_kept": False}, lines, [_means(said.reason)], verdict)
    return [first, report_of(other)] if other else [first]


def judge(request: CapturedRequest, at: float, budget: Budget | None = None) -> Diagnosis:
    """Return what is wrong with a request by this project's settings."""
    return diagnose(request, signature_secrets(), at, rules(), payload.judge, budget)


def rules() -> Rules:
    """Return what this project expects."""
    try:
        path = reverse(URL_NAME)
    except NoReverseMatch:
        path = ""
    return Rules(_number("SIGNATURE_TIMEOUT"), _number("MAX_BODY_BYTES"), path)


def _number(key: str) -> int:
    """Return a setting; its default if it is no number, which ``manage.py check`` tells."""
    value = getattr(ingest_settings, key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number else int(vars(IngestSettings)[key])


def _means(reason: str) -> Finding:
    """Return what a reason means, under its own name in lower case."""
    text = TEXTS.get(reason, TEXTS[""])
    return Finding(reason.lower() or "refused", text.what, text.way_out)


def _report(
    request: CapturedRequest, at: float, found: Diagnosis, told: str, reason: str
) -> Report:
    moment = datetime.fromtimestamp(at, UTC)
    about: dict[str, Any] = {
        "request": told,
        "judged_as_of": moment.isoformat(),
        "refused_for": reason,
        "signed_with": found.position,
    }
    return Report(
        about,
        [_heading(request, told), f"Judged as of {moment:%Y-%m-%d %H:%M:%S} UTC ({int(at)})."],
        list(found.findings),
        _verdict(request, found, reason),
    )


def _heading(request: CapturedRequest, told: str) -> str:
    target = f" {shown(request.path)[1:-1]}" if request.target else ""
    stamp = request.one("X-Timestamp")
    signed = f", X-Timestamp {stamps.told(stamp)}".replace("'", "") if stamp else ""
    size = counted(len(request.body), "byte")
    return f"{told[:1].upper()}{told[1:]}: {shown(request.method)[1:-1]}{target}, {size}{signed}."


def _verdict(request: CapturedRequest, found: Diagnosis, reason: str) -> str:
    faults = sum(finding.severity == Severity.FAULT for finding in found.findings)
    if faults:
        return f"{counted(faults, 'fault')}: it is refused."
    signed = f"SIGNATURE_SECRETS[{found.position}] signed it"
    if request.is_verified:
        signed = "its signature was found right when it came"
    then = f" It was refused then ({reason}): settings have changed since." if reason else ""
    return f"No fault: {signed}. Whether its bearer token holds is not judged here.{then}"
