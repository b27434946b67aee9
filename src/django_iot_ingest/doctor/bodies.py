"""What may have been signed in the place of the body that was sent."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
import unicodedata
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from django_iot_ingest.doctor import rewritings
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake

LONGEST_UNPACKED = 4_000_000
"""Bytes that a packed body may become."""

LINE_ENDS = {b"\n": "LF", b"\r\n": "CR LF", b"\r": "CR", b" ": "a blank", b"\0": "NUL"}

CHARSETS = ("utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-32")
"""What a text may be encoded in by accident; ``utf-16`` begins with a byte order mark."""


class Body(NamedTuple):
    """Bytes to try, and what makes them another thing than the body that was sent."""

    value: bytes
    mistakes: tuple[Mistake, ...] = ()


def wrong_bodies(body: bytes) -> list[Body]:
    """Return what may have been signed instead of ``body``, none twice."""
    seen = {body}
    found = []
    for value, mistake in _variants(body):
        if value not in seen:
            seen.add(value)
            found.append(Body(value, (mistake,)))
    return found


def _variants(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    yield from _ends(body)
    yield from _marks(body)
    yield from _packed(body)
    yield from _rewritten(body)
    yield from _charsets(body)
    yield from _digested(body)


def _ends(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    """Yield the body with and without a line end, and with other line ends."""
    for end, name in LINE_ENDS.items():
        yield body + end, Mistake(Code.NEWLINE_SIGNED, f"It is {name}, at the end.")
    for end in (b"\r\n", b"\n", b"\r"):
        if body.endswith(end):
            told = f"It is {LINE_ENDS[end]}, at the end."
            yield body.removesuffix(end), Mistake(Code.NEWLINE_SENT, told)
    yield body.strip(), Mistake(Code.NEWLINE_SENT, "White space is around the body that was sent.")
    unix = body.replace(b"\r\n", b"\n")
    for value, told in ((unix, "LF"), (unix.replace(b"\n", b"\r\n"), "CR LF")):
        yield value, Mistake(Code.LINE_ENDS, f"Lines ended with {told} when it was signed.")
    without = body.replace(b"\r", b"").replace(b"\n", b"")
    yield without, Mistake(Code.LINE_ENDS, "It was signed without line ends, and sent with them.")


def _marks(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    if body.startswith(codecs.BOM_UTF8):
        told = "The signature is over the body without it."
        yield body.removeprefix(codecs.BOM_UTF8), Mistake(Code.BOM_SENT, told)
    yield codecs.BOM_UTF8 + body, Mistake(Code.BOM_SIGNED)


def _packed(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    """Yield what a packed body holds: the signature may be over that."""
    unpacked = unpack(body)
    if unpacked:
        told = "The signature is over what was packed."
        yield unpacked, Mistake(Code.BODY_COMPRESSED, told)


def unpack(body: bytes) -> bytes | None:
    """Return what gzip or zlib has packed, at most ``LONGEST_UNPACKED`` bytes, or None."""
    wbits = 31 if body.startswith(b"\x1f\x8b") else 15 if body[:1] == b"\x78" else 0
    if not wbits:
        return None
    try:
        return zlib.decompressobj(wbits).decompress(body, LONGEST_UNPACKED)
    except zlib.error:
        return None


def _rewritten(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    for value, told in rewritings.of(body):
        yield value, Mistake(Code.REENCODED_JSON, told)


def _charsets(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    """Yield the same text in other charsets, whichever it was sent in."""
    text = _decoded(body, "utf-8")
    if text is None:
        yield from _made_utf8(body)
        return
    for name in CHARSETS:
        value = _encoded(text, name)
        yield value, Mistake(Code.CHARSET_SIGNED, f"It was signed in {name.upper()}.")
    for name in ("latin-1", "cp1252"):
        twice = (_decoded(body, name) or text).encode()
        yield twice, Mistake(Code.CHARSET_SIGNED, f"UTF-8 was taken for {name.upper()} first.")
    for form in ("NFC", "NFD"):
        value = unicodedata.normalize(form, text).encode()
        yield value, Mistake(Code.CHARSET_SIGNED, f"Its letters were in Unicode's form {form}.")
    value = text.encode("ascii", "replace")
    yield value, Mistake(Code.CHARSET_SIGNED, "Each other letter than ASCII's became a ?.")


def _made_utf8(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    for name in CHARSETS:
        text = _decoded(body, name)
        if text is not None:
            told = f"It is {name.upper()}; the signature is over UTF-8."
            yield text.encode("utf-8", "surrogatepass"), Mistake(Code.BODY_NOT_UTF8, told)
    value = body.decode("utf-8", "replace").encode()
    yield value, Mistake(Code.BODY_NOT_UTF8, "It was signed with U+FFFD where bytes are no UTF-8.")


def _decoded(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeDecodeError:
        return None


def _encoded(text: str, name: str) -> bytes:
    """Return a text in a charset; what that does not have becomes a question mark, as elsewhere."""
    return text.encode(name, "replace")


def _digested(body: bytes) -> Iterator[tuple[bytes, Mistake]]:
    """Yield what schemes of others sign: a digest or an encoding of the body."""
    digest = hashlib.sha256(body)
    for value, told in (
        (digest.hexdigest().encode(), "its SHA-256 in hexadecimal digits"),
        (digest.digest(), "its SHA-256"),
        (base64.b64encode(digest.digest()), "its SHA-256 in Base64"),
        (hashlib.md5(body, usedforsecurity=False).hexdigest().encode(), "its MD5"),
        (base64.b64encode(body), "the body in Base64"),
        (body.hex().encode(), "the body in hexadecimal digits"),
    ):
        yield value, Mistake(Code.DIGEST_SIGNED, f"It is {told}.")
    yield gzip.compress(body, mtime=0), Mistake(Code.DIGEST_SIGNED, "It is the body packed (gzip).")
