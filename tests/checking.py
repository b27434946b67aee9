"""What the tests of the system checks share."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, run_checks

from django_iot_ingest.checks.values import TAG


def configure(settings: Any, **changes: Any) -> None:
    """Change keys of ``IOT_INGEST`` for one test."""
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changes}


def messages(*, deploy: bool = False) -> list[CheckMessage]:
    """Return what our checks say, the deploy checks only if asked for."""
    return run_checks(tags=[TAG], include_deployment_checks=deploy)


def ids(*, deploy: bool = False) -> list[str]:
    """Return the sorted ids, shortened to ``E001``, of what our checks say."""
    return sorted(
        str(message.id).removeprefix("iot_ingest.") for message in messages(deploy=deploy)
    )


def only_message() -> CheckMessage:
    """Return the one message there is."""
    (message,) = messages()
    return message
