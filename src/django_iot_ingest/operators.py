"""Pages for whoever runs the service, and for his machines: who may see numbers, and how.

A machine shows a bearer token, which the host gives ``as_view``; a person is staff that may see the
fleet page. An address opens nothing: behind a proxy everybody comes from 127.0.0.1.
"""

from __future__ import annotations

import hmac
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views import View

PERMISSION = "django_iot_ingest.view_fleet"

SHORTEST_TOKEN = 16
"""Characters of a token; fewer can be guessed."""


class OperatorView(View):
    """Answer GET and HEAD, and let nobody keep the answer."""

    http_method_names = ["get", "head"]

    token: str = ""
    """The bearer token of machines; empty lets none in."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, outside ``ATOMIC_REQUESTS``; it also answers while no database does."""
        check_token(initkwargs.get("token", cls.token))
        view = super().as_view(**initkwargs)
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(view)
        # Another method is 405, and not a form without its token.
        view.csrf_exempt = True  # type: ignore[attr-defined]
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer; what is told is of this moment."""
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def refuse(self) -> HttpResponse:
        """Return the answer for those who may not see it: log in, or show a token."""
        status = 401 if self.token else 403
        response = HttpResponse("Not permitted\n", content_type="text/plain", status=status)
        if self.token:
            response["WWW-Authenticate"] = "Bearer"
        return response


def check_token(token: object) -> None:
    """Raise ``ImproperlyConfigured`` for a token that is no text, or short; it is not shown."""
    if not isinstance(token, str) or 0 < len(token) < SHORTEST_TOKEN or not token.isascii():
        raise ImproperlyConfigured(
            f"The token of a view must be ASCII text of at least {SHORTEST_TOKEN} characters, or "
            'empty. For a good one: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )


def may_see(request: HttpRequest, token: str) -> bool:
    """Return whether a request shows the token, or is of staff that may see the fleet page.

    Whoever shows a token is judged by that alone: a wrong one costs no look at a session.
    """
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        return _is_token(str(header), token)
    try:
        user: Any = getattr(request, "user", None)
        return bool(user and user.is_active and user.is_staff and user.has_perm(PERMISSION))
    except Exception:  # noqa: BLE001 - a database or store of sessions that is away knows nobody
        return False


def _is_token(header: str, token: str) -> bool:
    scheme, _, said = header.partition(" ")
    is_same = hmac.compare_digest(said.strip().encode("utf-8", "replace"), token.encode())
    return bool(token) and is_same and scheme.lower() == "bearer"
