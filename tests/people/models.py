"""A user without a name, without groups, and without either flag of an admin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    """A person who may post station data, or not."""

    email = models.EmailField(unique=True)
    may_post = models.BooleanField(default=False)

    objects = BaseUserManager()

    USERNAME_FIELD = "email"


def may_post(user: Any) -> bool:
    """Return whether a person may post: this project's ``ADMIN_PREDICATE``."""
    return bool(user.may_post)
