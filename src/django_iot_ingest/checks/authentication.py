"""Who may post: the classes that check the bearer token, and the predicate about the user."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from rest_framework.authentication import BaseAuthentication, TokenAuthentication

from django_iot_ingest.authentication import WITHOUT_BEARER, SignatureAuthentication
from django_iot_ingest.checks.service import accepts, never_runs
from django_iot_ingest.checks.values import TAG, example, imported, is_empty, show, text, texts

CLASSES = "AUTHENTICATION_CLASSES"
PREDICATE = "ADMIN_PREDICATE"
SIMPLEJWT = "rest_framework_simplejwt"
BEARER = "Bearer"


@register(TAG)
def check_classes_exist(**kwargs: Any) -> list[CheckMessage]:
    """Expect at least one class; with none, nobody could ever log in."""
    if not is_empty(CLASSES):
        return []
    return [
        Error(
            f"IOT_INGEST: {CLASSES} is empty, so every request is refused.",
            hint=f"Leave the key out, or write {example(CLASSES)}.",
            id="iot_ingest.E050",
        )
    ]


@register(TAG)
def check_classes_import(**kwargs: Any) -> list[CheckMessage]:
    """Expect dotted paths that can be imported."""
    return [
        Error(
            f"IOT_INGEST: {name} {show(path)} cannot be imported: {problem}",
            hint=_import_hint(path),
            id="iot_ingest.E051",
        )
        for name, path in texts(CLASSES)
        if (problem := imported(path)[1])
    ]


@register(TAG)
def check_classes_authenticate(**kwargs: Any) -> list[CheckMessage]:
    """Expect authentication classes of Django REST framework."""
    return [
        Error(
            f"IOT_INGEST: {name} {show(path)} is no subclass of "
            "rest_framework.authentication.BaseAuthentication.",
            hint=f"Name a class, not an instance or a permission, as in {example(CLASSES)}.",
            id="iot_ingest.E052",
        )
        for name, path, found in _imported_classes()
        if not _is_authentication(found)
    ]


@register(TAG)
def check_classes_take_bearers(**kwargs: Any) -> list[CheckMessage]:
    """Expect classes that read a bearer token: no session, no basic, no remote user."""
    return [
        Error(
            f"IOT_INGEST: {name} {show(path)} does not check a bearer token.",
            hint=f"Leave it out; name a class that reads Authorization: {BEARER} <token>, as in "
            f"{example(CLASSES)}.",
            id="iot_ingest.E053",
        )
        for name, path, found in _imported_classes()
        if _is_authentication(found) and _ignores_bearers(found)
    ]


@register(TAG)
def check_header_types(**kwargs: Any) -> list[CheckMessage]:
    """Warn where simplejwt is told to look for another word than the gateway sends."""
    configured = getattr(settings, "SIMPLE_JWT", None)
    types = configured.get("AUTH_HEADER_TYPES", BEARER) if isinstance(configured, dict) else BEARER
    expected = types if isinstance(types, list | tuple) else [types]
    if BEARER in expected or not any(_is_simplejwt(found) for *_, found in _imported_classes()):
        return []
    return [
        Warning(
            f"SIMPLE_JWT: AUTH_HEADER_TYPES is {show(types)}, but the gateway sends "
            f"Authorization: {BEARER} <token>.",
            hint=f'Write SIMPLE_JWT = {{"AUTH_HEADER_TYPES": ("{BEARER}",)}}, or leave it out.',
            id="iot_ingest.W050",
        )
    ]


@register(TAG)
def check_predicate_exists(**kwargs: Any) -> list[CheckMessage]:
    """Expect a dotted path that can be imported."""
    path = text(PREDICATE)
    problem = imported(path)[1] if path is not None else ""
    if not problem:
        return []
    return [
        Error(
            f"IOT_INGEST: {PREDICATE} {show(path)} cannot be imported: {problem}",
            hint=f"Leave the key out, or write the dotted path of a function, as in "
            f"{example(PREDICATE)}.",
            id="iot_ingest.E060",
        )
    ]


@register(TAG)
def check_predicate_is_function(**kwargs: Any) -> list[CheckMessage]:
    """Expect ``predicate(user)``: what a class or a coroutine function returns is no answer."""
    path = text(PREDICATE)
    predicate, problem = imported(path) if path is not None else (None, "no text")
    if problem or _is_predicate(predicate):
        return []
    return [
        Error(
            f"IOT_INGEST: {PREDICATE} {show(path)} is no function of one argument.",
            hint="Declare def may_post(user): return user.is_staff and user.is_superuser, or the "
            "like, and name its dotted path.",
            id="iot_ingest.E061",
        )
    ]


def _imported_classes() -> Iterator[tuple[str, str, Any]]:
    """Yield (name of the entry, path, what it names) for each that can be imported."""
    for name, path in texts(CLASSES):
        found, problem = imported(path)
        if not problem:
            yield name, path, found


def _import_hint(path: str) -> str:
    if path.startswith(f"{SIMPLEJWT}."):
        return f"Run: pip install django-iot-ingest[jwt], or name another class in {CLASSES}."
    return f"Write the dotted path of the class, as in {example(CLASSES)}."


def _is_authentication(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseAuthentication)


def _ignores_bearers(found: type) -> bool:
    """Judge a class; our own asks these classes for the bearer, and would ask itself for ever."""
    if issubclass(found, TokenAuthentication):
        return str(found.keyword).lower() != BEARER.lower()
    return issubclass(found, (*WITHOUT_BEARER, SignatureAuthentication))


def _is_simplejwt(found: object) -> bool:
    return isinstance(found, type) and any(
        base.__module__.partition(".")[0] == SIMPLEJWT for base in found.__mro__
    )


def _is_predicate(predicate: Any) -> bool:
    if inspect.isclass(predicate) or not callable(predicate):
        return False
    if never_runs(predicate) or never_runs(type(predicate).__call__):
        return False
    return accepts(predicate, 1)
