"""Projects of every kind"""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
from collections import ChainMap, UserDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import PermissionDenied
from django.db import connection, connections
from django.test import AsyncClient
from django.urls import include, path
from django.utils import translation
from rest_framework_simplejwt.authentication import JWTAuthentication

from django_iot_ingest.models import IngestEvent
from tests.gateway import URL
from tests.line import Line
from tests.payloads import encode, full, status
from tests.security.cases import attack, case
from tests.test_views import FAULTS

pytestmark = pytest.mark.one_host

HERE = __name__
ROOT = Path(__file__).resolve().parent.parent.parent

SAME = "every answer is the same"
APPLIED = "200 applied"
REFUSED = "401 NOT_AUTHENTICATED"
BAD_MAC = "403 INVALID_SIGNATURE"
STRANGER = "403 IP_NOT_ALLOWED"
UNAVAILABLE = "503 TEMPORARILY_UNAVAILABLE"
REDIRECT = "301 of the project's own"
BAD_REQUEST = "400 of the project's own"

DJANGO = "django.middleware"
CANARY = "CaNaRy-7291"


def body_of(response: Any) -> Any:
    """Return what an answer of ours says, after a look at how it says it."""
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    content = response.content
    if response.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return json.loads(content.decode("utf-8"))


def heard(response: Any) -> str:
    """Return what was answered, if it was answered by us."""
    if response.get("Content-Type") != "application/json":
        assert CANARY not in response.content.decode()
        return f"{response.status_code} of the project's own"
    body = body_of(response)
    return f"{response.status_code} {body['data']['state'] if body['success'] else body['error']}"


def compared(line: Line, **extra: Any) -> str:
    """Send a good request and one with each fault; return ``SAME``, or what is otherwise."""
    first = heard(line.call(body=encode(full()), extra=extra))
    others = [] if first == APPLIED else [f"good: {first}"]
    for name, (fault, (status_code, error, _)) in FAULTS.items():
        answer = heard(line.call(extra=extra, **fault))
        if answer != f"{status_code} {error}":
            others.append(f"{name}: {answer}")
    return "; ".join(others) or SAME


def apply(settings: Any, changes: dict[str, Any]) -> None:
    """Change settings; what is added to MIDDLEWARE comes first."""
    for name, value in changes.items():
        if name == "MIDDLEWARE":
            value = [*value, *settings.MIDDLEWARE]
        setattr(settings, name, value)


# --- settings


def failing_page(request: Any, exception: Any = None) -> NoReturn:
    """A page of the project's that must not be used."""
    raise AssertionError("an error page of the project was used")


handler400 = handler403 = handler404 = handler500 = failing_page

urlpatterns = [
    path("api/internal/", include("django_iot_ingest.urls")),
    path("<str:tenant>/<int:version>/", include("django_iot_ingest.urls")),
]

FORMATS = {
    "USE_THOUSAND_SEPARATOR": True,
    "THOUSAND_SEPARATOR": "'",
    "NUMBER_GROUPING": 1,
    "DECIMAL_SEPARATOR": ",",
    "DATETIME_FORMAT": "U",
    "DATETIME_INPUT_FORMATS": ["%d"],
}
COOKIES = {
    "SESSION_SAVE_EVERY_REQUEST": True,
    "CSRF_USE_SESSIONS": True,
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_HTTPONLY": True,
}
NO_BACKENDS = {"AUTHENTICATION_BACKENDS": [], "TEMPLATES": [], "PASSWORD_HASHERS": []}
REST = {
    "COMPACT_JSON": False,
    "UNICODE_JSON": False,
    "STRICT_JSON": False,
    "COERCE_DECIMAL_TO_STRING": False,
    "DATETIME_FORMAT": "%s",
    "NON_FIELD_ERRORS_KEY": "wrong",
    "UPLOADED_FILES_USE_URL": False,
    "URL_FORMAT_OVERRIDE": "format",
    "NUM_PROXIES": 0,
}
IPWARE = {
    "IPWARE_META_PRECEDENCE_ORDER": ["HTTP_X_ANYTHING"],
    "IPWARE_PRIVATE_IP_PREFIX": ("203.",),
    "IPWARE_TRUSTED_PROXY_LIST": ["203.0.113.5"],
}


