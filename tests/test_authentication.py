"""Who is let in: an admin's bearer token, and a signature; and nobody learns why he is not."""

from __future__ import annotations

import base64
import logging
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import OperationalError
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from django_iot_ingest import signing
from django_iot_ingest.authentication import SignatureAuthentication, SignedRequest
from django_iot_ingest.models import IngestEvent
from tests.gateway import URL, Gateway
from tests.payloads import SECRET, encode, status
from tests.test_signing import MISSHAPEN_SIGNATURES, MISSHAPEN_TIMESTAMPS

pytestmark = pytest.mark.django_db

NOW = 1_795_452_778
"""November 2026, a whole second."""

BASE = "rest_framework.authentication"
JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop our clock just before the second after ``NOW``."""
    monkeypatch.setattr(time, "time", lambda: NOW + 0.999)


def set_ingest(settings: Any, **changed: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changed}


def answer(response: Any) -> tuple[int, str]:
    """Return status and error of an answer; 200 has no error."""
    return response.status_code, response.json().get("error", "")


def assert_not_authenticated(response: Any) -> None:
    assert answer(response) == (401, "NOT_AUTHENTICATED")
    assert response["WWW-Authenticate"] == "Bearer"
    assert not IngestEvent.objects.exists()


def admin() -> Any:
    return get_user_model().objects.get(is_superuser=True)


# --- the request that is let in


def test_a_signed_request_of_an_admin_is_let_in_with_its_bytes_and_its_token(
    gateway: Gateway,
) -> None:
    body = encode(status())
    headers = gateway.headers(body)
    request = APIRequestFactory().post(URL, body, content_type="application/json", headers=headers)
    user, signed = SignatureAuthentication().authenticate(Request(request))
    assert user == admin()
    assert isinstance(signed, SignedRequest)
    assert signed.receipt.body == body
    assert signed.receipt.signed_at == int(headers["X-Timestamp"])
    assert str(signed.token) == gateway.token


# --- shape


@pytest.mark.parametrize("timestamp", MISSHAPEN_TIMESTAMPS.values(), ids=list(MISSHAPEN_TIMESTAMPS))
def test_a_timestamp_of_another_shape_is_a_signature_fault(
    gateway: Gateway, timestamp: str
) -> None:
    response = gateway.post(status(), timestamp=timestamp)
    assert answer(response) == (403, "INVALID_SIGNATURE")


@pytest.mark.parametrize("signature", MISSHAPEN_SIGNATURES.values(), ids=list(MISSHAPEN_SIGNATURES))
def test_a_signature_of_another_shape_is_a_signature_fault(
    gateway: Gateway, signature: str
) -> None:
    response = gateway.post(status(), X_Signature=signature)
    assert answer(response) == (403, "INVALID_SIGNATURE")


@pytest.mark.parametrize("header", ["X_Timestamp", "X_Signature"])
def test_a_missing_header_is_a_signature_fault(gateway: Gateway, header: str) -> None:
    assert answer(gateway.post(status(), **{header: None})) == (403, "INVALID_SIGNATURE")


# --- the bearer


def token(**claims: Any) -> str:
    """Return a signed access token of the admin with other claims."""
    changed = AccessToken.for_user(admin())
    changed.payload.update(claims)
    return str(changed)


def encoded(key: Any, algorithm: str | None) -> str:
    """Return an access token of the admin that is signed in another way."""
    payload = AccessToken.for_user(admin()).payload
    return jwt.encode(payload, key, algorithm=algorithm)  # type: ignore[arg-type]


def expired() -> str:
    late = AccessToken.for_user(admin())
    late.set_exp(lifetime=-timedelta(seconds=1))
    return str(late)


BAD_TOKENS = {
    "garbage": lambda: "garbage",
    "expired": expired,
    "refresh-token": lambda: str(RefreshToken.for_user(admin())),
    "not-signed": lambda: encoded(None, "none"),
    "other-key": lambda: encoded("another-key-that-is-long-enough-for-hs256", "HS256"),
    "other-algorithm": lambda: encoded(project.SECRET_KEY + "x" * 64, "HS512"),
    "signature-cut-off": lambda: token().rpartition(".")[0] + ".",
    "no-user-of-that-id": lambda: token(user_id="2147483647"),
    "user-id-of-letters": lambda: token(user_id="abc"),
    "user-id-beyond-64-bits": lambda: token(user_id=2**70),
    "user-id-negative": lambda: token(user_id=-1),
    "user-id-null": lambda: token(user_id=None),
    "user-id-list": lambda: token(user_id=[1]),
    "user-id-empty-list": lambda: token(user_id=[]),
    "user-id-object": lambda: token(user_id={"pk": 1}),
    "user-id-empty": lambda: token(user_id=""),
    "user-id-with-nul": lambda: token(user_id="1\x00"),
    "user-id-with-surrogate": lambda: token(user_id="\ud800"),
    "user-id-of-many-digits": lambda: token(user_id="9" * 5000),
    "token-type-null": lambda: token(token_type=None),
    "expiry-of-letters": lambda: token(exp="soon"),
    "expiry-null": lambda: token(exp=None),
    "expiry-infinite": lambda: token(exp=float("inf")),
    "expiry-beyond-any-date": lambda: token(exp=10**30),
}


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=list(BAD_TOKENS))
def test_a_bad_token_is_not_authenticated(gateway: Gateway, make: Any) -> None:
    gateway.token = make()
    assert_not_authenticated(gateway.post(status()))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "bearer {}",
        "BEARER {}",
        "JWT {}",
        "Token {}",
        "Bearer {} {}",
        "Bearer {},Bearer {}",
        "Bearer\t{}",
        "{}",
        "Bearer é{}",
        "Bearer \x00",
    ],
)
def test_only_one_bearer_token_is_a_bearer_token(gateway: Gateway, header: str | None) -> None:
    value = header and header.replace("{}", gateway.token)
    assert_not_authenticated(gateway.post(status(), Authorization=value))


def test_a_deleted_user_is_not_authenticated(gateway: Gateway) -> None:
    admin().delete()
    assert_not_authenticated(gateway.post(status()))


def test_an_inactive_user_is_not_authenticated(gateway: Gateway) -> None:
    get_user_model().objects.update(is_active=False)
    assert_not_authenticated(gateway.post(status()))


def test_an_earlier_token_still_holds_after_the_next_login(gateway: Gateway) -> None:
    AccessToken.for_user(admin())
    gateway.send(status())


@pytest.mark.parametrize(
    "classes",
    [
        [JWT],
        [f"{BASE}.SessionAuthentication"],
        [f"{BASE}.SessionAuthentication", JWT],
        [f"{BASE}.BasicAuthentication", f"{BASE}.RemoteUserAuthentication", JWT],
        ["tests.test_authentication.HouseSession", JWT],
        [],
    ],
    ids=["jwt", "session", "session-first", "basic-first", "own-session", "none"],
)
@pytest.mark.parametrize("authorization", [None, "basic", "garbage"])
def test_no_session_no_password_and_no_proxy_lets_anybody_in(
    gateway: Gateway, settings: Any, classes: list[str], authorization: str | None
) -> None:
    set_ingest(settings, AUTHENTICATION_CLASSES=classes)
    user = admin()
    user.set_password("password")
    user.save()
    gateway.client.force_login(user)
    gateway.client.defaults["REMOTE_USER"] = user.username
    password = base64.b64encode(f"{user.username}:password".encode()).decode()
    values = {None: None, "basic": f"Basic {password}", "garbage": "Bearer garbage"}
    assert_not_authenticated(gateway.post(status(), Authorization=values[authorization]))


def test_a_bearer_is_let_in_behind_a_class_that_is_never_asked(
    gateway: Gateway, settings: Any
) -> None:
    set_ingest(settings, AUTHENTICATION_CLASSES=[f"{BASE}.SessionAuthentication", JWT])
    gateway.send(status())


# --- the host's own classes


class HouseSession(SessionAuthentication):
    """A host's own way to let sessions in."""

    def enforce_csrf(self, request: Any) -> None:
        """Ask for nothing."""


