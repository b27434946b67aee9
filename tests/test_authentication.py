"""Who is let in: an admin's bearer token, and a signature; and nobody learns why he is not."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest import signing
from django_iot_ingest.authentication import SignatureAuthentication, SignedRequest
from django_iot_ingest.models import IngestEvent
from tests.gateway import URL, Gateway
from tests.payloads import SECRET, encode, status
from tests.test_signing import MISSHAPEN_SIGNATURES, MISSHAPEN_TIMESTAMPS

pytestmark = pytest.mark.django_db

NOW = 1_795_452_778
"""November 2026, a whole second."""

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


def test_an_earlier_token_still_holds_after_the_next_login(gateway: Gateway) -> None:
    AccessToken.for_user(admin())
    gateway.send(status())


# --- the host's own classes


class KeyAuthentication(BaseAuthentication):
    """Know one bearer key; leave every other token to the next class."""

    def authenticate(self, request: Any) -> Any:
        return (admin(), "key") if request.META["HTTP_AUTHORIZATION"] == "Bearer key" else None


@pytest.mark.parametrize("key", ["key", None])
def test_a_hosts_own_bearer_class_is_asked_and_may_leave_it_to_the_next(
    gateway: Gateway, settings: Any, key: str | None
) -> None:
    classes = ["tests.test_authentication.KeyAuthentication", JWT]
    set_ingest(settings, AUTHENTICATION_CLASSES=classes)
    gateway.token = key or gateway.token
    gateway.send(status())


# --- the predicate


def is_gateway(user: Any) -> bool:
    """Let one user in by name, admin or not."""
    return bool(user.username == "gateway@example.com")


def test_an_inactive_user_that_a_hosts_class_lets_through_is_not_permitted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = admin()
    user.is_active = False
    monkeypatch.setattr(JWTAuthentication, "get_user", lambda *_: user)
    assert answer(gateway.post(status())) == (403, "NOT_PERMITTED")


def test_the_predicate_is_a_setting(gateway: Gateway, settings: Any) -> None:
    predicate = "tests.test_authentication.is_gateway"
    set_ingest(settings, ADMIN_PREDICATE=predicate, PRINCIPAL_CACHE_SECONDS=0)
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