@pytest.mark.parametrize(
    "changes",
    [
        attack("a project as it comes", SAME, {}),
        attack("DEFAULT_CHARSET utf-16", SAME, {"DEFAULT_CHARSET": "utf-16"}),
        attack("DEFAULT_CHARSET utf-32", SAME, {"DEFAULT_CHARSET": "utf-32"}),
        attack("DEFAULT_CHARSET utf-7", SAME, {"DEFAULT_CHARSET": "utf-7"}),
        attack("DEFAULT_CHARSET that does not exist", SAME, {"DEFAULT_CHARSET": "no-such"}),
        attack("USE_TZ off", SAME, {"USE_TZ": False}),
        attack("TIME_ZONE Asia/Kathmandu", SAME, {"TIME_ZONE": "Asia/Kathmandu"}),
        attack(
            "USE_TZ off in Asia/Kathmandu", SAME, {"USE_TZ": False, "TIME_ZONE": "Asia/Kathmandu"}
        ),
        attack("LANGUAGE_CODE ne", SAME, {"LANGUAGE_CODE": "ne"}),
        attack("LANGUAGE_CODE of a language to the left", SAME, {"LANGUAGE_CODE": "ar"}),
        attack("USE_I18N off", SAME, {"USE_I18N": False}),
        attack("numbers and dates written in another way", SAME, FORMATS),
        attack("DEBUG", SAME, {"DEBUG": True}),
        attack("DEBUG_PROPAGATE_EXCEPTIONS", SAME, {"DEBUG_PROPAGATE_EXCEPTIONS": True}),
        attack(
            "DEBUG and DEBUG_PROPAGATE_EXCEPTIONS",
            SAME,
            {"DEBUG": True, "DEBUG_PROPAGATE_EXCEPTIONS": True},
        ),
        attack("error pages that fail", SAME, {"ROOT_URLCONF": HERE}),
        attack(
            "a reporter of errors that does not exist", SAME, {"DEFAULT_EXCEPTION_REPORTER": "a.B"}
        ),
        attack("no backends, no templates, no hashers", SAME, NO_BACKENDS),
        attack("no middleware at all", SAME, {"MIDDLEWARE": ()}),
        attack("APPEND_SLASH", SAME, {"APPEND_SLASH": True}),
        attack("FORCE_SCRIPT_NAME", SAME, {"FORCE_SCRIPT_NAME": "/prefix"}),
        attack(
            "USE_X_FORWARDED_HOST and _PORT",
            SAME,
            {"USE_X_FORWARDED_HOST": True, "USE_X_FORWARDED_PORT": True},
        ),
        attack("ALLOWED_HOSTS of any", SAME, {"ALLOWED_HOSTS": ["*"]}),
        attack("cookies and CSRF tokens of another kind", SAME, COOKIES),
        attack("other settings of REST framework", SAME, {"REST_FRAMEWORK": REST}),
        attack("ipware's own settings", SAME, IPWARE),
        attack("no form field at all", SAME, {"DATA_UPLOAD_MAX_NUMBER_FIELDS": 0}),
        attack("no upload handlers", SAME, {"FILE_UPLOAD_HANDLERS": []}),
        attack("uploads of no byte", SAME, {"FILE_UPLOAD_MAX_MEMORY_SIZE": 0}),
        attack("bodies of any size", SAME, {"DATA_UPLOAD_MAX_MEMORY_SIZE": None}),
        attack("a redirect to HTTPS", REDIRECT, {"SECURE_SSL_REDIRECT": True}),
        attack("a redirect to www.", REDIRECT, {"PREPEND_WWW": True}),
        attack(
            "a host name that is not the project's", BAD_REQUEST, {"ALLOWED_HOSTS": ["192.0.2.1"]}
        ),
        attack(
            "a host name that is not the project's, with DEBUG",
            BAD_REQUEST,
            {"ALLOWED_HOSTS": ["192.0.2.1"], "DEBUG": True},
        ),
    ],
)
def test_no_setting_of_a_project_changes_an_answer(
    changes: dict[str, Any], expected: str, line: Line, settings: Any
) -> None:
    apply(settings, changes)
    if changes.get("MIDDLEWARE") == ():
        settings.MIDDLEWARE = []
    if expected == SAME:
        assert compared(line) == expected
    else:
        assert heard(line.call()) == expected
        assert not IngestEvent.objects.exists()


