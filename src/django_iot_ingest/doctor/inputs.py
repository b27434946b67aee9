"""What an operator gives to a command: files, standard input, headers on the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from django_iot_ingest.doctor import reading
from django_iot_ingest.doctor.captured import CapturedRequest


def read_bytes(name: str) -> bytes:
    """Return what a file holds, or standard input for ``-``; ``ValueError`` if it is too much."""
    if name == "-":
        data = sys.stdin.buffer.read(reading.LARGEST + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(reading.LARGEST + 1)
    if len(data) > reading.LARGEST:
        raise ValueError(f"{name} has more than {reading.LARGEST} bytes")
    return data


def parts(headers_file: str | None, headers: Sequence[str], body: str | None) -> CapturedRequest:
    """Return the request of a file of headers, single headers, and a body.

    It is whole, so that a header is missed, if Host is there: every request that is sent has that.
    """
    if body is None:
        raise ValueError("--body FILE is missing; - reads standard input")
    if headers_file is None and not headers:
        raise ValueError("--headers FILE is missing, or --header for each of them")
    if headers_file == body == "-":
        raise ValueError("standard input holds the headers or the body, not both")
    text = read_bytes(headers_file).decode("utf-8", "surrogateescape") if headers_file else ""
    request = reading.parts(headers, text, read_bytes(body), is_whole=False)
    is_whole = request.one("Host") is not None
    return CapturedRequest(request.body, request.headers, is_whole=is_whole)


def words(error: Exception) -> str:
    """Return what is wrong with an input, for an operator: a capture may name any file."""
    told = str(error)
    if isinstance(error, OSError):
        told = f"{error.filename or 'input'}: {error.strerror or type(error).__name__}"
    return "".join(letter if letter.isprintable() else "?" for letter in told)
