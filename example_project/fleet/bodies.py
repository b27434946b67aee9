"""Read the body of a log-in request: any bytes at all come in."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

MAX_LENGTH = 4096
"""Longest value, in characters: nobody's password, nobody's token."""


class UnusableBody(Exception):
    """The body is not one JSON object with the texts that are needed."""


def read_texts(request: HttpRequest, names: Iterable[str]) -> list[str]:
    """Return the texts of those names from a JSON object; ``UnusableBody`` otherwise."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError, RequestDataTooBig):
        raise UnusableBody from None
    if not isinstance(body, dict):
        raise UnusableBody
    return [_text(body.get(name)) for name in names]


def _text(value: object) -> str:
    """Return a text that every database and every hash takes: no NUL, no lone surrogates."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LENGTH or "\0" in value:
        raise UnusableBody
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnusableBody from None
    return value
