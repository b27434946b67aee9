"""Prepare the database of a real server, as a program of its own with the server's settings.

It creates the tables and an admin, and prints his token and the cookies of his browser as JSON.
"""

from __future__ import annotations

import json

import django


def prepare() -> list[str]:
    """Return an admin's token, and his browser's session and CSRF cookies."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.middleware.csrf import get_token
    from django.test import Client, RequestFactory
    from rest_framework_simplejwt.tokens import AccessToken

    call_command("migrate", verbosity=0)
    admin = User.objects.create_superuser("gateway@example.com")
    browser = Client()
    browser.force_login(admin)
    csrf = get_token(RequestFactory().get("/"))
    return [str(AccessToken.for_user(admin)), browser.cookies["sessionid"].value, csrf]


if __name__ == "__main__":
    django.setup()
    print(json.dumps(prepare()))
