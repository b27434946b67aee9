"""Read a request that somebody captured: raw HTTP, headers and body apart, or a curl command."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django_iot_ingest.doctor import curl
from django_iot_ingest.doctor.captured import CapturedRequest, with_headers
from django_iot_ingest.doctor.findings import counted

LARGEST = 16_000_000
"""Bytes of a capture that are read."""

LONGEST_HEAD = 256_000
"""Characters of headers that are read: servers take a quarter of that."""

LONGEST_CHUNK_LINE = 16

_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20}) (\S{1,8000}) HTTP/[0-9.]{1,5}", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def parse(data: bytes, read_file: curl.ReadFile) -> CapturedRequest:
    """Return the request that a capture holds; ``ValueError`` says why there is none in it."""
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        raise ValueError("the capture is empty")
    if curl.looks_like(text[:200].decode("latin-1")):
        return curl.parse(data.decode("utf-8", "surrogateescape").lstrip("\ufeff"), read_file)
    return raw(text)


def raw(data: bytes) -> CapturedRequest:
    """Return the request of a raw dump: a request line, headers, an empty line, the body."""
    split = _BLANK_LINE.search(data)
    head, body = (data[: split.start()], data[split.end() :]) if split else (data, b"")
    first, _, rest = head.partition(b"\n")
    line = _REQUEST_LINE.fullmatch(first.strip())
    if line is None:
        raise ValueError(
            "the capture has to begin with a request line such as POST /path HTTP/1.1, or with curl"
        )
    headers = tuple(header_lines(rest.decode("latin-1")))
    method, target = line[1].decode("ascii"), line[2].decode("latin-1")
    return CapturedRequest(_dechunked(headers, body), headers, method, target)


def header_lines(text: str) -> list[tuple[str, str]]:
    """Return the headers of lines ``Name: value``; a line that begins with a blank goes on.

    Blanks around a value are not part of it.
    """
    if len(text) > LONGEST_HEAD:
        raise ValueError(f"the headers have more than {LONGEST_HEAD} characters")
    found: list[tuple[str, str]] = []
    for line in re.split(r"\r?\n", text):
        if line[:1] in (" ", "\t") and found:
            name, value = found.pop()
            found.append((name, f"{value} {line.strip()}"))
        elif line.strip() and not _REQUEST_LINE.fullmatch(line.encode("latin-1", "replace")):
            found.append(header(line))
    return found


def header(line: str) -> tuple[str, str]:
    """Return the name and the value of one header; ``ValueError`` if it has none."""
    name, colon, value = line.partition(":")
    if not colon or not _NAME.fullmatch(name.strip()):
        # Not shown: it may be a token whose name was forgotten.
        told = counted(len(line), "character")
        raise ValueError(f"a line of {told} is no header such as X-Timestamp: 1795452778")
    return name.strip(), value.strip(" \t\r\n")


def parts(
    headers: Iterable[str], header_text: str, body: bytes, *, is_whole: bool
) -> CapturedRequest:
    """Return the request of a body and headers that are given apart from it."""
    found = header_lines(header_text) + [header(line) for line in headers]
    # From here on as a server has them: a terminal's UTF-8 is not what WSGI reads.
    as_sent = [(n, v.encode("utf-8", "surrogateescape").decode("latin-1")) for n, v in found]
    return with_headers(body, as_sent, is_whole=is_whole)


def _dechunked(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return a body that was sent in chunks without their lengths, if they can be read."""
    codings = [value.lower() for name, value in headers if name.lower() == "transfer-encoding"]
    if not any("chunked" in coding for coding in codings):
        return body
    chunks: list[bytes] = []
    at = 0
    while (end := body.find(b"\n", at)) >= 0:
        size, begin = _chunk_size(body[at:end]), end + 1
        if size is None or len(body) - begin < size:
            return body
        if size == 0:
            return b"".join(chunks)
        chunks.append(body[begin : begin + size])
        at = begin + size
        at += body.startswith(b"\r", at)
        at += body.startswith(b"\n", at)
    return body


def _chunk_size(line: bytes) -> int | None:
    digits = line.partition(b";")[0].strip()
    is_size = 0 < len(digits) <= LONGEST_CHUNK_LINE and re.fullmatch(rb"[0-9a-fA-F]+", digits)
    return int(digits, 16) if is_size else None
