"""Who may see numbers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from django_iot_ingest import health, metrics
from django_iot_ingest.operators import OperatorView, may_see

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-the-tests-alone"


def user(django_user_model: Any, *permissions: str, **flags: Any) -> Any:
    made = django_user_model.objects.create_user("somebody", **flags)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def request(who: Any = None, **headers: str) -> Any:
    made = RequestFactory().get("/", headers=headers)
    if who is not None:
        made.user = who
    return made


@pytest.mark.parametrize(
    ("permissions", "flags", "sees"),
    [
        ([], {"is_staff": True, "is_superuser": True}, True),
        (["view_fleet"], {"is_staff": True}, True),
        (["view_fleet"], {}, False),
        (["view_ingestevent"], {"is_staff": True}, False),
        ([], {"is_staff": True}, False),
        ([], {"is_superuser": True}, False),
        (["view_fleet"], {"is_staff": True, "is_active": False}, False),
    ],
)
def test_staff_that_may_see_the_fleet_page(
    permissions: list[str], flags: dict[str, bool], sees: bool, django_user_model: Any
) -> None:
    who = user(django_user_model, *permissions, **flags)
    assert may_see(request(who), "") is sees
    assert may_see(request(who), TOKEN) is sees


@pytest.mark.parametrize(
    ("header", "sees"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer", False),
        ("Bearer ", False),
        (f"Bearer {TOKEN.upper()}", False),
        (f"Bearer {TOKEN}, Bearer {TOKEN}", False),
        ("Bearer \u00fc\u0130\ud800", False),
    ],
)
def test_the_token(header: str, sees: bool) -> None:
    asked = request()
    asked.META["HTTP_AUTHORIZATION"] = header
    assert may_see(asked, TOKEN) is sees
    assert may_see(asked, "") is False


@pytest.mark.parametrize("who", [None, AnonymousUser()])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", ""])
def test_nobody_is_let_in_by_where_he_comes_from(who: Any, address: str) -> None:
    asked = request(who, **{"X-Forwarded-For": "127.0.0.1"})
    asked.META["REMOTE_ADDR"] = address
    assert may_see(asked, "") is may_see(asked, TOKEN) is False


def test_a_wrong_token_costs_no_look_at_a_session() -> None:
    asked = request(SimpleLazyObject(lambda: pytest.fail("the session was read")))
    asked.META["HTTP_AUTHORIZATION"] = "Bearer of-somebody-else-altogether"
    assert may_see(asked, TOKEN) is False


@pytest.mark.parametrize("error", [OperationalError("away"), ConnectionError("no cache answers")])
def test_a_session_that_cannot_be_read_lets_nobody_in(error: Exception) -> None:
    def fail() -> Any:
        raise error

    assert may_see(request(SimpleLazyObject(fail)), TOKEN) is False


@pytest.mark.parametrize("view", [health.HealthView, metrics.MetricsView])
@pytest.mark.parametrize("token", ["short", "x" * 15, None, 5, b"x" * 32, "\u00fc" * 32])
def test_a_token_that_is_none_is_not_taken_and_not_shown(view: Any, token: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="at least 16 characters") as caught:
        view.as_view(token=token)
    assert "short" not in str(caught.value)
    assert "\u00fc" not in str(caught.value)


def test_who_is_refused_learns_how_to_come_in() -> None:
    with_token, without = OperatorView(token=TOKEN).refuse(), OperatorView().refuse()
    assert (with_token.status_code, with_token["WWW-Authenticate"]) == (401, "Bearer")
    assert (without.status_code, without.headers.get("WWW-Authenticate")) == (403, None)


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options", "trace"])
@pytest.mark.parametrize("view", [health.HealthView, metrics.MetricsView])
def test_nothing_but_get_and_head(method: str, view: Any) -> None:
    asked = getattr(RequestFactory(enforce_csrf_checks=True), method)("/")
    answer = view.as_view(token=TOKEN)(asked)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Cache-Control"] == "no-store"
