"""Who logs in: staff users, by e-mail address and password."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_CANDIDATES = 5
"""Users of one e-mail address that are tried: each costs a password hash."""


def find_user(request: HttpRequest, email: str, password: str) -> User | None:
    """Return the active user with this e-mail address, in any letter case, and password, or None.

    An address nobody has costs as much work as a wrong password does, so the time taken does not
    tell which addresses exist. ``auth.User`` does not keep them apart: of several users with one
    address the first whose password fits logs in, administrators first.
    """
    usernames = list(_usernames(email)) or [""]
    matches = (authenticate(request, username=name, password=password) for name in usernames)
    return next((user for user in matches if user is not None), None)  # type: ignore[return-value]


def _usernames(email: str) -> Iterable[str]:
    users = get_user_model()._default_manager.filter(email__iexact=email, is_active=True)
    ordered = users.order_by("-is_superuser", "-is_staff", "pk")
    return ordered.values_list(get_user_model().USERNAME_FIELD, flat=True)[:MAX_CANDIDATES]