@pytest.mark.parametrize(
    "kind",
    [
        attack("IOT_INGEST that cannot be changed", SAME, MappingProxyType),
        attack("IOT_INGEST of a class that wraps one", SAME, UserDict),
        attack("IOT_INGEST in layers", SAME, ChainMap),
    ],
)
def test_any_mapping_is_a_dictionary(
    kind: Callable[[Any], Any], expected: str, line: Line, settings: Any
) -> None:
    settings.IOT_INGEST = kind(settings.IOT_INGEST)
    assert compared(line) == expected


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        attack("a body larger than Django takes", "413 PAYLOAD_TOO_LARGE", 10, encode(status())),
        attack("Django takes no body", "413 PAYLOAD_TOO_LARGE", 0, encode(status())),
        attack("no body, and Django takes none", "400 INVALID_JSON", 0, b""),
    ],
)
def test_djangos_own_limit_is_told_as_ours(
    limit: int, body: bytes, expected: str, line: Line, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = limit
    assert heard(line.call(body=body)) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "place",
    [
        attack("an URL with values of the host's", APPLIED, "/somebody/2/stations/data"),
        attack("a query that names another format", APPLIED, f"{URL}?format=xml&_method=DELETE"),
        attack("a query that is no UTF-8", APPLIED, f"{URL}?%ff%fe=%00"),
    ],
)
def test_what_else_is_in_the_url_means_nothing(
    place: str, expected: str, line: Line, settings: Any
) -> None:
    settings.ROOT_URLCONF = HERE
    where, _, query = place.partition("?")
    response = line.call(extra={"PATH_INFO": where, "QUERY_STRING": query})
    assert heard(response) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "place",
    [
        attack("a slash at the end", "404 of the project's own", f"{URL}/"),
        attack("two slashes before", "404 of the project's own", f"/{URL}"),
        attack("another letter case in the URL", "404 of the project's own", URL.upper()),
        attack("a NUL in the URL", "404 of the project's own", f"{URL}\x00"),
        attack("a line break after the URL", "404 of the project's own", f"{URL}\n"),
        attack("an ending in the URL", "404 of the project's own", f"{URL}.json"),
        attack("a step up in the URL", "404 of the project's own", f"{URL}/../data"),
    ],
)
def test_there_is_one_url_and_no_redirect_to_it(place: str, expected: str, line: Line) -> None:
    assert heard(line.call(extra={"PATH_INFO": place})) == expected


# --- transactions


class Depth(JWTAuthentication):
    """The usual class; it notes how many transactions were open when it was asked."""

    seen: list[int]

    def authenticate(self, request: Any) -> Any:
        self.seen.append(len(connection.savepoint_ids))
        return super().authenticate(request)


