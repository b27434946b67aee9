"""The kit's client: it signs as the gateway does, and every part of that can be left out."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test import Client, RequestFactory
from django.urls import path
from rest_framework.authentication import BaseAuthentication

from django_iot_ingest.testing import GatewayClient, full_snapshot, status
from django_iot_ingest.views import StationDataInternalView
from tests import leaks

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LONG = "another-secret-of-at-least-32-bytes"

urlpatterns = [path("elsewhere", StationDataInternalView.as_view())]


class Pass(BaseAuthentication):
    """Take one word for the bearer token."""

    def authenticate(self, request: Any) -> Any:
        if request.headers.get("Authorization") != "Bearer open-sesame":
            return None
        return get_user_model().objects.get_or_create(
            username="porter", is_staff=True, is_superuser=True
        )[0], None


def error(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_a_payload_is_accepted_and_its_answer_returned() -> None:
    data = GatewayClient().send(full_snapshot())
    assert (data["state"], data["powerbanks_updated"]) == ("applied", 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"headers": {"Authorization": None}}, (401, "NOT_AUTHENTICATED")),
        ({"headers": {"authorization": "Bearer x.y.z"}}, (401, "NOT_AUTHENTICATED")),
        ({"headers": {"X-Signature": None}}, (403, "INVALID_SIGNATURE")),
        ({"headers": {"X-SIGNATURE": "A" * 43 + "="}}, (403, "INVALID_SIGNATURE")),
        ({"headers": {"X-Timestamp": None}}, (403, "INVALID_SIGNATURE")),
        ({"headers": {"Content-Type": "text/plain"}}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"headers": {"Content-Type": None}}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"secret": LONG}, (403, "INVALID_SIGNATURE")),
        ({"timestamp": "yesterday"}, (403, "INVALID_SIGNATURE")),
    ],
)
def test_each_header_can_be_otherwise(options: Any, expected: tuple[int, str]) -> None:
    assert error(GatewayClient().post(status(), **options)) == expected


def test_an_empty_header_is_sent_and_one_that_is_none_is_not() -> None:
    headers = GatewayClient(token="x").headers(b"", headers={"X-Empty": "", "X-Timestamp": None})
    assert headers["x-empty"] == ""
    assert "x-timestamp" not in headers and "x-signature" in headers


def test_a_stale_stamp_is_a_number_of_seconds() -> None:
    stale = GatewayClient().post(status(), timestamp=time.time() - 301)
    assert error(stale) == (403, "STALE_TIMESTAMP")


def test_the_secret_is_read_when_it_is_used(settings: Any) -> None:
    gateway = GatewayClient()
    gateway.send(status())
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": [LONG]}
    gateway.send(status("OFFLINE"))
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": []}
    with pytest.raises(ImproperlyConfigured, match="SIGNATURE_SECRETS"):
        gateway.send(status())


def test_what_is_refused_says_why_and_what_to_do() -> None:
    gateway = GatewayClient(token="x.y.z")
    with pytest.raises(
        AssertionError, match=r"answered 401 .*NOT_AUTHENTICATED.*token="
    ) as refused:
        gateway.send(status())
    assert "x.y.z" not in str(refused.value)
    with pytest.raises(AssertionError, match=r"answered 400 .*device\.status"):
        GatewayClient().send(status("AWAY"))


def test_an_address_outside_the_list_is_told_of(settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "ALLOWED_IPS": ["203.0.113.7"]}
    with pytest.raises(AssertionError, match=r"IP_NOT_ALLOWED.*REMOTE_ADDR"):
        GatewayClient().send(status())
    GatewayClient(Client(REMOTE_ADDR="203.0.113.7")).send(status())


def test_what_is_no_answer_of_ours_is_told_too(settings: Any) -> None:
    with pytest.raises(AssertionError, match="answered 404"):
        GatewayClient(url="/nowhere").send(status())


def test_a_project_that_insists_on_https_is_called_so(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    GatewayClient().send(status())


@pytest.mark.urls(__name__)
def test_a_url_of_the_hosts_own_serves() -> None:
    GatewayClient(url="/elsewhere").send(status())


def test_one_user_is_made_however_many_log_in() -> None:
    tokens = {GatewayClient().token, GatewayClient().token}
    assert len(tokens) == 2
    assert get_user_model().objects.filter(is_superuser=True).count() == 1


def test_a_host_without_simplejwt_gives_its_own_token(settings: Any) -> None:
    classes = [f"{__name__}.{Pass.__name__}"]
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTHENTICATION_CLASSES": classes}
    with pytest.raises(ImproperlyConfigured, match=r"token=.*log_in\(\)"):
        GatewayClient().send(status())
    GatewayClient(token="open-sesame").send(status())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("length", "phone"), [(150, "gateway@example.com"), (None, "gateway@example.com"), (5, "tor 1")]
)
def test_a_user_model_of_the_hosts_own_gets_what_it_requires(
    monkeypatch: Any, length: int | None, phone: str
) -> None:
    made: dict[str, Any] = {}

    class Manager:
        def filter(self, **_: Any) -> Any:
            return SimpleNamespace(first=lambda: None)

        def create_superuser(self, **fields: Any) -> str:
            made.update(fields)
            return "user"

    own = {"phone": models.CharField(max_length=length)}

    def get_field(name: str) -> Any:
        return own.get(name) or get_user_model()._meta.get_field(name)

    model = SimpleNamespace(
        USERNAME_FIELD="phone",
        REQUIRED_FIELDS=["email", "first_name"],
        _meta=SimpleNamespace(get_field=get_field),
        _default_manager=Manager(),
    )
    monkeypatch.setattr("django_iot_ingest.testing.client.get_user_model", lambda: model)
    assert GatewayClient().make_user() == "user"
    assert made.pop("first_name").startswith("set by the operator")
    assert made.pop("phone") == phone
    assert made == {"email": "gateway@example.com", "password": None}


@pytest.mark.django_db
def test_a_user_that_cannot_be_made_is_asked_for(monkeypatch: Any) -> None:
    def refuse(users: Any) -> Any:
        raise LookupError("no value is known for a ForeignKey")

    monkeypatch.setattr("django_iot_ingest.testing.client.user_of", refuse)
    with pytest.raises(ImproperlyConfigured, match=r"ForeignKey.*override make_user\(\)"):
        GatewayClient().make_user()


def test_outside_of_tests_no_user_is_made(monkeypatch: Any) -> None:
    monkeypatch.delattr("django.core.mail.outbox")
    with pytest.raises(ImproperlyConfigured, match="in tests only"):
        GatewayClient().make_user()


def test_the_bytes_that_are_signed_are_those_that_are_sent() -> None:
    sent = []

    class Recorder(Client):
        def generic(self, *args: Any, **options: Any) -> Any:
            request = RequestFactory().generic(*args, **options)
            sent.append((request.body, request.headers))
            return super().generic(*args, **options)

    gateway = GatewayClient(Recorder())
    gateway.send(full_snapshot())
    ((body, headers),) = sent
    leaks.are_sensitive(gateway.token, headers["X-Signature"], gateway.secret)
    assert "चार्ज घर ☕".encode() in body
    assert headers["Content-Type"] == "application/json"
