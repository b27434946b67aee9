"""The checks of what else a host configures: service, authentication, network, project."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)

from django_iot_ingest.authentication import SignatureAuthentication
from django_iot_ingest.services import StationSyncService
from tests.checking import configure, ids, messages, only_message

pytestmark = pytest.mark.once

JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"


def path(name: str) -> str:
    return f"{__name__}.{name}"


# --- the service


class GoodService(StationSyncService):
    on_duty = True

    def on_power_bank_returned(self, event: Any, *extra: Any) -> None: ...

    @staticmethod
    def on_station_created(event: Any) -> None: ...

    @classmethod
    def on_power_bank_missing(cls, event: Any) -> None: ...

    def _on_anything(self) -> None: ...


class MisspeltService(StationSyncService):
    def on_powerbank_returned(self, event: Any) -> None: ...

    def get_station_default(self, serial_number: str) -> None: ...


class NarrowService(StationSyncService):
    def on_power_bank_returned(self) -> None:  # type: ignore[override]
        ...

    on_power_bank_missing = None  # type: ignore[assignment]


class AsyncService(StationSyncService):
    async def on_power_bank_returned(self, event: Any) -> None:  # type: ignore[override]
        ...

    def on_station_created(self, event: Any) -> Any:
        yield event


instance = GoodService()


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("django_iot_ingest.services.StationSyncService", []),
        (path("GoodService"), []),
        ("", ["E040"]),
        ("GoodService", ["E040"]),
        (".relative.Service", ["E040"]),
        ("no_such_module.Service", ["E040"]),
        (path("NoSuchService"), ["E040"]),
        (path("instance"), ["E041"]),
        ("builtins.dict", ["E041"]),
        (path("NarrowService"), ["E042", "E042"]),
        (path("AsyncService"), ["E043", "E043"]),
        (path("MisspeltService"), ["W040", "W040"]),
    ],
)
def test_a_service(settings: Any, service: str, expected: list[str]) -> None:
    configure(settings, SYNC_SERVICE=service)
    assert ids() == expected


def test_an_error_inside_the_module_is_told(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_sync.py").write_text("raise KeyError('RENTAL_TARIFF')")
    monkeypatch.syspath_prepend(tmp_path)
    configure(settings, SYNC_SERVICE="broken_sync.Service")
    assert ids() == ["E040"]
    assert only_message().msg.endswith("cannot be imported: KeyError: 'RENTAL_TARIFF'")


def test_a_misspelt_hook_is_told_its_name(settings: Any) -> None:
    configure(settings, SYNC_SERVICE=path("MisspeltService"))
    hints = [str(message.hint) for message in messages()]
    assert hints[0].startswith("Rename it to get_station_defaults;")
    assert hints[1].startswith("Rename it to on_power_bank_returned;")


# --- the bearer and the predicate


class BearerToken(TokenAuthentication):
    keyword = "Bearer"


class OwnAuthentication(BaseAuthentication):
    pass


class OwnSession(SessionAuthentication):
    pass


class OwnSignature(SignatureAuthentication):
    pass


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([JWT], []),
        ([path("OwnAuthentication"), path("BearerToken")], []),
        ([], ["E050"]),
        (["rest_framework_simplejwt.authentication.NoSuchAuthentication"], ["E051"]),
        ([JWT, "nowhere"], ["E051"]),
        (["rest_framework.permissions.IsAdminUser"], ["E052"]),
        (["rest_framework.authentication.SessionAuthentication"], ["E053"]),
        (["rest_framework.authentication.BasicAuthentication"], ["E053"]),
        (["rest_framework.authentication.RemoteUserAuthentication"], ["E053"]),
        (["rest_framework.authentication.TokenAuthentication"], ["E053"]),
        ([JWT, path("OwnSession")], ["E053"]),
        ([path("OwnSignature")], ["E053"]),
    ],
)
def test_the_classes(settings: Any, classes: list[str], expected: list[str]) -> None:
    configure(settings, AUTHENTICATION_CLASSES=classes)
    assert ids() == expected


def test_simplejwt_that_is_not_installed(settings: Any) -> None:
    configure(settings, AUTHENTICATION_CLASSES=["rest_framework_simplejwt.missing.Class"])
    assert "pip install django-iot-ingest[jwt]" in str(only_message().hint)


@pytest.mark.parametrize(
    ("simple_jwt", "expected"),
    [
        ({}, []),
        (None, []),
        ({"AUTH_HEADER_TYPES": "Bearer"}, []),
        ({"AUTH_HEADER_TYPES": ["JWT", "Bearer"]}, []),
        ({"AUTH_HEADER_TYPES": ("JWT",)}, ["W050"]),
        ({"AUTH_HEADER_TYPES": None}, ["W050"]),
    ],
)
def test_header_types(settings: Any, simple_jwt: Any, expected: list[str]) -> None:
    settings.SIMPLE_JWT = simple_jwt
    assert ids() == expected
    configure(settings, AUTHENTICATION_CLASSES=[path("OwnAuthentication")])
    assert ids() == []


def predicate(user: Any, *, strict: bool = True) -> bool:
    return strict


def no_argument() -> bool:
    return True


async def asynchronous(user: Any) -> bool:
    return True


class Predicate:
    def __init__(self, user: Any) -> None: ...


class Callable:
    def __call__(self, user: Any) -> bool:
        return True


class AsyncCallable:
    async def __call__(self, user: Any) -> bool:
        return True


callable_object = Callable()
async_callable = AsyncCallable()
partial = functools.partial(predicate, strict=False)
builtin = bool(1).__eq__
constant = True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("predicate", []),
        ("callable_object", []),
        ("partial", []),
        ("builtin", []),
        ("no_such_predicate", ["E060"]),
        ("constant", ["E061"]),
        ("no_argument", ["E061"]),
        ("asynchronous", ["E061"]),
        ("async_callable", ["E061"]),
        ("Predicate", ["E061"]),
    ],
)
def test_a_predicate(settings: Any, name: str, expected: list[str]) -> None:
    configure(settings, ADMIN_PREDICATE=path(name))
    assert ids() == expected


# --- the network


@pytest.mark.parametrize(
    ("entry", "allowed", "proxy"),
    [
        ("192.0.2.10", [], []),
        ("198.51.100.0/24", [], []),
        ("2001:db8::/32", [], []),
        ("gateway.example.com", [], ["E071"]),
        ("", ["E070"], ["E071"]),
        ("*", ["E070"], ["E071"]),
        ("10.0.0.256", ["E070"], ["E071"]),
        ("10.0.0.0/33", ["E070"], ["E071"]),
        ("https://gateway.example.com", ["E070"], ["E071"]),
        ("gateway.example.com:8000", ["E070"], ["E071"]),
        ("10.0.0.1 10.0.0.2", ["E070"], ["E071"]),
        ("\udc80", ["E070"], ["E071"]),
    ],
)
def test_an_entry(settings: Any, entry: str, allowed: list[str], proxy: list[str]) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.1", entry])
    assert ids() == allowed
    assert all("ALLOWED_IPS[1]" in message.msg for message in messages())
    configure(settings, ALLOWED_IPS=[], TRUSTED_PROXIES=[entry])
    assert ids() == proxy


def test_an_empty_allow_list_is_told_at_deployment(settings: Any) -> None:
    configure(settings, ALLOWED_IPS=[])
    assert ids() == []
    assert ids(deploy=True) == ["W080"]
    configure(settings, ALLOWED_IPS=["192.0.2.10"])
    assert ids(deploy=True) == []


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        (["0.0.0.0/0"], ["W081"]),
        (["::/0", "10.0.0.1"], ["W081"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["W081"]),
        (["0.0.0.0/0", "::/0"], ["W081", "W081"]),
        (["10.0.0.0/8", "0.0.0.0/1"], []),
    ],
)
def test_proxies_everywhere(settings: Any, proxies: list[str], expected: list[str]) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.10"], TRUSTED_PROXIES=proxies)
    assert ids() == []
    assert ids(deploy=True) == expected


# --- the database and the project


@pytest.mark.parametrize(
    ("vendor", "options", "expected"),
    [
        ("sqlite", {}, ["W090"]),
        ("sqlite", {"transaction_mode": "DEFERRED"}, ["W090"]),
        ("sqlite", {"transaction_mode": "immediate"}, []),
        ("sqlite", {"transaction_mode": "EXCLUSIVE"}, []),
        ("sqlite", None, ["W090"]),
        ("mysql", {}, []),
        ("mysql", {"charset": "utf8mb4"}, []),
        ("mysql", {"charset": "utf8"}, ["W091"]),
        ("mysql", {"isolation_level": "READ COMMITTED"}, []),
        ("mysql", {"isolation_level": "repeatable read"}, ["W092"]),
        ("mysql", {"isolation_level": None}, ["W092"]),
        ("mysql", {"isolation_level": "serializable", "charset": "latin1"}, ["W091", "W092"]),
        ("postgresql", {"charset": "utf8"}, []),
    ],
)
def test_a_database(
    monkeypatch: pytest.MonkeyPatch, vendor: str, options: Any, expected: list[str]
) -> None:
    monkeypatch.setattr(connections["default"], "vendor", vendor)
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)
    assert ids() == expected


def test_a_database_that_django_cannot_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_iot_ingest.checks.database.connections", SimpleNamespace())
    assert ids() == []


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, []), (262_144, []), (262_143, ["W093"]), ("1M", [])]
)
def test_an_upload_limit(settings: Any, limit: Any, expected: list[str]) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = limit
    assert ids() == expected


@pytest.mark.parametrize("urlconf", ["django.contrib.auth.urls", "no.such.module", "", None])
def test_an_endpoint_without_url(settings: Any, urlconf: Any) -> None:
    settings.ROOT_URLCONF = urlconf
    assert ids() == ["W094"]
    assert 'path("api/internal/", include("django_iot_ingest.urls"))' in str(only_message().hint)