class KeyAuthentication(BaseAuthentication):
    """Know one bearer key; leave every other token to the next class."""

    def authenticate(self, request: Any) -> Any:
        return (admin(), "key") if request.META["HTTP_AUTHORIZATION"] == "Bearer key" else None


class FailingAuthentication(BaseAuthentication):
    """Fail with whatever a test says."""

    error: Exception = Exception("not told")

    def authenticate(self, request: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("key", ["key", None])
def test_a_hosts_own_bearer_class_is_asked_and_may_leave_it_to_the_next(
    gateway: Gateway, settings: Any, key: str | None
) -> None:
    classes = ["tests.test_authentication.KeyAuthentication", JWT]
    set_ingest(settings, AUTHENTICATION_CLASSES=classes)
    gateway.token = key or gateway.token
    gateway.send(status())


ERRORS: dict[str, tuple[Exception, tuple[int, str]]] = {
    "failed": (exceptions.AuthenticationFailed("told"), (401, "NOT_AUTHENTICATED")),
    "not-authenticated": (exceptions.NotAuthenticated("told"), (401, "NOT_AUTHENTICATED")),
    "denied": (exceptions.PermissionDenied("told"), (403, "NOT_PERMITTED")),
    "denied-by-django": (DjangoPermissionDenied("told"), (403, "NOT_PERMITTED")),
    "throttled": (exceptions.Throttled(60, "told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "broken": (exceptions.APIException("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "database-away": (OperationalError("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "key-server-away": (ConnectionError("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "timeout": (TimeoutError("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "bug": (RuntimeError("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "no-such-attribute": (AttributeError("told"), (503, "TEMPORARILY_UNAVAILABLE")),
    "not-configured": (ImproperlyConfigured("told"), (503, "TEMPORARILY_UNAVAILABLE")),
}


@pytest.mark.parametrize(("error", "expected"), ERRORS.values(), ids=list(ERRORS))
def test_only_a_bad_token_is_told_as_one_whatever_a_class_raises(
    gateway: Gateway,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: tuple[int, str],
) -> None:
    classes = ["tests.test_authentication.FailingAuthentication"]
    set_ingest(settings, AUTHENTICATION_CLASSES=classes)
    monkeypatch.setattr(FailingAuthentication, "error", error)
    response = gateway.post(status())
    assert answer(response) == expected
    assert b"told" not in response.content
    assert response.get("Retry-After") == ("5" if expected[0] == 503 else None)
    assert response.get("WWW-Authenticate") == ("Bearer" if expected[0] == 401 else None)


def test_database_trouble_while_the_user_is_looked_up_is_temporary(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_user(*_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(JWTAuthentication, "get_user", get_user)
    response = gateway.post(status())
    assert answer(response) == (503, "TEMPORARILY_UNAVAILABLE")
    assert response["Retry-After"] == "5"


def test_a_class_that_does_not_exist_is_temporary_trouble_and_lets_nobody_in(
    gateway: Gateway, settings: Any
) -> None:
    set_ingest(settings, AUTHENTICATION_CLASSES=["tests.nowhere.Authentication"])
    assert answer(gateway.post(status())) == (503, "TEMPORARILY_UNAVAILABLE")


# --- the predicate


def is_gateway(user: Any) -> bool:
    """Let one user in by name, admin or not."""
    return bool(user.username == "gateway@example.com")


@pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
def test_a_user_who_lacks_one_flag_is_not_permitted(gateway: Gateway, flag: str) -> None:
    get_user_model().objects.update(**{flag: False})
    response = gateway.post(status())
    assert answer(response) == (403, "NOT_PERMITTED")
    assert "WWW-Authenticate" not in response
    assert not IngestEvent.objects.exists()


def test_an_inactive_user_that_a_hosts_class_lets_through_is_not_permitted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = admin()
    user.is_active = False
    monkeypatch.setattr(JWTAuthentication, "get_user", lambda *_: user)
    assert answer(gateway.post(status())) == (403, "NOT_PERMITTED")


def test_the_predicate_is_a_setting(gateway: Gateway, settings: Any) -> None:
    set_ingest(settings, ADMIN_PREDICATE="tests.test_authentication.is_gateway")
    get_user_model().objects.update(is_staff=False, is_superuser=False)
    gateway.send(status())
    get_user_model().objects.update(username="somebody", is_staff=True, is_superuser=True)
    assert answer(gateway.post(status())) == (403, "NOT_PERMITTED")


# --- the time window


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
@pytest.mark.usefixtures("clock")
def test_a_timestamp_up_to_300_seconds_away_is_accepted(gateway: Gateway, seconds: int) -> None:
    gateway.send(status(at=NOW), timestamp=NOW + seconds)


@pytest.mark.parametrize("timestamp", [NOW - 301, NOW + 301, "0000000000", "9999999999"])
@pytest.mark.usefixtures("clock")
def test_a_timestamp_further_away_is_stale_and_is_told_our_time(
    gateway: Gateway, timestamp: Any
) -> None:
    response = gateway.post(status(at=NOW), timestamp=timestamp)
    assert answer(response) == (403, "STALE_TIMESTAMP")
    assert response.json()["server_time"] == NOW
    assert not IngestEvent.objects.exists()


@pytest.mark.usefixtures("clock")
def test_the_window_is_a_setting(gateway: Gateway, settings: Any) -> None:
    set_ingest(settings, SIGNATURE_TIMEOUT=10)
    gateway.send(status(at=NOW), timestamp=NOW - 10)
    assert gateway.post(status(at=NOW), timestamp=NOW - 11).status_code == 403


# --- the secrets

OLD = "previous-secret-of-the-station-gateway-0123456789"


def test_the_secret_before_is_still_accepted_and_the_log_says_so_without_it(
    gateway: Gateway, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    set_ingest(settings, SIGNATURE_SECRETS=[SECRET, OLD])
    caplog.set_level(logging.DEBUG)
    gateway.send(status(), secret=SECRET)
    assert "SIGNATURE_SECRETS[1]" not in caplog.text
    gateway.send(status(), secret=OLD)
    assert "SIGNATURE_SECRETS[1]" in caplog.text
    assert OLD not in caplog.text


def test_a_secret_that_was_taken_out_is_refused(gateway: Gateway, settings: Any) -> None:
    gateway.send(status())
    set_ingest(settings, SIGNATURE_SECRETS=[OLD])
    assert answer(gateway.post(status())) == (403, "INVALID_SIGNATURE")


UNUSABLE = {
    "absent": ...,
    "none": None,
    "empty-list": [],
    "bare-text": SECRET,
    "bare-bytes": SECRET.encode(),
    "list-of-bytes": [SECRET.encode()],
    "list-of-none": [None],
    "list-in-a-list": [[SECRET]],
    "set": {SECRET},
    "object": {SECRET: SECRET},
    "number": 1,
    "lone-surrogate": ["\ud800" * 32],
}


@pytest.mark.parametrize("value", UNUSABLE.values(), ids=list(UNUSABLE))
def test_secrets_of_a_wrong_type_verify_nothing(
    gateway: Gateway, settings: Any, value: Any
) -> None:
    set_ingest(settings, SIGNATURE_SECRETS=value)
    if value is ...:
        del settings.IOT_INGEST["SIGNATURE_SECRETS"]
    assert answer(gateway.post(status())) == (403, "INVALID_SIGNATURE")


@pytest.mark.parametrize("secrets", [[""], ["", SECRET], [SECRET, ""], "", [None, ""]])
def test_the_empty_secret_never_verifies(gateway: Gateway, settings: Any, secrets: Any) -> None:
    set_ingest(settings, SIGNATURE_SECRETS=secrets)
    assert answer(gateway.post(status(), secret="")) == (403, "INVALID_SIGNATURE")


def test_one_letter_of_a_bare_secret_never_verifies(gateway: Gateway, settings: Any) -> None:
    set_ingest(settings, SIGNATURE_SECRETS=SECRET)
    assert answer(gateway.post(status(), secret=SECRET[0])) == (403, "INVALID_SIGNATURE")


# --- the body


def test_every_signature_fault_has_the_same_answer(gateway: Gateway) -> None:
    body = encode(status())
    other = signing.sign(body + b" ", str(int(time.time())), SECRET)
    faults: list[dict[str, Any]] = [
        {"X_Signature": None},
        {"X_Timestamp": None},
        {"X_Signature": "short"},
        {"X_Signature": "é" * 44},
        {"timestamp": "soon"},
        {"X_Signature": other},
        {"secret": "another-secret-of-somebody-else-0123456789"},
        {"timestamp": "0000000001", "secret": "another-secret-of-somebody-else-0123456789"},
    ]
    answers = [gateway.post(body, **fault) for fault in faults]
    told = {(a.status_code, a.json()["error"], a.json()["message"], len(a.json())) for a in answers}
    assert told == {(403, "INVALID_SIGNATURE", "Request refused", 4)}


def test_the_raw_bytes_are_signed_not_what_they_mean(gateway: Gateway) -> None:
    body = encode(status())
    signed = gateway.headers(body)
    for same in (body + b"\n", body.replace(b": ", b":")):
        response = gateway.client.post(
            URL, data=same, content_type="application/json", headers=signed
        )
        assert answer(response) == (403, "INVALID_SIGNATURE")
