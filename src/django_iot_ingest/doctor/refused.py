"""Requests that were refused here: what is kept of them, and what an id says by itself."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django_iot_ingest import captures
from django_iot_ingest.database import alias
from django_iot_ingest.doctor.captured import CapturedRequest
from django_iot_ingest.models import IngestEvent, RefusedRequest
from django_iot_ingest.request_ids import RequestId
from django_iot_ingest.times import aware

UNSIGNED = "INVALID_SIGNATURE"
"""The one reason for which something is kept before the signature held."""

KEPT_REASONS = frozenset(refusal.error for refusal in captures.REASONS)

NOTHING_KEPT = (
    "Nothing is kept of it: of senders whose bearer token does not hold nothing ever is, of the "
    f"others {captures.MOST_A_MINUTE} a minute by each process, and the newest {captures.KEPT} in all."
)


class Kept(NamedTuple):
    """A request as it was kept, when it came, and what it was refused for."""

    request: CapturedRequest
    at: float
    reason: str
    told: str


def kept(request_id: str) -> Kept | None:
    """Return what is kept under an id, if anything is."""
    digits = request_id.strip().replace("-", "").lower()
    row = RefusedRequest.objects.using(alias()).filter(request_id=digits).first()
    return None if row is None else of_row(row)


def nearest(said: RequestId) -> Kept | None:
    """Return the request kept for the same reason that came nearest to a time, if there is one."""
    rows = RefusedRequest.objects.using(alias()).filter(reason=said.reason)
    found = list(rows.order_by("-received_at")[:1000].values_list("pk", "received_at"))
    if not found or not said.reason:
        return None
    pk, _ = min(found, key=lambda one: abs((aware(one[1]) - said.at).total_seconds()))
    row = rows.filter(pk=pk).first()
    return None if row is None else of_row(row)


def of_row(row: RefusedRequest) -> Kept:
    """Return the request that a row keeps."""
    headers = row.headers if isinstance(row.headers, dict) else {}
    request = CapturedRequest(
        bytes(row.body),
        tuple((str(name), str(value)) for name, value in headers.items()),
        is_whole=False,
        is_verified=row.reason != UNSIGNED,
    )
    return Kept(request, _seconds(row.received_at), row.reason, f"request {row.request_id}")


def of_event(event: IngestEvent) -> Kept:
    """Return the request of a row of the inbox; only signed ones have one."""
    headers = (("X-Timestamp", str(event.signed_at)),)
    request = CapturedRequest(bytes(event.body), headers, is_whole=False, is_verified=True)
    told = f"event {event.pk} of the inbox, {event.state}"
    reason = event.last_error_code if event.state == IngestEvent.State.REFUSED else ""
    return Kept(request, _seconds(event.received_at), reason, told)


def without_trace(request_id: str, said: RequestId) -> list[str]:
    """Return what can be told of a request of which nothing is kept."""
    reason = said.reason or "a reason of the host's own"
    is_of_kind = said.reason in KEPT_REASONS
    nothing = NOTHING_KEPT if is_of_kind else "Nothing is ever kept of what is refused for this."
    return [
        f"Request {request_id} was refused at {said.at:%Y-%m-%d %H:%M:%S.%f} UTC: {reason}.",
        nothing,
        *log_lines(request_id, said.reason),
    ]


def log_lines(request_id: str, reason: str) -> list[str]:
    """Return how to find a refusal in the log."""
    pattern = f"StationDataInternalView refused.*{reason}, request"
    return [
        f'In the log: grep "request {request_id}"',
        (
            f'If that finds nothing: grep "{pattern}". Of one reason each process logs one line a minute; '
            "the last one at or before that time is less than a minute older, and the next counts it."
        ),
    ]


def _seconds(moment: datetime) -> float:
    return aware(moment).timestamp()