@case("ATOMIC_REQUESTS", SAME)
def test_no_transaction_is_open_around_a_request(
    line: Line, settings: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    monkeypatch.setattr(Depth, "seen", [], raising=False)
    path = f"{HERE}.{Depth.__name__}"
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTHENTICATION_CLASSES": [path]}
    outside = len(connection.savepoint_ids)
    assert compared(line) == expected
    assert set(Depth.seen) == {outside}
    assert IngestEvent.objects.filter(state="failed").count() == 1


# --- middleware


def middleware(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a middleware that does ``work`` on each request before the view."""

    def make(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def handle(request: Any) -> Any:
            work(request)
            return get_response(request)

        return handle

    return make


@middleware
def activates_nepali(request: Any) -> None:
    translation.activate("ne")


@middleware
def knows_the_user(request: Any) -> None:
    assert request.user.is_anonymous
    request.session.get("anything")


class CatchesAll:
    """A middleware that would answer in our place, if ever an exception came out of the view."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_exception(self, request: Any, exception: Exception) -> NoReturn:
        raise AssertionError("an exception left the view")

    def process_template_response(self, request: Any, response: Any) -> NoReturn:
        raise AssertionError("an answer was rendered by the project")


@pytest.fixture
def plain_language() -> Iterator[None]:
    """Forget the language that a middleware has activated."""
    with translation.override(None):
        yield


@pytest.mark.parametrize(
    ("classes", "extra"),
    [
        attack(
            "GZipMiddleware, asked for",
            SAME,
            [f"{DJANGO}.gzip.GZipMiddleware"],
            {"HTTP_ACCEPT_ENCODING": "gzip"},
        ),
        attack("GZipMiddleware, not asked for", SAME, [f"{DJANGO}.gzip.GZipMiddleware"], {}),
        attack(
            "LocaleMiddleware",
            SAME,
            [f"{DJANGO}.locale.LocaleMiddleware"],
            {"HTTP_ACCEPT_LANGUAGE": "ne"},
        ),
        attack("a middleware that activates a language", SAME, [f"{HERE}.activates_nepali"], {}),
        attack(
            "ConditionalGetMiddleware",
            SAME,
            [f"{DJANGO}.http.ConditionalGetMiddleware"],
            {"HTTP_IF_NONE_MATCH": "*"},
        ),
        attack(
            "XFrameOptionsMiddleware", SAME, [f"{DJANGO}.clickjacking.XFrameOptionsMiddleware"], {}
        ),
        attack(
            "the cache of the whole site",
            SAME,
            [f"{DJANGO}.cache.UpdateCacheMiddleware", f"{DJANGO}.cache.FetchFromCacheMiddleware"],
            {},
        ),
        attack(
            "mails about broken links",
            SAME,
            [f"{DJANGO}.common.BrokenLinkEmailsMiddleware"],
            {"HTTP_REFERER": "http://testserver/"},
        ),
        attack(
            "CsrfViewMiddleware, from another site",
            SAME,
            [f"{DJANGO}.csrf.CsrfViewMiddleware"],
            {"HTTP_ORIGIN": "https://192.0.2.1", "HTTP_REFERER": "https://192.0.2.1/"},
        ),
        attack("a middleware that takes every exception", SAME, [f"{HERE}.CatchesAll"], {}),
        attack(
            "a session that does not exist", SAME, [], {"HTTP_COOKIE": "sessionid=a; csrftoken=b"}
        ),
        attack("cookies that are none", SAME, [], {"HTTP_COOKIE": "=;;\x00=\xff;a"}),
    ],
)
@pytest.mark.usefixtures("plain_language")
def test_no_middleware_of_djangos_changes_an_answer(
    classes: list[str], extra: dict[str, str], expected: str, line: Line, settings: Any
) -> None:
    apply(settings, {"MIDDLEWARE": classes})
    assert compared(line, **extra) == expected


@case("a middleware that looks at the user and the session", SAME)
def test_a_project_may_look_who_it_is(line: Line, settings: Any, expected: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{HERE}.knows_the_user"]
    assert compared(line) == expected


def does_nothing(request: Any) -> None:
    """Stand in for what a test says."""


@middleware
def does_what_a_test_says(request: Any) -> None:
    does_nothing(request)


@pytest.fixture
def before_the_view(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Do something to each request before the view sees it."""

    def install(work: Callable[[Any], Any]) -> None:
        monkeypatch.setitem(globals(), "does_nothing", work)
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{HERE}.does_what_a_test_says"]

    return install


def form(request: Any) -> Any:
    return request.POST, request.FILES


@pytest.mark.once
@pytest.mark.parametrize(
    "work",
    [
        attack("a middleware that read the body", APPLIED, lambda r: r.body),
        attack("a middleware that read it twice", APPLIED, lambda r: (r.body, r.body)),
        attack("a middleware that read the body as a file", APPLIED, lambda r: (r.body, r.read())),
        attack("a middleware that asked for a form", APPLIED, form),
        attack("a form first, and then the body", APPLIED, lambda r: (form(r), r.body)),
        attack(
            "a middleware that set the encoding",
            APPLIED,
            lambda r: setattr(r, "encoding", "utf-16"),
        ),
        attack(
            "the encoding set, and the body read",
            APPLIED,
            lambda r: (setattr(r, "encoding", "utf-16"), r.body),
        ),
        attack("a middleware that consumed the body", UNAVAILABLE, lambda r: r.read()),
        attack("a middleware that consumed one byte", UNAVAILABLE, lambda r: r.read(1)),
        attack("a middleware that consumed one line", UNAVAILABLE, lambda r: r.readline()),
        attack("a middleware that consumed it line by line", UNAVAILABLE, lambda r: list(r)),
        attack(
            "a middleware that put another body in its place",
            BAD_MAC,
            lambda r: setattr(r, "_body", b"{}"),
        ),
        attack(
            "a middleware that put text in its place",
            UNAVAILABLE,
            lambda r: setattr(r, "_body", "{}"),
        ),
        attack(
            "a middleware that put None in its place",
            UNAVAILABLE,
            lambda r: setattr(r, "_body", None),
        ),
        attack(
            "a middleware that put a number in its place", BAD_MAC, lambda r: setattr(r, "_body", 5)
        ),
        attack(
            "a middleware that put an object in its place",
            UNAVAILABLE,
            lambda r: setattr(r, "_body", object()),
        ),
    ],
)
def test_whoever_read_the_body_before_loses_nothing(
    work: Any, expected: str, line: Line, before_the_view: Any
) -> None:
    before_the_view(work)
    assert heard(line.call()) == expected
    assert IngestEvent.objects.exists() == (expected == APPLIED)


class Unsayable:
    """A value that cannot be written as text."""

    def __str__(self) -> str:
        raise RuntimeError(CANARY)

    __repr__ = __str__


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        attack("CONTENT_TYPE replaced", "415 UNSUPPORTED_MEDIA_TYPE", "CONTENT_TYPE", "text/plain"),
        attack("CONTENT_TYPE None", "415 UNSUPPORTED_MEDIA_TYPE", "CONTENT_TYPE", None),
        attack(
            "CONTENT_TYPE in bytes",
            "415 UNSUPPORTED_MEDIA_TYPE",
            "CONTENT_TYPE",
            b"application/json",
        ),
        attack("CONTENT_TYPE that cannot be written", UNAVAILABLE, "CONTENT_TYPE", Unsayable()),
        attack("CONTENT_LENGTH a number", APPLIED, "CONTENT_LENGTH", 100),
        attack("CONTENT_LENGTH None", "411 LENGTH_REQUIRED", "CONTENT_LENGTH", None),
        attack("CONTENT_LENGTH true", "411 LENGTH_REQUIRED", "CONTENT_LENGTH", True),
        attack("CONTENT_LENGTH a float", "411 LENGTH_REQUIRED", "CONTENT_LENGTH", 100.0),
        attack("CONTENT_LENGTH a huge number", "413 PAYLOAD_TOO_LARGE", "CONTENT_LENGTH", 10**100),
        attack("CONTENT_LENGTH that cannot be written", UNAVAILABLE, "CONTENT_LENGTH", Unsayable()),
        attack("X-Signature in bytes", BAD_MAC, "HTTP_X_SIGNATURE", b"A" * 43 + b"="),
        attack("X-Signature None", BAD_MAC, "HTTP_X_SIGNATURE", None),
        attack("X-Timestamp a number", BAD_MAC, "HTTP_X_TIMESTAMP", 1_795_452_778),
        attack("X-Timestamp in a list", BAD_MAC, "HTTP_X_TIMESTAMP", ["1795452778"]),
        attack("Authorization in bytes", REFUSED, "HTTP_AUTHORIZATION", b"Bearer a.b.c"),
        attack("Authorization None", REFUSED, "HTTP_AUTHORIZATION", None),
        attack("Authorization that cannot be written", REFUSED, "HTTP_AUTHORIZATION", Unsayable()),
        attack("REMOTE_ADDR None", STRANGER, "REMOTE_ADDR", None),
        attack("REMOTE_ADDR empty", STRANGER, "REMOTE_ADDR", ""),
        attack("REMOTE_ADDR a number", STRANGER, "REMOTE_ADDR", 0xCB007105),
        attack("REMOTE_ADDR in bytes", STRANGER, "REMOTE_ADDR", b"203.0.113.5"),
        attack("REMOTE_ADDR in a list", STRANGER, "REMOTE_ADDR", ["203.0.113.5"]),
        attack("REMOTE_ADDR of four bytes", STRANGER, "REMOTE_ADDR", bytes([203, 0, 113, 5])),
        attack("REMOTE_ADDR another one of the list", APPLIED, "REMOTE_ADDR", "203.0.113.9"),
    ],
)
def test_a_value_that_a_middleware_replaced_is_judged_like_any_other(
    name: str, value: Any, expected: str, line: Line, before_the_view: Any
) -> None:
    before_the_view(lambda request: request.META.update({name: value}))
    assert heard(line.call()) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "work",
    [
        attack("request.META emptied", STRANGER, lambda r: r.META.clear()),
        attack(
            "request.method replaced",
            "405 METHOD_NOT_ALLOWED",
            lambda r: setattr(r, "method", "GET"),
        ),
        attack(
            "request.method None", "405 METHOD_NOT_ALLOWED", lambda r: setattr(r, "method", None)
        ),
        attack(
            "request.content_type replaced", APPLIED, lambda r: setattr(r, "content_type", "a/b")
        ),
        attack("request.path replaced", APPLIED, lambda r: setattr(r, "path", "/\x00")),
        attack(
            "CSRF checks enforced",
            APPLIED,
            lambda r: setattr(r, "_dont_enforce_csrf_checks", False),
        ),
    ],
)
def test_a_request_that_a_middleware_spoilt_makes_no_500(
    work: Any, expected: str, line: Line, before_the_view: Any
) -> None:
    before_the_view(work)
    assert heard(line.call()) == expected


def refuses(request: Any) -> NoReturn:
    raise PermissionDenied(CANARY)


@case("a middleware that refuses by itself", "403 of the project's own")
def test_what_a_project_refuses_never_reaches_us(
    line: Line, before_the_view: Any, expected: str
) -> None:
    before_the_view(refuses)
    assert heard(line.call()) == expected
    assert not IngestEvent.objects.exists()


# --- logging


class Failing(logging.Handler):
    """A host's log handler that is broken."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError(CANARY)


@case("a log handler that fails", SAME)
def test_a_log_that_cannot_be_written_changes_no_refusal(line: Line, expected: str) -> None:
    logger = logging.getLogger("django_iot_ingest")
    handler = Failing(logging.WARNING)
    logger.addHandler(handler)
    try:
        assert compared(line) == expected
    finally:
        logger.removeHandler(handler)


# --- ASGI


@pytest.mark.parametrize(
    "changed",
    [
        attack("a good request by ASGI", APPLIED, {}),
        attack(
            "another type by ASGI", "415 UNSUPPORTED_MEDIA_TYPE", {"content_type": "text/plain"}
        ),
        attack("no length by ASGI", "411 LENGTH_REQUIRED", {"Transfer-Encoding": "chunked"}),
        attack("no token by ASGI", REFUSED, {"Authorization": ""}),
        attack("a bad token by ASGI", REFUSED, {"Authorization": "Bearer a.b.c"}),
        attack("a signature of another shape by ASGI", BAD_MAC, {"X-Signature": "A"}),
        attack("a wrong MAC by ASGI", BAD_MAC, {"X-Signature": "A" * 43 + "="}),
        attack("two X-Signature headers by ASGI", BAD_MAC, {"X-Signature": "{},{}"}),
    ],
)
def test_asgi_answers_as_wsgi_does(
    changed: dict[str, str], expected: str, line: Line, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "ALLOWED_IPS": ["127.0.0.1"]}
    body = encode(status())
    good = line.gateway.headers(body)
    said = {name: value.replace("{}", good["X-Signature"]) for name, value in changed.items()}
    kind = said.pop("content_type", "application/json")
    post = async_to_sync(AsyncClient(raise_request_exception=False).post)
    response = post(URL, data=body, content_type=kind, headers={**good, **said})
    assert heard(response) == expected


# --- users of another kind


@pytest.fixture(scope="module")
def people() -> dict[str, str]:
    """What requests are answered in a project whose users have neither name nor flags."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.people"],
        cwd=ROOT,
        env={**os.environ, "TEST_HOST": "fleet"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, str] = json.loads(done.stdout)
    return answers


@pytest.mark.once
@pytest.mark.parametrize(
    "what",
    [
        attack(
            "a user model without flags, our predicate",
            "403 NOT_PERMITTED",
            "poster, our predicate",
        ),
        attack("a user model without flags, a predicate of its own", APPLIED, "poster"),
        attack("another user of that project", "403 NOT_PERMITTED", "other"),
        attack("a deleted user of that project", REFUSED, "deleted"),
        attack("the checks of that project", "none", "checks"),
    ],
)
def test_users_of_another_kind(what: str, expected: str, people: dict[str, str]) -> None:
    assert people[what] == expected
