"""What may have been signed in the place of X-Timestamp as it was sent."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple

from django_iot_ingest import signing
from django_iot_ingest.doctor import spellings
from django_iot_ingest.doctor.clocks import zones
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, shown

NEAR = 120
"""Seconds before and after X-Timestamp that are searched."""

LATEST = 253_402_300_799
"""The last second of the year 9999."""

EARLIEST = 1_000_000_000

LONGEST_TIME = 20
"""Digits of a body's own time that are tried: nanoseconds have 19."""

_MILLISECONDS = (Mistake(Code.SIGNED_MILLISECONDS),)

_DIGITS = re.compile(r"[0-9]+", re.ASCII)


class Stamp(NamedTuple):
    """A time as bytes to try, and what makes it another thing than what was sent."""

    value: bytes
    mistakes: tuple[Mistake, ...] = ()


class Repaired(NamedTuple):
    """Unix seconds that a misspelled X-Timestamp means, and the mistake of spelling it so."""

    seconds: int
    mistake: Mistake


def repair(text: str) -> Repaired | None:
    """Return what X-Timestamp means, if it has another shape than unix seconds in ten digits."""
    bare = text.strip().strip("\"'")
    for read, code in _SPELLINGS:
        seconds = read(bare)
        if seconds is not None and 0 <= seconds < 10**10:
            return Repaired(seconds, Mistake(code, f"It is {shown(text)}."))
    return None


def told(text: str) -> str:
    """Return X-Timestamp as it may be shown: not if it is a signature, which may be a right one."""
    return "what looks like a signature" if spellings.readings(text) else shown(text)


def right_stamps(text: str) -> list[Stamp]:
    """Return the time as it was sent and, if it was sent in another shape, as it should have been.

    That shape is a mistake of its own, so neither is one here.
    """
    found = [Stamp(text.encode("latin-1", "replace"))]
    repaired = None if signing.TIMESTAMP_SHAPE.fullmatch(text) else repair(text)
    if repaired:
        found.append(Stamp(f"{repaired.seconds:010d}".encode()))
    return found


def wrong_stamps(text: str, body_time: object) -> list[Stamp]:
    """Return what else may have been signed, a few dozen; ``body_time`` is the body's own."""
    seconds = _seconds(text)
    seen = {stamp.value for stamp in right_stamps(text)}
    return _distinct(_spellings(text, seconds, body_time), seen)


def nearby(text: str) -> list[Stamp]:
    """Return other times than the one that was sent: ``NEAR`` to it, or a time zone away."""
    seconds = _seconds(text)
    if seconds is None:
        return []
    near = [away for size in range(1, NEAR + 1) for away in (-size, size)]
    found = [_other(seconds + away, seconds) for away in near]
    return found + [_other(seconds + zone, seconds, "a time zone away") for zone in zones()]


def milliseconds(text: str) -> list[Stamp]:
    """Return every millisecond of the second that was sent."""
    seconds = _seconds(text)
    if seconds is None:
        return []
    found = [Stamp(f"{seconds}{f:03d}".encode(), _MILLISECONDS) for f in range(1000)]
    return [stamp for stamp in found if stamp.value != text.encode("latin-1", "replace")]


def _distinct(stamps: Iterator[Stamp], seen: set[bytes]) -> list[Stamp]:
    found: dict[bytes, Stamp] = {}
    for stamp in stamps:
        if stamp.value not in seen:
            found.setdefault(stamp.value, stamp)
    return list(found.values())


def _seconds(text: str) -> int | None:
    if signing.TIMESTAMP_SHAPE.fullmatch(text):
        return int(text)
    repaired = repair(text)
    return repaired.seconds if repaired else None


def _spellings(text: str, seconds: int | None, body_time: object) -> Iterator[Stamp]:
    own = body_time if isinstance(body_time, int) and not isinstance(body_time, bool) else None
    if own is not None and seconds is not None and abs(own) < 10**LONGEST_TIME:
        yield _other(own, seconds, "the body's own timestamp")
    for padded in (f"{text}\n", f"{text}\r\n", f" {text}", f"{text} ", f'"{text}"', text.strip()):
        yield _otherwise(padded)
    if seconds is None:
        return
    yield Stamp(f"{seconds}000".encode(), _MILLISECONDS)
    for spelled in (
        str(seconds),
        f"{seconds}.0",
        f"{seconds}.000",
        f"{seconds:.6e}",
        f"{seconds:x}",
    ):
        yield _otherwise(spelled)
    for spelled in _dates(seconds):
        yield _otherwise(spelled)
    for form in (">q", "<q", ">I", "<I"):
        told = f"It was signed as a binary number of {struct.calcsize(form)} bytes."
        packed = struct.pack(form, seconds % 2**32)
        yield Stamp(packed, (Mistake(Code.SIGNED_TIMESTAMP_OTHERWISE, told),))


def _otherwise(spelled: str) -> Stamp:
    mistake = Mistake(Code.SIGNED_TIMESTAMP_OTHERWISE, f"It was signed as {shown(spelled)}.")
    return Stamp(spelled.encode("latin-1", "replace"), (mistake,))


def _dates(seconds: int) -> Iterator[str]:
    moment = datetime.fromtimestamp(min(seconds, LATEST), UTC)
    plain = moment.strftime("%Y-%m-%dT%H:%M:%S")
    for fraction in ("", ".000", ".000000"):
        for zone in ("Z", "+00:00", ""):
            yield f"{plain}{fraction}{zone}"
    yield plain.replace("T", " ")
    yield moment.strftime("%Y%m%dT%H%M%SZ")
    yield format_datetime(moment, usegmt=True)


def _other(signed: int, sent: int, told: str = "") -> Stamp:
    away = f"{abs(signed - sent)} s {'later' if signed > sent else 'earlier'}"
    more = f", {told}" if told else ""
    evidence = f"{signed} was signed, {sent} was sent: {away}{more}."
    return Stamp(str(signed).encode(), (Mistake(Code.SIGNED_OTHER_TIMESTAMP, evidence),))


def _from_fraction(bare: str) -> int | None:
    whole, point, fraction = bare.partition(".")
    is_one = point and _DIGITS.fullmatch(whole) and _DIGITS.fullmatch(fraction or "0")
    return int(whole) if is_one and len(whole) <= 10 else None


def _from_fine_unit(bare: str) -> int | None:
    """Read milliseconds, microseconds or nanoseconds: 13, 16 or 19 digits."""
    is_fine = len(bare) in (13, 16, 19) and _DIGITS.fullmatch(bare)
    return int(bare[:10]) if is_fine else None


def _from_date(bare: str) -> int | None:
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def _from_digits(bare: str) -> int | None:
    """Read ten digits of any script, or with a sign: what is spelled right but for what was bare."""
    digits = bare.removeprefix("+").replace("_", "")
    if not digits.isdecimal() or len(digits) > 10:
        return None
    return int(digits) if int(digits) >= EARLIEST else None


_SPELLINGS = (
    (_from_fine_unit, Code.TIMESTAMP_MILLISECONDS),
    (_from_fraction, Code.TIMESTAMP_FRACTION),
    (_from_digits, Code.TIMESTAMP_BLANKS),
    (_from_date, Code.TIMESTAMP_DATE),
)
