"""Deferred mode: does somebody carry the work that requests leave?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.core.checks import CheckMessage, Warning, register

from django_iot_ingest.checks.values import TAG, attempt
from django_iot_ingest.conf import is_deferred

TASKS = "django_iot_ingest.tasks"

NO_BACKENDS = ("immediate", "dummy")
"""Modules of the backends that come with ``django.tasks``: neither has a worker."""


@register(TAG)
def check_tasks_exist(**kwargs: Any) -> list[CheckMessage]:
    """Warn where our tasks cannot be imported: then nobody rings for the drain."""
    if not is_deferred():
        return []
    _, problem = attempt(import_module, TASKS)
    if not problem:
        return []
    return [
        Warning(
            f"PROCESSING is deferred, but {TASKS} cannot be imported: {problem}",
            hint="Run manage.py iot_drain --forever beside the server. Or use django.tasks: on Django "
            "5.2 pip install django-tasks, and let TASKS have the alias and the queue "
            '"default". Then silence this.',
            id="iot_ingest.W100",
        )
    ]


@register(TAG)
def check_tasks_backend(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a backend that runs tasks in the web server's process, or not at all."""
    if not is_deferred():
        return []
    tasks, problem = attempt(import_module, TASKS)
    if problem:
        return []
    backend = type(tasks.iot_drain.get_backend())  # type: ignore[union-attr]
    if not any(_is_built_in(base) for base in backend.__mro__):
        return []
    return [
        Warning(
            f"PROCESSING is deferred, but the tasks' backend is {backend.__name__}, which has no "
            "workers.",
            hint="Give TASKS a backend with workers, as docs/how-to/deferred.md shows, or run manage.py "
            "iot_drain --forever beside the server and silence this.",
            id="iot_ingest.W101",
        )
    ]


def _is_built_in(backend: type) -> bool:
    package, _, module = backend.__module__.rpartition(".")
    return package in ("django.tasks.backends", "django_tasks.backends") and module in NO_BACKENDS
