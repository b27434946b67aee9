"""No other way in"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import (
    ImproperlyConfigured,
    ObjectDoesNotExist,
    SuspiciousOperation,
    ValidationError,
)
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import DatabaseError, DataError, OperationalError
from django.http import Http404, HttpRequest
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import include, path
from rest_framework import exceptions
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.views import APIView

from django_iot_ingest.authentication import SignedRequest
from django_iot_ingest.events import Receipt
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.views import StationDataInternalView
from tests.checking import ids
from tests.gateway import URL
from tests.line import Line
from tests.security.cases import attack, case, told
from tests.security.tokens import ADMIN, claims, mint, only_admin

pytestmark = pytest.mark.one_host

APPLIED = "200 applied"
REFUSED = "401 NOT_AUTHENTICATED"
NOT_PERMITTED = "403 NOT_PERMITTED"
BAD_MAC = "403 INVALID_SIGNATURE"
UNAVAILABLE = "503 TEMPORARILY_UNAVAILABLE"

HERE = __name__
DRF = "rest_framework.authentication"
JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"
STATELESS = "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
OURS = "django_iot_ingest.authentication.SignatureAuthentication"
EVERY_OTHER = [f"{DRF}.{name}Authentication" for name in ("Session", "Basic", "RemoteUser")]

CANARY = "CaNaRy-7291"
PASSWORD = "a-password-of-an-admin"


@pytest.fixture(autouse=True)
def admin(line: Line) -> Any:
    user = only_admin()
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Change keys of ``IOT_INGEST``."""

    def change(**changed: Any) -> None:
        settings.IOT_INGEST = {**settings.IOT_INGEST, **changed}

    return change


def answer(line: Line, authorization: str | None, **said: Any) -> str:
    """Return what a request is answered, and look for what it left."""
    extra = {"HTTP_AUTHORIZATION": authorization, **said.pop("extra", {})}
    response = line.call(extra=extra, **said)
    heard = told(response)
    assert CANARY not in response.content.decode()
    assert response.get("WWW-Authenticate") == ("Bearer" if heard == REFUSED else None)
    assert response.get("Retry-After") == ("5" if heard == UNAVAILABLE else None)
    assert IngestEvent.objects.exists() == heard.startswith("200")
    return heard


def bearing(line: Line, **said: Any) -> str:
    """Return what a request with the admin's good token is answered."""
    return answer(line, f"Bearer {mint()}", **said)


# --- other credentials


class OpenSession(SessionAuthentication):
    """A host's session class that asks for no CSRF token."""

    def enforce_csrf(self, request: Any) -> None:
        """Ask for nothing."""


def nothing(user: Any) -> dict[str, str]:
    return {}


def session(user: Any) -> dict[str, str]:
    """Log in, as in the admin's pages."""
    client = Client()
    client.force_login(user)
    return {"HTTP_COOKIE": f"sessionid={client.cookies['sessionid'].value}"}


def session_with_csrf(user: Any) -> dict[str, str]:
    """Log in, and send what a form of ours would send."""
    request = HttpRequest()
    token = get_token(request)
    cookie = f"{session(user)['HTTP_COOKIE']}; csrftoken={request.META['CSRF_COOKIE']}"
    return {"HTTP_COOKIE": cookie, "HTTP_X_CSRFTOKEN": token}


def basic(user: Any) -> dict[str, str]:
    word = base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {word}"}


def remote_user(user: Any) -> dict[str, str]:
    return {"REMOTE_USER": user.username, "AUTH_TYPE": "Negotiate"}


def proxy_user(user: Any) -> dict[str, str]:
    names = ("HTTP_REMOTE_USER", "HTTP_X_REMOTE_USER", "HTTP_X_FORWARDED_USER", "HTTP_X_USER")
    return dict.fromkeys(names, user.username)


