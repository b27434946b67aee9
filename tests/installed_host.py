"""Use the installed package as a new host does; run by the Python of an otherwise empty environment.

``python -P installed_host.py [extra ...]`` in the folder of a project that holds the README's
blocks. It needs nothing but what was installed, and ends with a message at the first fault.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

PACKAGE = "django_iot_ingest"
SECRET = "only-for-this-host-0123456789abcdef"

NEEDS = {
    "metrics.collector": "metrics",
    "metrics.recorder": "metrics",
    "openapi.extensions": "openapi",
    "tasks": "tasks",
    "testing.fixtures": "pytest",
}
"""Modules that cannot be imported without an extra; nothing else imports them."""

BODY = {
    "type": "full",
    "device": {"serial_number": "860000000000017", "status": "ONLINE"},
    "slots": [{"slot_number": 1, "status": "OCCUPIED", "power_bank_serial": "12345678"}],
    "power_banks": [{"serial_number": "12345678", "status": "AVAILABLE", "current_slot": 1}],
}


def main(extras: set[str]) -> None:
    """Import, check, migrate, and receive one signed event, with these extras installed."""
    sys.path.insert(0, os.getcwd())
    os.environ["IOT_SYSTEM_SIGNATURE_SECRET"] = SECRET
    settings = "host.settings" if "jwt" in extras else "host.settings_without_jwt"
    os.environ["DJANGO_SETTINGS_MODULE"] = settings

    import django

    django.setup()
    if django.VERSION >= (6, 0):
        extras = extras | {"tasks"}
    check_origin()
    count = check_modules(extras)
    check_words(extras)
    migrate()
    receive("jwt" in extras)
    print(f"Django {django.__version__}, extras {sorted(extras) or 'none'}: {count} modules, ok")


def check_origin() -> None:
    """Expect the package that was installed here, and no other."""
    place = Path(import_module(PACKAGE).__file__ or "").resolve()
    expect(Path(sys.prefix).resolve() in place.parents, f"imported from {place}")


def check_modules(extras: set[str]) -> int:
    """Import every module, but for those whose extra is missing; return how many there are."""
    package = import_module(PACKAGE)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]
    for name in names:
        extra = NEEDS.get(name.removeprefix(f"{PACKAGE}."))
        error = failure(lambda name=name: import_module(name))
        is_wanted = extra is None or extra in extras
        expect((error == "") == is_wanted, f"{name}: {error or 'imported without its extra'}")
    return len(names)


def check_words(extras: set[str]) -> None:
    """Expect what is missing to be named where somebody reaches for it.

    Of ``openapi`` Django itself says so; ``cli``, ``speed`` and ``tracing`` are done without.
    """
    from django.conf import settings
    from django.core.checks import run_checks
    from django.test import override_settings

    from django_iot_ingest.metrics import MetricsView

    said = {
        "metrics": failure(MetricsView.as_view),
        "tasks": failure(lambda: import_module(f"{PACKAGE}.tasks")),
    }
    readme = {k: v for k, v in settings.IOT_INGEST.items() if k != "AUTHENTICATION_CLASSES"}
    with override_settings(IOT_INGEST=readme):
        said["jwt"] = " ".join(str(found.hint) for found in run_checks(tags=["iot_ingest"]))
    for extra, words in said.items():
        named = f"{PACKAGE.replace('_', '-')}[{extra}]" in words
        expect(named == (extra not in extras), f"without the extra {extra}: {words!r}")


def migrate() -> None:
    """Let Django find no fault, no migration that is missing, and tables made from nothing."""
    from django.core.management import call_command

    call_command("makemigrations", "fleet", verbosity=0)
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    call_command("check", fail_level="WARNING", verbosity=0)
    call_command("migrate", verbosity=0)


def receive(has_jwt: bool) -> None:
    """Post one signed snapshot, and expect its bank in the host's table."""
    from django.apps import apps
    from django.contrib.auth import get_user_model
    from django.test import Client

    from django_iot_ingest.client import signed_headers

    gateway = get_user_model().objects.create_superuser("gateway")
    body = json.dumps({**BODY, "timestamp": int(time.time())}).encode()
    headers = signed_headers(body, SECRET, token_of(gateway, has_jwt)) | {"Host": "localhost"}
    answer = Client(headers=headers).post(
        "/api/internal/stations/data", body, content_type="application/json"
    )
    expect(answer.status_code == 200, f"{answer.status_code} {answer.content!r}")
    expect(answer.json()["data"]["state"] == "applied", f"{answer.content!r}")
    banks = apps.get_model("fleet.PowerBank").objects.filter(current_slot__slot_number=1)
    expect(banks.count() == 1, "no bank in its slot")


def token_of(user: object, has_jwt: bool) -> str:
    """Return a bearer token of the class that the settings name."""
    if has_jwt:
        from rest_framework_simplejwt.tokens import AccessToken

        return str(AccessToken.for_user(user))
    from rest_framework.authtoken.models import Token

    return str(Token.objects.create(user=user).key)


def failure(work: Callable[[], object]) -> str:
    """Return what was raised, in words; nothing if all went well."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, its words are looked at
        return f"{type(error).__name__}: {error}"
    return ""


def expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        sys.exit(otherwise)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
