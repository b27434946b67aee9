"""The id of a refused request: it says by itself when it was given, and for what reason.

A UUID of version 8 (RFC 9562, section 5.8), as 32 hex digits: 48 bits of unix milliseconds, then
the reason's place in ``REASONS``, then 62 random bits. So an id leads to its line in the log, and
``iot_doctor`` understands it, even where nothing was kept of the request.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from typing import NamedTuple

REASONS = (
    "",
    "METHOD_NOT_ALLOWED",
    "IP_NOT_ALLOWED",
    "UNSUPPORTED_MEDIA_TYPE",
    "LENGTH_REQUIRED",
    "PAYLOAD_TOO_LARGE",
    "INVALID_SIGNATURE",
    "NOT_AUTHENTICATED",
    "NOT_PERMITTED",
    "STALE_TIMESTAMP",
    "INVALID_JSON",
    "UNKNOWN_TYPE",
    "INVALID_PAYLOAD",
    "TEMPORARILY_UNAVAILABLE",
)
"""By number; 0 is a reason of the host's own. Ids outlive a release: only ever add at the end."""

_SHAPE = re.compile(r"[0-9a-f]{12}8[0-9a-f]{3}[89ab][0-9a-f]{15}", re.ASCII)
_VERSION, _VARIANT = 8, 0b10
_END = 253_402_300_800_000
"""The millisecond at which the year 9999 is over: 48 bits go further, and no date does."""


class RequestId(NamedTuple):
    """When (aware, UTC, to the millisecond) and why a request was refused; the reason may be empty."""

    at: datetime
    reason: str


def new(reason: str, at: float | None = None) -> str:
    """Return the id of a request that is refused for ``reason``, ``at`` unix seconds (now)."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    number = REASONS.index(reason) if reason in REASONS else 0
    head = milliseconds << 16 | _VERSION << 12 | number
    return f"{head << 64 | _VARIANT << 62 | secrets.randbits(62):032x}"


def read(text: str) -> RequestId | None:
    """Return what an id says, or None if it is none of ours; dashes and blanks do not count."""
    digits = text.strip().replace("-", "").lower()
    if not _SHAPE.fullmatch(digits):
        return None
    number, milliseconds = int(digits[13:16], 16), int(digits[:12], 16)
    if milliseconds >= _END:
        return None
    reason = REASONS[number] if number < len(REASONS) else ""
    return RequestId(datetime.fromtimestamp(milliseconds / 1000, UTC), reason)
