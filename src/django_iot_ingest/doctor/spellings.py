"""How the text of X-Signature may be read: each reading is a tag, and the mistakes of writing it so.

Nothing is tried here: what the text is made of tells how it was made.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, counted

TAG_LENGTHS = (32, 20, 64, 16, 48, 28)
"""Bytes of a tag, the right length first: SHA-256, SHA-1, SHA-512, MD5, SHA-384, SHA-224."""

LONGEST = 1024
"""Characters of a signature that are looked at."""

SHORTEST_CUT = 9
"""Bytes of a cut tag that are enough to know it by."""

DEPTH = 2
"""Times that one encoding may lie in another."""

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,3}", re.ASCII)
_PREFIX = re.compile(
    r"(?:(?:t=[0-9]+,)?(?:v[0-9]+|sha-?(?:1|224|256|384|512)|md5|hmac(?:[-_]?sha-?[0-9]+)?|signature)"
    r"\s*[=:]|hmac(?:-?sha-?[0-9]+)?\s)\s*",
    re.ASCII | re.IGNORECASE,
)
_QUOTES = "\"'`"


class Reading(NamedTuple):
    """The bytes that a signature stands for, and what is wrong with its spelling."""

    tag: bytes
    mistakes: tuple[Mistake, ...]


def readings(text: str) -> list[Reading]:
    """Return every way to read a signature, the likeliest first; none if it cannot be one."""
    bare, mistakes = _unwrapped(text[:LONGEST])
    found: dict[bytes, Reading] = {}
    for tag, more in _decoded(bare, DEPTH):
        found.setdefault(tag, Reading(tag, (*mistakes, *more)))
    usual = [one for one in found.values() if len(one.tag) in TAG_LENGTHS]
    cut = [one for one in found.values() if SHORTEST_CUT <= len(one.tag) < TAG_LENGTHS[0]]
    return sorted(usual or cut, key=lambda one: len(one.mistakes))


def _unwrapped(text: str) -> tuple[str, tuple[Mistake, ...]]:
    """Return a signature without what stands around or between its characters."""
    mistakes = []
    for code, strip in _WRAPPINGS:
        bare = strip(text)
        if bare != text:
            mistakes.append(Mistake(code))
            text = bare
    return text, tuple(mistakes)


def _without_percent(text: str) -> str:
    return unquote(text) if re.search(r"%[0-9A-Fa-f]{2}", text) else text


def _without_quotes(text: str) -> str:
    text = text.strip()
    return text.strip(_QUOTES) if text[:1] in _QUOTES else text


def _without_prefix(text: str) -> str:
    return _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text


def _with_plus(text: str) -> str:
    """Return Base64 with its plus signs, which the decoding of a form makes blanks of."""
    text = text.strip("\r\n")
    is_lost = " " in text and re.fullmatch(r"[A-Za-z0-9/ ]{43}=", text) is not None
    return text.replace(" ", "+") if is_lost else text


def _without_blanks(text: str) -> str:
    return re.sub(r"(?:\s|\\r|\\n)+", "", text)


_WRAPPINGS = (
    (Code.SIGNATURE_PERCENT_ENCODED, _without_percent),
    (Code.SIGNATURE_QUOTES, _without_quotes),
    (Code.SIGNATURE_PREFIX, _without_prefix),
    (Code.SIGNATURE_PLUS_LOST, _with_plus),
    (Code.SIGNATURE_BLANKS, _without_blanks),
)


def _decoded(text: str, depth: int) -> Iterator[tuple[bytes, tuple[Mistake, ...]]]:
    """Yield what a text stands for: as Base64, as hex, and as one in the other."""
    if not depth or not text:
        return
    if _HEX.fullmatch(text):
        yield bytes.fromhex(text), (Mistake(Code.SIGNATURE_HEX, _letters(text)),)
    tag = _from_base64(text)
    if tag is None:
        return
    mistakes = _base64_mistakes(text, tag)
    yield tag, mistakes
    for inner, more in _decoded(_as_text(tag), depth - 1):
        is_hex = more[0].code == Code.SIGNATURE_HEX if more else False
        code = Code.SIGNATURE_BASE64_OF_HEX if is_hex else Code.SIGNATURE_TWICE_BASE64
        rest = more[1:] if is_hex else more
        yield inner, (*mistakes, Mistake(code, more[0].evidence if is_hex else ""), *rest)


def _letters(text: str) -> str:
    case = "upper" if text == text.upper() else "lower" if text == text.lower() else "mixed"
    return (
        f"{len(text)} hexadecimal digits, {case} case, that is {counted(len(text) // 2, 'byte')}."
    )


def _from_base64(text: str) -> bytes | None:
    if not _BASE64.fullmatch(text):
        return None
    digits = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        return None


def _base64_mistakes(text: str, tag: bytes) -> tuple[Mistake, ...]:
    """Return what is wrong with Base64 whose bytes can be told all the same."""
    mistakes = []
    digits = text.rstrip("=")
    if "-" in digits or "_" in digits:
        mistakes.append(Mistake(Code.SIGNATURE_URL_SAFE))
    canonical = base64.b64encode(tag).decode()
    if len(text) != len(canonical):
        evidence = f"{counted(len(text), 'character')}, where {len(canonical)} are expected."
        mistakes.append(Mistake(Code.SIGNATURE_PADDING, evidence))
    if digits.translate(str.maketrans("-_", "+/")) != canonical.rstrip("="):
        mistakes.append(Mistake(Code.SIGNATURE_LAST_CHARACTER))
    return tuple(mistakes)


def _as_text(tag: bytes) -> str:
    """Return a decoded text that may be encoded once more, or nothing."""
    try:
        return tag.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""
