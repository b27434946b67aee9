"""Which function may have made a tag: its length tells most of it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake, counted

RIGHT = "sha256"
RIGHT_LENGTH = 32

BY_LENGTH = {
    16: ("md5",),
    20: ("sha1",),
    28: ("sha224",),
    32: ("sha256", "sha3_256", "sha512"),
    48: ("sha384",),
    64: ("sha512",),
}
"""Hash functions by the bytes of a tag, the likeliest first; SHA-512 may be cut to 32."""

NAMES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha3_256": "SHA3-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}


class Digest(NamedTuple):
    """One way from key and message to a tag; ``mistakes`` is empty for HMAC-SHA256 alone."""

    make: Callable[[bytes, bytes], bytes]
    mistakes: tuple[Mistake, ...] = ()


def digests(lengths: set[int]) -> list[Digest]:
    """Return what makes tags of these lengths."""
    found = []
    for length in sorted(lengths):
        found += _right(length)
        for name in BY_LENGTH.get(length, ()):
            found += _of(name, length)
    return found


def _right(length: int) -> list[Digest]:
    """Return HMAC-SHA256; of a shorter tag the start has to agree."""
    if length > RIGHT_LENGTH:
        return []
    told = f"The signature stands for {counted(length, 'byte')}; HMAC-SHA256 has {RIGHT_LENGTH}."
    cut = (Mistake(Code.SIGNATURE_CUT, told),) if length < RIGHT_LENGTH else ()
    return [Digest(partial(_hmac, RIGHT, length), cut)]


def _of(name: str, length: int) -> list[Digest]:
    """Return HMAC and what is taken for it, over one hash function."""
    other = () if name == RIGHT else (Mistake(Code.WRONG_DIGEST, _evidence(name, length)),)
    found = [Digest(partial(_hmac, name, length), other)] if other else []
    for told, make in _PLAIN.items():
        mistake = Mistake(Code.NOT_HMAC, f"It is {NAMES[name]} of {told}.")
        found.append(Digest(partial(make, name, length), (*other, mistake)))
    return found


def _evidence(name: str, length: int) -> str:
    cut = "" if hashlib.new(name, usedforsecurity=False).digest_size == length else ", cut"
    return f"{NAMES[name]} was used: {length} bytes{cut}."


def _hmac(name: str, length: int, key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, name)[:length]


def _key_first(name: str, length: int, key: bytes, message: bytes) -> bytes:
    return hashlib.new(name, key + message, usedforsecurity=False).digest()[:length]


def _key_last(name: str, length: int, key: bytes, message: bytes) -> bytes:
    return hashlib.new(name, message + key, usedforsecurity=False).digest()[:length]


def _no_key(name: str, length: int, key: bytes, message: bytes) -> bytes:
    return hashlib.new(name, message, usedforsecurity=False).digest()[:length]


_PLAIN = {
    "the secret followed by what was signed": _key_first,
    "what was signed followed by the secret": _key_last,
    "what was signed, without any secret": _no_key,
}
