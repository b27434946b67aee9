"""Judge a body by its headers, before it is read: type, charset, encoding, length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.exceptions import LengthRequired, PayloadTooLarge, UnsupportedMediaType

MAX_LENGTH_DIGITS = 18
"""Digits of a Content-Length that are read as a number; longer ones are too large anyway."""

_JSON_TYPE = re.compile(
    r'application/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?;?[ \t]*',
    re.ASCII | re.IGNORECASE,
)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)


def check(meta: Mapping[str, Any]) -> None:
    """Raise the refusal for a body that is not to be read (contract, section 2, check 3)."""
    if not _JSON_TYPE.fullmatch(str(meta.get("CONTENT_TYPE", ""))):
        raise UnsupportedMediaType
    if str(meta.get("HTTP_CONTENT_ENCODING", "")).lower() not in ("", "identity"):
        raise UnsupportedMediaType
    if _length(meta) > ingest_settings.MAX_BODY_BYTES:
        raise PayloadTooLarge


def _length(meta: Mapping[str, Any]) -> int:
    text = str(meta.get("CONTENT_LENGTH", ""))
    if meta.get("HTTP_TRANSFER_ENCODING") or not _DIGITS.fullmatch(text):
        raise LengthRequired
    digits = text.lstrip("0")
    if len(digits) > MAX_LENGTH_DIGITS:
        raise PayloadTooLarge
    return int(digits or "0")
