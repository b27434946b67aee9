"""What may have been used as the key in the place of a secret."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from django_iot_ingest import signing
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Mistake

AROUND = {
    "a line end (LF) after it": ("", "\n"),
    "a line end (CR LF) after it": ("", "\r\n"),
    "a blank after it": ("", " "),
    "a blank before it": (" ", ""),
    'double quotes (") around it': ('"', '"'),
    "single quotes (') around it": ("'", "'"),
    "a NUL after it": ("", "\0"),
}
"""What gets around a secret where it is kept: a file, an environment, a YAML."""


class Key(NamedTuple):
    """One key to try: the bytes, the position of its secret, and what was done to that."""

    value: bytes
    position: int
    mistakes: tuple[Mistake, ...] = ()


def right_keys(secrets: tuple[str, ...]) -> list[Key]:
    """Return the secrets as they should be used: UTF-8, nothing else."""
    return [Key(s.encode(), at) for at, s in enumerate(secrets) if signing.is_key(s)]


def wrong_keys(secrets: tuple[str, ...]) -> list[Key]:
    """Return what else a sender may make of each secret, none twice and none that is right."""
    seen = {key.value for key in right_keys(secrets)}
    found = []
    for at, secret in enumerate(secrets):
        for value, mistake in _variants(secret) if signing.is_key(secret) else ():
            if value not in seen:
                seen.add(value)
                found.append(Key(value, at, (mistake,)))
    return found


def _variants(secret: str) -> Iterator[tuple[bytes, Mistake]]:
    yield from _decoded(secret)
    for what, (before, after) in AROUND.items():
        evidence = f"The key has {what}."
        yield f"{before}{secret}{after}".encode(), Mistake(Code.SECRET_PADDED, evidence)
    for bare in (secret.strip(), secret.strip("\"'"), secret.strip().strip("\"'")):
        yield bare.encode(), Mistake(Code.SECRET_TRIMMED)
    for name in ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le"):
        evidence = f"The key is the secret in {name.upper()}."
        yield secret.encode(name), Mistake(Code.SECRET_CHARSET, evidence)
    yield from _hashed(secret.encode())
    for cased in (secret.lower(), secret.upper()):
        yield cased.encode(), Mistake(Code.SECRET_CASE)
    yield base64.b64encode(secret.encode()), Mistake(Code.SECRET_ENCODED, "As Base64.")
    yield secret.encode().hex().encode(), Mistake(Code.SECRET_ENCODED, "As hexadecimal digits.")
    yield b"", Mistake(Code.SECRET_EMPTY)


def _decoded(secret: str) -> Iterator[tuple[bytes, Mistake]]:
    """Yield the bytes that a secret would stand for if it were an encoding of something."""
    with suppress(ValueError):
        yield bytes.fromhex(secret.strip()), Mistake(Code.SECRET_HEX_DECODED)
    digits = secret.strip().rstrip("=").replace("-", "+").replace("_", "/")
    padded = digits + "=" * (-len(digits) % 4)
    with suppress(ValueError):
        yield base64.b64decode(padded, validate=True), Mistake(Code.SECRET_BASE64_DECODED)
    # Lenient decoders leave out what is no Base64, and what is over at the end.
    usable = "".join(c for c in digits if c.isascii() and (c.isalnum() or c in "+/"))
    usable = usable[: len(usable) - (len(usable) % 4 == 1)]
    lenient = base64.b64decode(usable + "=" * (-len(usable) % 4))
    yield lenient, Mistake(Code.SECRET_BASE64_DECODED, "What is no Base64 in it was left out.")


def _hashed(secret: bytes) -> Iterator[tuple[bytes, Mistake]]:
    digest = hashlib.sha256(secret)
    yield digest.digest(), Mistake(Code.SECRET_HASHED, "As 32 bytes.")
    yield digest.hexdigest().encode(), Mistake(Code.SECRET_HASHED, "As hexadecimal digits.")
