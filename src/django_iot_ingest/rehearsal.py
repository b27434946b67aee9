"""A request that this process sends to itself to see how it would be answered: nothing is kept of it.

``iot_doctor`` sends one through the project's real middleware and our real view. It is refused like
any other, but leaves no row, no count and no line of a refusal. The mark is an object in the WSGI
environment: no header that a client sends can be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

KEY = "django_iot_ingest.rehearsal"


@dataclass
class Rehearsal:
    """One such request, and the error that was met on its way, if any."""

    error: Exception | None = None

    def environ(self) -> dict[str, Any]:
        """Return what marks the request, for its WSGI environment."""
        return {KEY: self}


def of(request: HttpRequest) -> Rehearsal | None:
    """Return the rehearsal that a request is; None of every request that came from outside."""
    found = request.META.get(KEY)
    return found if isinstance(found, Rehearsal) else None
