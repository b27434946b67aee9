"""What the server needs before it can start: a folder, secrets, a database, an administrator."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
HOME = PROJECT.parent / ".demo"

EMAIL, RENTER = "admin@example.com", "renter"

OWN_VARIABLES = ("IOT_SYSTEM_", "SECRET_KEY", "SECURE_", "ALLOWED_HOSTS", "DEBUG", "SERVE_STATIC")
"""What the demo sets itself; a value of the surrounding shell would win over its ``.env``."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the demo works, and what the gateway has to know."""

    folder: Path
    secret: str
    email: str
    password: str


def prepare(port: int) -> Surroundings:
    """Make ``.demo/<port>`` anew, with fresh secrets, migrate, and create the users.

    Each port has its own folder: only one demo can have the port, so nothing that is in use goes.
    """
    surroundings = Surroundings(
        HOME / str(port), secrets.token_urlsafe(48), EMAIL, secrets.token_urlsafe(12)
    )
    _make_folder(surroundings.folder)
    _write_env(surroundings)
    _enter(surroundings.folder)
    _migrate()
    _create_users(surroundings)
    return surroundings


def _make_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    (HOME / ".gitignore").write_text("*\n")


def _write_env(surroundings: Surroundings) -> None:
    """Name every variable: ``.env`` beside manage.py is read too, for those that are missing."""
    values = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "IOT_SYSTEM_SIGNATURE_SECRET": surroundings.secret,
        "IOT_SYSTEM_SIGNATURE_TIMEOUT": "300",
        "IOT_SYSTEM_ALLOWED_IPS": "127.0.0.1",
        "IOT_SYSTEM_TRUSTED_PROXIES": "",
        "IOT_SYSTEM_METRICS_TOKEN": "",
        "DATABASE_URL": "sqlite:///db.sqlite3",
        "LANGUAGE_CODE": "",
        "DEBUG": "False",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SECURE_SSL_REDIRECT": "False",
        "SERVE_STATIC": "True",
    }
    lines = [f"{name}={value}\n" for name, value in values.items()]
    path = surroundings.folder / ".env"
    path.touch(mode=0o600)
    path.write_text("".join(lines))


def _enter(folder: Path) -> None:
    """Work in the folder: its ``.env`` is read there, the database and the logs go there."""
    for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
        del os.environ[name]
    os.chdir(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("check")
    call_command("migrate", verbosity=0)


def _create_users(surroundings: Surroundings) -> None:
    """Create the gateway's administrator, and somebody who rents."""
    from django.contrib.auth.models import User

    # The admin asks for the user name, the gateway for the e-mail address: one text for both.
    admin, _ = User.objects.update_or_create(
        username=surroundings.email,
        defaults={"email": surroundings.email, "is_staff": True, "is_superuser": True},
    )
    admin.set_password(surroundings.password)
    admin.save()
    User.objects.get_or_create(username=RENTER)
