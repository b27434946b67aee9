"""The sync service: can it be imported, and will its hooks be called?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from django_iot_ingest.checks.values import TAG, example, imported, show, text
from django_iot_ingest.services import StationSyncService

KEY = "SYNC_SERVICE"
BASE = "django_iot_ingest.services.StationSyncService"

HOOKS = tuple(name for name in vars(StationSyncService) if re.match("on_|get_", name))
"""What a host may override; each takes one argument beside ``self``."""

HOOK_LIKE = re.compile(r"on_|get_\w*default")


@register(TAG)
def check_service_exists(**kwargs: Any) -> list[CheckMessage]:
    """Expect a dotted path that can be imported."""
    path = text(KEY)
    if path is None:
        return []
    _, problem = imported(path)
    if not problem:
        return []
    return [
        Error(
            f"IOT_INGEST: {KEY} {show(path)} cannot be imported: {problem}",
            hint=f"Write the dotted path of the class, as in {example(KEY)}, and repair the "
            "module if the error comes from inside it.",
            id="iot_ingest.E040",
        )
    ]


@register(TAG)
def check_service_base(**kwargs: Any) -> list[CheckMessage]:
    """Expect a subclass of ``StationSyncService``, not an instance or something else."""
    path = text(KEY)
    if path is None:
        return []
    service, problem = imported(path)
    if problem or _is_service(service):
        return []
    return [
        Error(
            f"IOT_INGEST: {KEY} {show(path)} is no subclass of {BASE}.",
            hint=f"Declare class {path.rpartition('.')[2]}(StationSyncService):, imported from "
            "django_iot_ingest.services.",
            id="iot_ingest.E041",
        )
    ]


@register(TAG)
def check_hook_arguments(**kwargs: Any) -> list[CheckMessage]:
    """Expect every hook to take what it is called with; otherwise each event fails."""
    return [
        Error(
            f"{service.__name__}.{name} cannot be called with one argument.",
            hint=f"Write def {name}{inspect.signature(getattr(StationSyncService, name))}:",
            obj=service,
            id="iot_ingest.E042",
        )
        for service, name in _hooks()
        if not _takes_one_argument(service, name)
    ]


@register(TAG)
def check_hooks_run(**kwargs: Any) -> list[CheckMessage]:
    """Expect plain functions: the body of a coroutine or a generator would never run."""
    return [
        Error(
            f"{service.__name__}.{name} is a coroutine or a generator; its body would never run.",
            hint=f"Write def {name} without async and without yield.",
            obj=service,
            id="iot_ingest.E043",
        )
        for service, name in _hooks()
        if never_runs(getattr(service, name))
    ]


@register(TAG)
def check_hook_names(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a method that looks like a hook and is none: a misspelt hook loses money."""
    service = configured_service()
    if service is None:
        return []
    return [
        Warning(
            f"{service.__name__}.{name} looks like a hook, but there is none of that name.",
            hint=_hook_hint(name),
            obj=service,
            id="iot_ingest.W040",
        )
        for name in dir(service)
        if HOOK_LIKE.match(name)
        and not hasattr(StationSyncService, name)
        and callable(inspect.getattr_static(service, name))
    ]


def configured_service() -> type[StationSyncService] | None:
    """Return the configured class, or None if it is not one."""
    path = text(KEY)
    service = imported(path)[0] if path is not None else None
    return service if _is_service(service) else None


def never_runs(function: Callable[..., Any]) -> bool:
    """Return whether calling ``function`` only makes something that nobody runs."""
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )


def accepts(function: Callable[..., Any], count: int) -> bool:
    """Return whether ``function`` takes ``count`` positional arguments; True if nobody knows."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _is_service(service: object) -> bool:
    return isinstance(service, type) and issubclass(service, StationSyncService)


def _hooks() -> Iterator[tuple[type[StationSyncService], str]]:
    service = configured_service()
    return ((service, name) for name in HOOKS if service is not None)


def _takes_one_argument(service: type[StationSyncService], name: str) -> bool:
    declared = inspect.getattr_static(service, name)
    if isinstance(declared, staticmethod | classmethod):
        return accepts(getattr(service, name), 1)
    return callable(declared) and accepts(declared, 2)


def _hook_hint(name: str) -> str:
    near = get_close_matches(name, HOOKS, n=1)
    rename = f"Rename it to {near[0]}" if near else f"The hooks are {', '.join(HOOKS)}"
    return f"{rename}; if it is a helper of your own, call it _{name}."
