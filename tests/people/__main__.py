"""Send requests of this project's users, and print what is answered."""

from __future__ import annotations

import json
import os
from typing import Any

import django


def main() -> dict[str, str]:
    """Return {what was tried: what was answered}."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import override_settings
    from rest_framework_simplejwt.tokens import AccessToken

    from tests.checking import ids
    from tests.gateway import Gateway
    from tests.payloads import status
    from tests.people.models import Person
    from tests.security.cases import told

    call_command("migrate", run_syncdb=True, verbosity=0)

    def answer(person: Any) -> str:
        return told(Gateway(str(AccessToken.for_user(person))).post(status()))

    poster = Person.objects.create(email="poster@example.com", may_post=True)
    other = Person.objects.create(email="other@example.com")
    answers = {"poster, our predicate": answer(poster)}
    ours = {**settings.IOT_INGEST, "ADMIN_PREDICATE": "tests.people.models.may_post"}
    with override_settings(IOT_INGEST=ours):
        answers |= {
            "checks": " ".join(ids()) or "none",
            "poster": answer(poster),
            "other": answer(other),
        }
        token = Gateway(str(AccessToken.for_user(poster)))
        poster.delete()
        answers["deleted"] = told(token.post(status()))
    return answers


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.people.settings"
    django.setup()
    print(json.dumps(main()))
