"""JSON Web Tokens made by hand, as odd as a test wants them."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from tests import leaks

ADMIN = 7_000_001
"""The id of the one user there is: no other number, rounded or read as a truth value, is his."""

HS256 = {"alg": "HS256", "typ": "JWT"}


def only_admin() -> Any:
    """Delete every user, make the admin, and return him."""
    get_user_model().objects.all().delete()
    return get_user_model().objects.create_superuser("only", pk=ADMIN)


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a good access token; one that is given as ``...`` is left out."""
    now = int(time.time())
    good = {
        "token_type": "access",
        "exp": now + 3600,
        "iat": now,
        "jti": "0123456789abcdef0123456789abcdef",
        "user_id": str(ADMIN),
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def mint(
    header: Any = HS256, payload: Any = None, key: str | None = None, digest: str = "sha256"
) -> str:
    """Return a token whose MAC is right for the key, by default the project's own.

    Header and payload are written as JSON, unless they are bytes.
    """
    payload = claims() if payload is None else payload
    message = f"{segment(header)}.{segment(payload)}"
    secret = settings.SECRET_KEY if key is None else key
    mac = hmac.digest(secret.encode(), message.encode(), digest)
    token = f"{message}.{segment(mac)}"
    leaks.are_sensitive(token)
    return token


def segment(value: Any) -> str:
    """Return bytes, or JSON, in URL-safe Base64 without padding."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
