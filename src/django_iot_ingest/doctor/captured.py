"""One request as it was captured: what is diagnosed. Knows neither Django nor settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CONTENT_HEADERS = ("content-type", "content-length")
"""Headers that WSGI keeps without ``HTTP_`` before them."""

_ORIGIN = re.compile(r"\Ahttps?://[^/]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """The bytes of a body, and the headers as texts in Latin-1, as WSGI has them.

    ``is_whole`` says that no other header was sent, so that a missing one is a mistake.
    ``is_verified`` says that the server found the signature right; then it need not be here.
    """

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    target: str = ""
    is_whole: bool = True
    is_verified: bool = False

    @property
    def path(self) -> str:
        """Return the target's path alone: a query may hold a token, and an authority a password."""
        return _ORIGIN.sub("", self.target.partition("?")[0], count=1)

    def all(self, name: str) -> list[str]:
        """Return every value of a header, in any letter case."""
        wanted = name.lower()
        return [value for found, value in self.headers if found.lower() == wanted]

    def one(self, name: str) -> str | None:
        """Return a header as a server hands it on: several are one, with commas between them."""
        values = self.all(name)
        return ",".join(values) if values else None

    def names(self) -> list[str]:
        """Return the names of all headers, as they were written."""
        return [name for name, _ in self.headers]

    def meta(self) -> dict[str, str]:
        """Return the headers as WSGI hands them to Django; servers drop names with underscores."""
        found = {"REQUEST_METHOD": self.method}
        for name in dict.fromkeys(name.lower() for name in self.names() if "_" not in name):
            key = name.replace("-", "_").upper()
            found[key if name in CONTENT_HEADERS else f"HTTP_{key}"] = self.one(name) or ""
        return found


def with_headers(
    body: bytes, headers: Iterable[tuple[str, str]], *, is_whole: bool = False
) -> CapturedRequest:
    """Return a request of which a body and some headers are known."""
    return CapturedRequest(body, tuple(headers), is_whole=is_whole)
