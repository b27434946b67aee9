"""What is wrong with the headers and the address of one request. Knows no settings."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django_iot_ingest import signing
from django_iot_ingest.doctor import stamps
from django_iot_ingest.doctor.captured import CapturedRequest
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, shown

TIMESTAMP, SIGNATURE = "X-Timestamp", "X-Signature"

ONLY_ONCE = (TIMESTAMP, SIGNATURE, "Content-Type", "Content-Length", "Authorization")

LONGEST_LENGTH = 18
"""Digits of a Content-Length that are read; what is longer is too large in any case."""

SCHEMES = ("basic", "bearer", "digest", "jwt", "token", "apikey", "negotiate")
"""First words of Authorization that may be shown; any other may be a token."""

_JSON = re.compile(r"application/json\s*(?:;|$)", re.ASCII | re.IGNORECASE)
_BEARER = re.compile(r"bearer ([\x21-\x7e]+)", re.ASCII | re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_OTHER_NAMES = re.compile(r"sign|hmac|(?:time)?stamp", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment expects, beside the contract: bytes, seconds, the endpoint's path."""

    timeout: int = 300
    max_body_bytes: int = 262_144
    path: str = ""


def judge(request: CapturedRequest, now: float, rules: Rules) -> Iterator[Mistake]:
    """Yield what is wrong, in the order of the contract's checks."""
    yield from _address(request, rules)
    yield from _content_type(request)
    yield from _compression(request)
    yield from _size(request, rules)
    yield from _twice(request)
    if not request.is_verified:
        yield from _signed_headers(request)
    yield from _bearer(request, now)


def swapped(request: CapturedRequest) -> bool:
    """Return whether each of the two headers holds what belongs into the other."""
    timestamp, signature = request.one(TIMESTAMP), request.one(SIGNATURE)
    return signing.has_valid_shape(signature, timestamp)


def _address(request: CapturedRequest, rules: Rules) -> Iterator[Mistake]:
    if request.method != "POST":
        yield Mistake(Code.NOT_POST, f"It is {shown(request.method)}.")
    path = request.path
    if path.endswith("/") and path != "/":
        yield Mistake(Code.URL_TRAILING_SLASH, f"It is {shown(path)}.")
    elif path and rules.path and path != rules.path:
        yield Mistake(Code.URL_WRONG, f"It is {shown(path)}, the endpoint is {shown(rules.path)}.")


def _content_type(request: CapturedRequest) -> Iterator[Mistake]:
    value = request.one("Content-Type")
    if value is None:
        if request.is_whole:
            yield Mistake(Code.CONTENT_TYPE_MISSING)
    elif not _JSON.match(value):
        yield Mistake(Code.CONTENT_TYPE_WRONG, f"It is {shown(value)}.")
    elif not _is_accepted(value):
        yield Mistake(Code.CONTENT_TYPE_CHARSET, f"It is {shown(value)}.")


def _is_accepted(value: str) -> bool:
    """Return whether the parameters are those that the contract allows; see ``content``."""
    shape = r'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?;?[ \t]*'
    return re.fullmatch(shape, value, re.ASCII | re.IGNORECASE) is not None


def _compression(request: CapturedRequest) -> Iterator[Mistake]:
    value = request.one("Content-Encoding")
    if value is not None and value.lower() not in ("", "identity"):
        yield Mistake(Code.BODY_COMPRESSED, f"Content-Encoding is {shown(value)}.")


def _size(request: CapturedRequest, rules: Rules) -> Iterator[Mistake]:
    length = request.one("Content-Length")
    if request.one("Transfer-Encoding"):
        yield Mistake(Code.LENGTH_MISSING, "Transfer-Encoding is there.")
    elif length is None and request.is_whole:
        yield Mistake(Code.LENGTH_MISSING)
    elif length is not None and not _DIGITS.fullmatch(length):
        yield Mistake(Code.LENGTH_INVALID, f"It is {shown(length)}.")
    size = max(len(request.body), declared_length(request) or 0)
    if size > rules.max_body_bytes:
        yield Mistake(Code.BODY_TOO_LARGE, f"{size} bytes; {rules.max_body_bytes} are read.")


def declared_length(request: CapturedRequest) -> int | None:
    """Return Content-Length, or None if it is not there or cannot be a length."""
    length = request.one("Content-Length")
    if length is None or not _DIGITS.fullmatch(length):
        return None
    digits = length.lstrip("0") or "0"
    return int(digits) if len(digits) <= LONGEST_LENGTH else 10**LONGEST_LENGTH


def _twice(request: CapturedRequest) -> Iterator[Mistake]:
    for name in ONLY_ONCE:
        if len(request.all(name)) > 1:
            yield Mistake(Code.HEADER_TWICE, f"{name} is there {len(request.all(name))} times.")


def _signed_headers(request: CapturedRequest) -> Iterator[Mistake]:
    if swapped(request):
        yield Mistake(Code.HEADERS_SWAPPED)
        return
    for name, code in (
        (TIMESTAMP, Code.TIMESTAMP_MISSING),
        (SIGNATURE, Code.SIGNATURE_MISSING),
    ):
        if not request.one(name):
            yield _missing(request, name, code)
    timestamp = request.one(TIMESTAMP)
    if timestamp and len(request.all(TIMESTAMP)) == 1:
        yield from _timestamp(timestamp)


def _missing(request: CapturedRequest, name: str, code: Code) -> Mistake:
    """Return that a header is missing or empty, or that it has another name."""
    if request.one(name) is not None:
        return Mistake(code, "The header is there, and empty.")
    others = [n for n in request.names() if n.lower() not in (TIMESTAMP.lower(), SIGNATURE.lower())]
    kin = [n for n in others if _OTHER_NAMES.search(n)]
    near = get_close_matches(name.lower(), [n.lower() for n in kin], n=1, cutoff=0.5)
    if not near:
        return Mistake(code)
    written = next(n for n in kin if n.lower() == near[0])
    return Mistake(Code.HEADER_MISNAMED, f"There is {shown(written)}, where {name} is expected.")


def _timestamp(text: str) -> Iterator[Mistake]:
    if signing.TIMESTAMP_SHAPE.fullmatch(text):
        return
    repaired = stamps.repair(text)
    yield (
        repaired.mistake
        if repaired
        else Mistake(Code.TIMESTAMP_MALFORMED, f"It is {stamps.told(text)}.")
    )


def _bearer(request: CapturedRequest, now: float) -> Iterator[Mistake]:
    header = request.one("Authorization")
    if header is None:
        if request.is_whole:
            yield Mistake(Code.BEARER_MISSING)
        return
    match = _BEARER.fullmatch(header)
    if match is None:
        scheme = header.split(" ")[0]
        is_known = scheme.strip(":").lower() in SCHEMES
        told = f"It begins with {shown(scheme)}." if is_known else "It begins with no known word."
        yield Mistake(Code.BEARER_MALFORMED, told)
        return
    expires = _expiry(match[1])
    if expires is not None and expires <= now:
        yield Mistake(Code.BEARER_EXPIRED, f"By its own claim, {int(now - expires)} s before.")


def _expiry(token: str) -> float | None:
    """Return the claim ``exp`` of a JWT, which nobody has verified here, or None."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        expires = float(claims["exp"])
        return expires if math.isfinite(expires) else None
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
