"""A kept body as a text that can be looked at, whatever bytes it has."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from django_iot_ingest import strict_json
from django_iot_ingest.exceptions import InvalidJson

MOST_READ = 1024 * 1024
"""Bytes of a body that is read as JSON; of a longer one the beginning is shown as it is."""

MOST_SHOWN = 50_000
"""Characters that are shown; all of them can be downloaded."""

EMPTY = _("The body is empty.")
INDENTED = _("JSON, indented for reading.")
AS_SENT = _("No JSON of one meaning: shown as it was sent.")
NOT_UTF8 = _("Not all of it is UTF-8: such bytes are shown as \\xNN.")
LONG = _("Too long to be indented: shown as it was sent.")

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Controls, marks that turn the direction of writing, lone surrogates: what would hide, or make a
text look like another."""


@dataclass(frozen=True, slots=True)
class ShownBody:
    """What is shown of a body, what was done to it (``note``), and its whole length in bytes."""

    text: str
    note: str
    length: int
    is_cut: bool


def shown(body: bytes) -> ShownBody:
    """Return what is shown of a body."""
    text, note = _read(body)
    visible = _INVISIBLE.sub(_escaped, text[:MOST_SHOWN])
    is_cut = len(text) > MOST_SHOWN or (note is LONG and len(body) > MOST_SHOWN)
    return ShownBody(visible, str(note), len(body), is_cut)


def _read(body: bytes) -> tuple[str, object]:
    if not body:
        return "", EMPTY
    if len(body) > MOST_READ:
        # At most four bytes make a character.
        return body[: 4 * MOST_SHOWN].decode("utf-8", "backslashreplace"), LONG
    try:
        # Two names that are equal would become one by a laxer reader.
        value = strict_json.loads(body)
    except InvalidJson:
        return _as_sent(body)
    return json.dumps(value, ensure_ascii=False, indent=2), INDENTED


def _as_sent(body: bytes) -> tuple[str, object]:
    try:
        return body.decode("utf-8"), AS_SENT
    except UnicodeDecodeError:
        return body.decode("utf-8", "backslashreplace"), NOT_UTF8


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
