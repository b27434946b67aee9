"""Bearers that were verified a moment ago are not asked for again, and nobody else is let in."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest import principals
from django_iot_ingest.principals import MAX_BEARERS, PrincipalCache, key_of
from tests.gateway import Gateway
from tests.payloads import status

pytestmark = [pytest.mark.once, pytest.mark.django_db]

Lookups = list[Any]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        offset = 0.0
        monotonic = staticmethod(lambda: time.monotonic() + Clock.offset)
        time = staticmethod(lambda: time.time() + Clock.offset)

    monkeypatch.setattr(principals, "time", Clock)
    return Clock


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Lookups:
    """Collect each time that the bearer's class is asked."""
    original, asked = JWTAuthentication.authenticate, Lookups()

    def authenticate(self: Any, request: Any) -> Any:
        asked.append(request)
        return original(self, request)

    monkeypatch.setattr(JWTAuthentication, "authenticate", authenticate)
    return asked


def keep(settings: Any, seconds: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PRINCIPAL_CACHE_SECONDS": seconds}


def test_a_bearer_is_asked_for_once_in_thirty_seconds(
    gateway: Gateway, lookups: Lookups, clock: Any
) -> None:
    for _ in range(3):
        gateway.send(status())
    assert len(lookups) == 1
    clock.offset = 29.0
    gateway.send(status())
    assert len(lookups) == 1
    clock.offset = 31.0
    gateway.send(status())
    assert len(lookups) == 2


def test_zero_asks_every_time_from_that_moment_on(
    gateway: Gateway, lookups: Lookups, settings: Any
) -> None:
    gateway.send(status())
    keep(settings, 0)
    gateway.send(status())
    gateway.send(status())
    assert len(lookups) == 3


def test_a_withdrawn_user_is_out_after_that_time(gateway: Gateway, clock: Any) -> None:
    gateway.send(status())
    get_user_model().objects.update(is_active=False)
    gateway.send(status())
    clock.offset = 31.0
    assert gateway.post(status()).status_code == 401


def test_the_predicate_is_asked_every_time(gateway: Gateway, settings: Any) -> None:
    gateway.send(status())
    settings.IOT_INGEST = {**settings.IOT_INGEST, "ADMIN_PREDICATE": f"{__name__}.nobody"}
    assert gateway.post(status()).status_code == 403


def nobody(user: Any) -> bool:
    return False


def test_a_token_is_not_remembered_beyond_its_own_life(
    gateway: Gateway, lookups: Lookups, clock: Any
) -> None:
    token = AccessToken.for_user(get_user_model().objects.get())
    token["exp"] = int(time.time()) + 10
    gateway.token = str(token)
    gateway.send(status())
    clock.offset = 11.0
    gateway.send(status())
    assert len(lookups) == 2  # simplejwt's own clock is not moved: it lets the token in


@pytest.mark.parametrize("changed", ["x", "bad.token.here", ""])
def test_a_refusal_is_not_remembered_and_nobody_gets_another_s_place(
    gateway: Gateway, lookups: Lookups, changed: str
) -> None:
    gateway.send(status())
    good, gateway.token = gateway.token, gateway.token[:-1] + changed if changed else ""
    for _ in range(2):
        assert gateway.post(status()).status_code == 401
    gateway.token = good
    gateway.send(status())


def test_other_classes_do_not_inherit_what_one_said(gateway: Gateway, settings: Any) -> None:
    gateway.send(status())
    classes = ["rest_framework.authentication.TokenAuthentication"]
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTHENTICATION_CLASSES": classes}
    assert gateway.post(status()).status_code == 401


def test_there_is_a_bound() -> None:
    cache = PrincipalCache()
    for number in range(MAX_BEARERS + 10):
        cache.remember(str(number).encode(), (number, None))
    assert cache.find(b"9") is None
    assert cache.find(b"10") == (10, None)
    cache.clear()
    assert cache.find(b"10") is None


def test_a_key_tells_nothing_of_the_token() -> None:
    key = key_of("Bearer abc", Gateway, ["a.B"])
    assert len(key) == 32
    assert b"abc" not in key
    assert key != key_of("Bearer abd", Gateway, ["a.B"])
    assert key != key_of("Bearer abc", Gateway, ["a.C"])
    assert key != key_of("Bearer abc", PrincipalCache, ["a.B"])


class Odd:
    def get(self) -> None:
        """Take no name of a claim."""


@pytest.mark.parametrize("token", [None, "text", object(), {}, {"exp": None}, {"exp": 2.0**40}])
def test_a_token_without_an_end_leaves_the_setting(token: Any) -> None:
    cache = PrincipalCache()
    cache.remember(b"key", ("user", token))
    assert cache.find(b"key") == ("user", token)


@pytest.mark.parametrize("token", [Odd(), {"exp": "soon"}, {"exp": []}, {"exp": 0}, {"exp": True}])
def test_a_token_whose_end_cannot_be_told_is_not_remembered(token: Any) -> None:
    cache = PrincipalCache()
    cache.remember(b"key", ("user", token))
    assert cache.find(b"key") is None


class ByCertificate(JWTAuthentication):
    """A host's class that looks at more than the token."""

    def authenticate(self, request: Any) -> Any:
        return super().authenticate(request) if "HTTP_X_CERTIFICATE" in request.META else None


@pytest.mark.parametrize(("seconds", "second"), [(None, 401), (30, 200)])
def test_a_host_s_own_class_is_asked_each_time_unless_the_host_says_otherwise(
    gateway: Gateway, settings: Any, seconds: int | None, second: int
) -> None:
    own = {"AUTHENTICATION_CLASSES": [f"{__name__}.ByCertificate"]}
    told = {} if seconds is None else {"PRINCIPAL_CACHE_SECONDS": seconds}
    settings.IOT_INGEST = {**settings.IOT_INGEST, **own, **told}
    assert gateway.post(status(), X_Certificate="good").status_code == 200
    assert gateway.post(status()).status_code == second
