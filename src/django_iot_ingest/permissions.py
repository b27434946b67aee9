"""Who may post station data."""

from __future__ import annotations

from typing import Any


def is_admin(user: Any) -> bool:
    """Return whether the user is active, staff and superuser (contract, section 2, check 6)."""
    return all(
        getattr(user, flag, False) is True for flag in ("is_active", "is_staff", "is_superuser")
    )
