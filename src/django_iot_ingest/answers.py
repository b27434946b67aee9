"""The JSON of every answer. Fixed texts: nothing of the request is ever echoed."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse
from django.utils import timezone

from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.inbox import DUPLICATE, Answer
from django_iot_ingest.times import aware

MESSAGES = {
    "applied": "Station data updated",
    "duplicate": "Station data updated",
    "stale": "Newer station data is known",
    "deferred": "Station data kept until it can be applied",
    "queued": "Station data queued",
}


def accepted(answer: Answer) -> JsonResponse:
    """Return the 200 for an event that was accepted."""
    data = {
        "event_id": str(answer.event_id),
        "state": answer.state,
        **answer.result,
        "timestamp": aware(timezone.now()).isoformat(),
    }
    response = _json(
        {"success": True, "message": MESSAGES.get(answer.state, MESSAGES["applied"]), "data": data},
        200,
    )
    if answer.state == DUPLICATE:
        response["Idempotent-Replayed"] = "true"
    return response


def refused(refusal: Refusal, request_id: str) -> JsonResponse:
    """Return the answer for a request that was not accepted."""
    body: dict[str, Any] = {
        "success": False,
        "message": refusal.default_detail,
        "error": refusal.error,
        **refusal.details(),
        "request_id": request_id,
    }
    response = _json(body, refusal.status_code)
    for name, value in refusal.headers.items():
        response[name] = value
    # Django would write a line of its own for every refusal; ``refusals`` has written ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _json(body: dict[str, Any], status: int) -> JsonResponse:
    # A project's DEFAULT_CHARSET would be the encoding otherwise; JSON is UTF-8 (RFC 8259).
    response = JsonResponse(body, status=status, charset="utf-8")
    response["Cache-Control"] = "no-store"
    return response
