"""The one thing that the plugin's own checks cannot know: what else the tokens hang on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

MINIMUM_LENGTH = 32
"""In bytes: access tokens are signed with HMAC-SHA256 (RFC 7518, section 3.2)."""


def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """Report a SECRET_KEY that is short or was never replaced: anybody could make a token."""
    key = str(settings.SECRET_KEY)
    is_placeholder = key.lower().startswith(("change", "your-"))
    if len(key.encode(errors="replace")) >= MINIMUM_LENGTH and not is_placeholder:
        return []
    return [
        Error(
            f"SECRET_KEY is a placeholder, or shorter than {MINIMUM_LENGTH} bytes.",
            hint='Use the output of: python -c "import secrets; print(secrets.token_urlsafe(48))"',
            id="fleet.E001",
        )
    ]
