"""Sign and verify bytes. Knows neither Django nor settings.

``X-Signature`` is the standard Base64 of HMAC-SHA256 over the raw body followed by the timestamp
text, keyed with the secret as UTF-8 (contract, section 2). There is no delimiter between the two;
since the timestamp is always exactly ten digits, the split is unambiguous all the same.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import TypeGuard

TIMESTAMP_SHAPE = re.compile(r"[0-9]{10}", re.ASCII)
"""Unix seconds: exactly ten ASCII digits."""

SIGNATURE_SHAPE = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
"""32 bytes in standard Base64."""


def sign(body: bytes, timestamp: str | int, secret: str) -> str:
    """Return the ``X-Signature`` of ``body`` for ``timestamp``: 44 ASCII characters.

    ``timestamp`` is unix seconds, as text or as a whole number, and is signed as it is sent.
    """
    message = body + str(timestamp).encode()
    # binascii and not base64, which is written in Python and would name the digest in its frame.
    return binascii.b2a_base64(
        hmac.digest(secret.encode(), message, hashlib.sha256), newline=False
    ).decode("ascii")


def verify(body: bytes, timestamp: str, signature: str, secrets: Iterable[str]) -> bool:
    """Return whether ``signature`` was made with one of ``secrets``. Never raises for any text."""
    return matching_secret(body, timestamp, signature, secrets) is not None


def matching_secret(
    body: bytes, timestamp: str, signature: str, secrets: Iterable[str]
) -> int | None:
    """Return the position of the secret that made ``signature``, or None.

    Every secret is tried, and the canonical texts are compared in constant time, so the time taken
    tells nothing. The expected text is never bound to a name: no traceback can show it.
    """
    if not has_valid_shape(timestamp, signature) or isinstance(secrets, str):
        return None
    matches = [
        is_key(secret) and hmac.compare_digest(sign(body, timestamp, secret), signature)
        for secret in secrets
    ]
    return matches.index(True) if any(matches) else None


def has_valid_shape(timestamp: object, signature: object) -> bool:
    """Return whether both header values look like what a gateway sends."""
    return (
        isinstance(timestamp, str)
        and isinstance(signature, str)
        and TIMESTAMP_SHAPE.fullmatch(timestamp) is not None
        and SIGNATURE_SHAPE.fullmatch(signature) is not None
    )


def is_key(secret: object) -> TypeGuard[str]:
    """Return whether a secret can be a key: text, not empty (anybody has that), fit for UTF-8."""
    if not isinstance(secret, str) or not secret:
        return False
    try:
        secret.encode()
    except UnicodeEncodeError:
        return False
    return True