def certificate(user: Any) -> dict[str, str]:
    return {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN": f"CN={user.username}"}


def session_and_garbage(user: Any) -> dict[str, str]:
    return {**session(user), "HTTP_AUTHORIZATION": "Bearer a.b.c"}


def everything(user: Any) -> dict[str, str]:
    return session_with_csrf(user) | remote_user(user) | proxy_user(user) | basic(user)


@pytest.mark.parametrize(
    "credentials",
    [
        attack("no credentials", REFUSED, nothing),
        attack("the session of a superuser", REFUSED, session),
        attack("the session of a superuser, and a CSRF token", REFUSED, session_with_csrf),
        attack("the session of a superuser, and a bad token", REFUSED, session_and_garbage),
        attack("the password of a superuser", REFUSED, basic),
        attack("REMOTE_USER of the web server", REFUSED, remote_user),
        attack("names of a user in headers of a proxy", REFUSED, proxy_user),
        attack("a client certificate", REFUSED, certificate),
        attack("all these credentials at once", REFUSED, everything),
    ],
)
def test_nothing_but_a_bearer_token_lets_in(
    credentials: Callable[[Any], dict[str, str]],
    expected: str,
    line: Line,
    admin: Any,
    configure: Any,
) -> None:
    said = credentials(admin)
    for classes in ([JWT], [*EVERY_OTHER, JWT], [f"{HERE}.OpenSession", JWT]):
        configure(AUTHENTICATION_CLASSES=classes)
        assert answer(line, None, extra=said) == expected


@pytest.mark.parametrize(
    "credentials",
    [
        attack("a good token and a session", APPLIED, session),
        attack("a good token and REMOTE_USER of nobody", APPLIED, lambda _: {"REMOTE_USER": "x"}),
        attack(
            "a good token and a session of nobody",
            APPLIED,
            lambda _: {"HTTP_COOKIE": "sessionid=x"},
        ),
    ],
)
def test_other_credentials_do_not_disturb(
    credentials: Any, expected: str, line: Line, admin: Any, configure: Any
) -> None:
    configure(AUTHENTICATION_CLASSES=[*EVERY_OTHER, JWT])
    assert bearing(line, extra=credentials(admin)) == expected


def superuser() -> Any:
    return get_user_model().objects.get(pk=ADMIN)


def names_a_user(get_response: Any) -> Any:
    """A middleware that says who it is."""

    def middleware(request: Any) -> Any:
        request.user = request._cached_user = superuser()
        return get_response(request)

    return middleware


def forces_a_user(get_response: Any) -> Any:
    """A middleware that does what REST framework's test client does."""

    def middleware(request: Any) -> Any:
        request._force_auth_user, request._force_auth_token = superuser(), "forced"
        request._user, request._auth = superuser(), "forced"
        return get_response(request)

    return middleware


def names_a_receipt(get_response: Any) -> Any:
    """A middleware that has verified everything already, as it believes."""

    def middleware(request: Any) -> Any:
        receipt = Receipt(request.body, 0, datetime.now(UTC))
        request.user, request.auth = superuser(), SignedRequest(receipt, "forced", 0.0)
        request._auth = request.auth
        return get_response(request)

    return middleware


def writes_a_header(get_response: Any) -> Any:
    """A middleware that turns a header of its own into a bearer token, as the host may."""

    def middleware(request: Any) -> Any:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {request.META['HTTP_X_TOKEN']}"
        return get_response(request)

    return middleware


@pytest.mark.parametrize(
    ("middleware", "said"),
    [
        attack("request.user set before", REFUSED, names_a_user, {}),
        attack("a user forced on REST framework", REFUSED, forces_a_user, {}),
        attack("request.auth set before", REFUSED, names_a_receipt, {}),
        attack(
            "request.user set before, a good token, no MAC",
            BAD_MAC,
            names_a_user,
            {"secret": "o" * 40, "token": "good"},
        ),
        attack(
            "a forced user, a good token, no MAC",
            BAD_MAC,
            forces_a_user,
            {"secret": "o" * 40, "token": "good"},
        ),
        attack(
            "request.auth set before, a good token, no MAC",
            BAD_MAC,
            names_a_receipt,
            {"secret": "o" * 40, "token": "good"},
        ),
    ],
)
def test_what_a_middleware_says_of_the_user_counts_for_nothing(
    middleware: Any, said: dict[str, Any], expected: str, line: Line, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{HERE}.{middleware.__name__}"]
    token = f"Bearer {mint()}" if said.pop("token", None) else None
    assert answer(line, token, **said) == expected


@case("a token that a middleware of the host puts into the header", APPLIED)
def test_the_header_is_the_hosts_to_write(line: Line, settings: Any, expected: str) -> None:
    settings.MIDDLEWARE = [f"{HERE}.writes_a_header", *settings.MIDDLEWARE]
    assert answer(line, None, extra={"HTTP_X_TOKEN": mint()}) == expected


# --- the view, changed by its host


class Anyone(BaseAuthentication):
    """A class that lets everybody in."""

    def authenticate(self, request: Any) -> Any:
        return superuser(), "anyone"


class OpenView(StationDataInternalView):
    """A host's view that asks somebody else."""

    authentication_classes = [Anyone]


urlpatterns = [
    path("api/internal/", include("django_iot_ingest.urls")),
    path("open", OpenView.as_view()),
    path("nobody", StationDataInternalView.as_view(authentication_classes=[])),
]


@pytest.mark.parametrize(
    "place",
    [
        attack("a view whose class knows no signature", REFUSED, "/open"),
        attack("a view that asks nobody", REFUSED, "/nobody"),
        attack("the view as it is, beside those", APPLIED, URL),
    ],
)
def test_a_view_without_our_class_lets_nobody_in(
    place: str, expected: str, line: Line, settings: Any
) -> None:
    settings.ROOT_URLCONF = HERE
    assert bearing(line, extra={"PATH_INFO": place}) == expected


@case("REST framework's defaults that let everybody in", REFUSED)
def test_a_projects_default_classes_are_not_asked(
    line: Line, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(APIView, "authentication_classes", [Anyone])
    assert answer(line, None) == expected


# --- which classes are asked


class BearerKey(TokenAuthentication):
    """REST framework's tokens under the word that the gateway sends."""

    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> Any:
        if key != "key-of-the-gateway":
            raise exceptions.AuthenticationFailed(CANARY)
        return superuser(), key


class TokenKey(BearerKey):
    """The same under REST framework's own word."""

    keyword = "Token"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        attack("REST framework's tokens under Bearer", APPLIED, "BearerKey", "Bearer {}"),
        attack(
            "REST framework's tokens under bearer, in lower case", APPLIED, "BearerKey", "bearer {}"
        ),
        attack("REST framework's tokens, another key", REFUSED, "BearerKey", "Bearer x{}"),
        attack("REST framework's tokens, two keys", REFUSED, "BearerKey", "Bearer {} {}"),
        attack(
            "REST framework's tokens under Bearer, Token sent", REFUSED, "BearerKey", "Token {}"
        ),
        attack("REST framework's tokens under Token", REFUSED, "TokenKey", "Token {}"),
        attack("the word Token expected, Bearer sent", REFUSED, "TokenKey", "Bearer {}"),
    ],
)
def test_keys_of_rest_framework_go_by_the_gateways_word(
    name: str, header: str, expected: str, line: Line, configure: Any
) -> None:
    configure(AUTHENTICATION_CLASSES=[f"{HERE}.{name}"])
    assert answer(line, header.replace("{}", "key-of-the-gateway")) == expected
    assert ids() == ([] if name == "BearerKey" else ["E053"])


@pytest.mark.once
@pytest.mark.parametrize(
    ("classes", "check"),
    [
        attack("the classes as a tuple", APPLIED, (JWT,), None),
        attack("a class twice", APPLIED, [JWT, JWT], None),
        attack("other ways in before the bearer's class", APPLIED, [*EVERY_OTHER, JWT], "E053"),
        attack("no class", UNAVAILABLE, [], "E050"),
        attack("the session class alone", UNAVAILABLE, EVERY_OTHER[:1], "E053"),
        attack("the basic class alone", UNAVAILABLE, EVERY_OTHER[1:2], "E053"),
        attack("the remote-user class alone", UNAVAILABLE, EVERY_OTHER[2:], "E053"),
        attack("a subclass of the session class", UNAVAILABLE, [f"{HERE}.OpenSession"], "E053"),
        attack("our own class, which would ask itself", UNAVAILABLE, [OURS], "E053"),
        attack("classes None", UNAVAILABLE, None, "E003"),
        attack("classes a number", UNAVAILABLE, 5, "E003"),
        attack("classes as one text", UNAVAILABLE, JWT, "E003"),
        attack("a class None", UNAVAILABLE, [None], "E003"),
        attack("a class that does not exist", UNAVAILABLE, ["tests.nowhere.Class"], "E051"),
        attack("a class without a module", UNAVAILABLE, ["JWTAuthentication"], "E051"),
        attack("a class that is a function", UNAVAILABLE, ["json.dumps"], "E052"),
        attack("a class of another kind", UNAVAILABLE, ["builtins.dict"], "E052"),
    ],
)
def test_only_classes_for_bearers_are_asked(
    classes: Any, check: str | None, expected: str, line: Line, configure: Any
) -> None:
    configure(AUTHENTICATION_CLASSES=classes)
    assert bearing(line) == expected
    assert set(ids()) == ({check} if check else set())


@pytest.mark.parametrize(
    "changed",
    [
        attack("a stateless token without the claims", NOT_PERMITTED, {}),
        attack("a stateless token that says staff", NOT_PERMITTED, {"is_staff": True}),
        attack(
            "a stateless token that says both", APPLIED, {"is_staff": True, "is_superuser": True}
        ),
        attack(
            "a stateless token that says both as text",
            NOT_PERMITTED,
            {"is_staff": "true", "is_superuser": "true"},
        ),
        attack(
            "a stateless token that says both as 1",
            NOT_PERMITTED,
            {"is_staff": 1, "is_superuser": 1},
        ),
    ],
)
def test_a_stateless_user_is_what_the_project_signed(
    changed: dict[str, Any], expected: str, line: Line, configure: Any
) -> None:
    configure(AUTHENTICATION_CLASSES=[STATELESS])
    assert answer(line, f"Bearer {mint(payload=claims(**changed))}") == expected


# --- what a class returns or raises


class Told(BaseAuthentication):
    """A class that does what a test says."""

    outcome: Any = None

    def authenticate(self, request: Any) -> Any:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome() if callable(self.outcome) else self.outcome


@pytest.fixture
def tell(configure: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Say what the bearer's class does."""

    def say(outcome: Any) -> None:
        configure(AUTHENTICATION_CLASSES=[f"{HERE}.Told"])
        monkeypatch.setattr(Told, "outcome", outcome)

    return say


class Agreeable:
    """An object that has every attribute, each of them true in its way."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def flags(value: Any) -> SimpleNamespace:
    return SimpleNamespace(is_active=value, is_staff=value, is_superuser=value)


@pytest.mark.once
@pytest.mark.parametrize(
    "outcome",
    [
        attack("a class that returns a superuser and a token", APPLIED, lambda: (superuser(), "t")),
        attack("a class that returns them in a list", APPLIED, lambda: [superuser(), "t"]),
        attack("a class that returns a superuser and None", APPLIED, lambda: (superuser(), None)),
        attack(
            "a class that returns an object with the flags", APPLIED, lambda: (flags(True), "t")
        ),
        attack("a class that returns None", REFUSED, None),
        attack("a class that returns nobody", NOT_PERMITTED, (None, "t")),
        attack("a class that returns None twice", NOT_PERMITTED, (None, None)),
        attack("a class that returns the anonymous user", NOT_PERMITTED, (AnonymousUser(), "t")),
        attack("a class that returns an object without flags", NOT_PERMITTED, (object(), "t")),
        attack("a class that returns flags of text", NOT_PERMITTED, (flags("True"), "t")),
        attack("a class that returns flags of 1", NOT_PERMITTED, (flags(1), "t")),
        attack("a class that returns flags that are methods", NOT_PERMITTED, (flags(print), "t")),
        attack(
            "a class that returns an object of every attribute", NOT_PERMITTED, (Agreeable(), "t")
        ),
        attack(
            "a class that returns a dictionary of flags", NOT_PERMITTED, (vars(flags(True)), "t")
        ),
        attack("a class that returns a name", NOT_PERMITTED, ("only", "t")),
        attack("a class that returns two letters", NOT_PERMITTED, "ab"),
        attack("a class that returns three things", UNAVAILABLE, (None, None, None)),
        attack("a class that returns one thing", UNAVAILABLE, (None,)),
        attack("a class that returns an empty tuple", UNAVAILABLE, ()),
        attack("a class that returns a user alone", UNAVAILABLE, superuser),
        attack("a class that returns True", UNAVAILABLE, True),
        attack("a class that returns False", UNAVAILABLE, False),
        attack("a class that returns 0", UNAVAILABLE, 0),
    ],
)
def test_a_class_answers_with_a_user_or_lets_nobody_in(
    outcome: Any, expected: str, line: Line, tell: Any
) -> None:
    tell(staticmethod(outcome) if callable(outcome) else outcome)
    assert bearing(line) == expected


class Coded(exceptions.APIException):
    """An exception with a status of its own."""

    def __init__(self, status_code: int) -> None:
        super().__init__(CANARY)
        self.status_code = status_code


@pytest.mark.once
@pytest.mark.parametrize(
    "error",
    [
        attack(
            "a class raises AuthenticationFailed", REFUSED, exceptions.AuthenticationFailed(CANARY)
        ),
        attack("a class raises NotAuthenticated", REFUSED, exceptions.NotAuthenticated(CANARY)),
        attack(
            "a class raises PermissionDenied", NOT_PERMITTED, exceptions.PermissionDenied(CANARY)
        ),
        attack(
            "a class raises Django's PermissionDenied",
            NOT_PERMITTED,
            DjangoPermissionDenied(CANARY),
        ),
        attack("a class raises Throttled", UNAVAILABLE, exceptions.Throttled(60, CANARY)),
        attack("a class raises ParseError", UNAVAILABLE, exceptions.ParseError(CANARY)),
        attack("a class raises NotFound", UNAVAILABLE, exceptions.NotFound(CANARY)),
        attack("a class raises APIException", UNAVAILABLE, exceptions.APIException(CANARY)),
        attack("a class raises an APIException of 200", UNAVAILABLE, Coded(200)),
        attack("a class raises an APIException of 302", UNAVAILABLE, Coded(302)),
        attack("a class raises an APIException of 401", REFUSED, Coded(401)),
        attack("a class raises an APIException of 403", NOT_PERMITTED, Coded(403)),
        attack("a class raises an APIException of 599", UNAVAILABLE, Coded(599)),
        attack("a class raises Http404", UNAVAILABLE, Http404(CANARY)),
        attack("a class raises SuspiciousOperation", UNAVAILABLE, SuspiciousOperation(CANARY)),
        attack("a class raises ImproperlyConfigured", UNAVAILABLE, ImproperlyConfigured(CANARY)),
        attack("a class raises ObjectDoesNotExist", UNAVAILABLE, ObjectDoesNotExist(CANARY)),
        attack("a class raises ValidationError", REFUSED, ValidationError(CANARY)),
        attack("a class raises ValueError", REFUSED, ValueError(CANARY)),
        attack("a class raises JSONDecodeError", REFUSED, json.JSONDecodeError(CANARY, "", 0)),
        attack(
            "a class raises UnicodeDecodeError",
            REFUSED,
            UnicodeDecodeError("utf-8", b"", 0, 0, CANARY),
        ),
        attack("a class raises TypeError", REFUSED, TypeError(CANARY)),
        attack("a class raises KeyError", REFUSED, KeyError(CANARY)),
        attack("a class raises IndexError", REFUSED, IndexError(CANARY)),
        attack("a class raises OverflowError", REFUSED, OverflowError(CANARY)),
        attack("a class raises RecursionError", REFUSED, RecursionError(CANARY)),
        attack("a class raises DataError", REFUSED, DataError(CANARY)),
        attack("a class raises DatabaseError", UNAVAILABLE, DatabaseError(CANARY)),
        attack("a class raises OperationalError", UNAVAILABLE, OperationalError(CANARY)),
        attack("a class raises MemoryError", UNAVAILABLE, MemoryError(CANARY)),
        attack("a class raises AttributeError", UNAVAILABLE, AttributeError(CANARY)),
        attack("a class raises ImportError", UNAVAILABLE, ImportError(CANARY)),
        attack("a class raises AssertionError", UNAVAILABLE, AssertionError(CANARY)),
        attack("a class raises NotImplementedError", UNAVAILABLE, NotImplementedError(CANARY)),
        attack("a class raises ConnectionError", UNAVAILABLE, ConnectionError(CANARY)),
        attack("a class raises TimeoutError", UNAVAILABLE, TimeoutError(CANARY)),
        attack("a class raises StopIteration", UNAVAILABLE, StopIteration(CANARY)),
        attack(
            "a class raises a group of errors",
            UNAVAILABLE,
            ExceptionGroup(CANARY, [ValueError(CANARY)]),
        ),
    ],
)
def test_only_a_bad_token_is_told_as_one(
    error: Exception, expected: str, line: Line, tell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tell(error)
    assert bearing(line) == expected
    assert CANARY not in caplog.text


@case("a class that fails with a word that is no text", UNAVAILABLE)
def test_an_error_that_cannot_be_told_is_temporary(line: Line, tell: Any, expected: str) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError(CANARY)

        __repr__ = __str__

    tell(Mute())
    assert bearing(line) == expected


# --- the predicate


def says(value: Any) -> Callable[[Any], Any]:
    return lambda user: value


def raises(error: Exception) -> Callable[[Any], Any]:
    def predicate(user: Any) -> Any:
        raise error

    return predicate


def predicate(user: Any) -> Any:
    """Stand in for what a test says."""


@pytest.mark.once
@pytest.mark.parametrize(
    "answers",
    [
        attack("a predicate that says True", APPLIED, says(True)),
        attack("a predicate that says False", NOT_PERMITTED, says(False)),
        attack("a predicate that says None", NOT_PERMITTED, says(None)),
        attack("a predicate that says 1", NOT_PERMITTED, says(1)),
        attack("a predicate that says yes", NOT_PERMITTED, says("yes")),
        attack("a predicate that returns the user", NOT_PERMITTED, lambda user: user),
        attack("a predicate that returns an object", NOT_PERMITTED, says(Agreeable())),
        attack("a predicate that returns a function", NOT_PERMITTED, says(print)),
        attack("a predicate of two arguments", UNAVAILABLE, lambda user, request: True),
        attack("a predicate raises ValueError", UNAVAILABLE, raises(ValueError(CANARY))),
        attack("a predicate raises AttributeError", UNAVAILABLE, raises(AttributeError(CANARY))),
        attack(
            "a predicate raises PermissionDenied",
            UNAVAILABLE,
            raises(DjangoPermissionDenied(CANARY)),
        ),
        attack(
            "a predicate raises NotAuthenticated",
            UNAVAILABLE,
            raises(exceptions.NotAuthenticated(CANARY)),
        ),
        attack("a predicate raises RecursionError", UNAVAILABLE, raises(RecursionError(CANARY))),
        attack("a predicate meets a database fault", UNAVAILABLE, raises(OperationalError(CANARY))),
    ],
)
def test_only_true_is_true(
    answers: Any, expected: str, line: Line, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "predicate", answers)
    configure(ADMIN_PREDICATE=f"{HERE}.predicate")
    assert bearing(line) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    ("value", "check"),
    [
        attack("the predicate None", UNAVAILABLE, None, "E003"),
        attack("the predicate a number", UNAVAILABLE, 5, "E003"),
        attack("the predicate itself in place of its path", UNAVAILABLE, predicate, "E003"),
        attack("the predicate empty", UNAVAILABLE, "", "E060"),
        attack("a predicate without a module", UNAVAILABLE, "is_admin", "E060"),
        attack("a predicate of no module", UNAVAILABLE, "tests.nowhere.is_admin", "E060"),
        attack("a predicate that its module lacks", UNAVAILABLE, f"{HERE}.lacking", "E060"),
        attack("a predicate that is no function", UNAVAILABLE, f"{HERE}.CANARY", "E061"),
        attack("a predicate that is a class", NOT_PERMITTED, "builtins.str", "E061"),
    ],
)
def test_a_predicate_that_cannot_be_asked_lets_nobody_in_and_a_check_names_it(
    value: Any, check: str, expected: str, line: Line, configure: Any
) -> None:
    configure(ADMIN_PREDICATE=value)
    assert bearing(line) == expected
    assert ids() == [check]
