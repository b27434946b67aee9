"""Debug pages and error mails"""

from __future__ import annotations

import hashlib
import hmac
import html
import logging
import sys
import time
from collections import ChainMap, UserDict
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType, MappingProxyType
from typing import Any, NoReturn

import pytest
from django.conf import settings as project
from django.db import OperationalError, connection
from django.dispatch import Signal
from django.utils.log import AdminEmailHandler
from django.views.debug import get_default_exception_reporter_filter
from rest_framework.authentication import BaseAuthentication

from django_iot_ingest import signals
from django_iot_ingest.services import StationSyncService
from django_iot_ingest.signing import sign
from tests.checking import ids
from tests.line import Line
from tests.payloads import BANK, SECRET, encode, full, returned
from tests.security.cases import attack, case, told

pytestmark = pytest.mark.one_host

REFUSED = "401 NOT_AUTHENTICATED"
BAD_MAC = "403 INVALID_SIGNATURE"
UNAVAILABLE = "503 TEMPORARILY_UNAVAILABLE"
APPLIED = "200 applied"

HERE = __name__
CANARY = "CaNaRy-7291"
"""Stands in the body, in a field that is known and in one that is not."""

ROTATED = "the-secret-before-this-one-0123456789abcdef"
OTHER = "another-secret-of-somebody-else-0123456789"
JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"


class Mails(AdminEmailHandler):
    """Django's own handler, with HTML; it keeps what it would send."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.sent: list[str] = []

    def send_mail(self, subject: str, message: str, *args: Any, **kwargs: Any) -> None:
        page = kwargs["html_message"]
        self.sent += [subject, message, page, html.unescape(page)]


@pytest.fixture
def mails() -> Iterator[Mails]:
    """All that is logged at WARNING and above, by any logger, as mails to the admins."""
    handler = Mails()
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)


def body() -> bytes:
    """Return a body that says the canary, and sends a bank home."""
    payload = full(device={"serial_number": "860000000000017", "wifi_ssid": CANARY})
    return encode({**payload, "note": {"deep": [CANARY]}})


def words_of(line: Line, sent: bytes, at: str, secrets: list[str]) -> list[str]:
    """Return all that must stand nowhere: secrets, MACs in any writing, the token, the body."""
    words = [CANARY, line.tokens["admin"], sent.decode()[:40], project.SECRET_KEY]
    for secret in secrets:
        digest = hmac.digest(secret.encode(), sent + at.encode(), hashlib.sha256)
        words += [secret, sign(sent, at, secret), digest.hex(), repr(digest)[2:-1]]
    return words


def found(words: list[str], texts: list[str]) -> list[str]:
    return [word for word in words if any(word in text for text in texts)]


# --- failures in each stage


class FailingClass(BaseAuthentication):
    """A bearer's class that fails with the request in its frame."""

    error: type[Exception] = RuntimeError

    def authenticate(self, request: Any) -> NoReturn:
        header = request.META["HTTP_AUTHORIZATION"]
        raise self.error("the class failed") from KeyError(len(header))


class OddClass(FailingClass):
    """The same, failing as over an odd token."""

    error = ValueError


def failing_predicate(user: Any) -> NoReturn:
    raise RuntimeError("the predicate failed")


class FailingService(StationSyncService):
    """A host whose hooks fail with the event in their frames."""

    def on_station_created(self, event: Any) -> NoReturn:
        raise RuntimeError("the hook failed")

    on_power_bank_returned = on_station_created


class DatabaseService(StationSyncService):
    """A host whose hook meets a database that fails."""

    def on_station_created(self, event: Any) -> NoReturn:
        raise OperationalError("the database failed")


def reads_all(get_response: Any) -> Any:
    """A middleware that leaves no body."""

    def handle(request: Any) -> Any:
        taken = len(request.read())
        assert taken
        return get_response(request)

    return handle


def fails_after(get_response: Any) -> Any:
    """A middleware of the project's that fails when we have answered."""

    def handle(request: Any) -> NoReturn:
        response = get_response(request)
        raise RuntimeError(f"the middleware failed after {response.status_code}")

    return handle


def fails_before(get_response: Any) -> Any:
    """A middleware of the project's that fails before us."""

    def handle(request: Any) -> NoReturn:
        raise RuntimeError("the middleware failed")

    return handle


OTHERS_500 = "500 of the project's own"
OTHERS_400 = "400 of the project's own"


def heard(response: Any) -> str:
    """Return what was answered, by us or by the project."""
    if response.get("Content-Type") == "application/json":
        return told(response)
    return f"{response.status_code} of the project's own"


STAGES = [
    attack(
        "the bearer's class fails",
        UNAVAILABLE,
        {"AUTHENTICATION_CLASSES": [f"{HERE}.FailingClass"]},
        {},
    ),
    attack(
        "the bearer's class fails as over an odd token",
        REFUSED,
        {"AUTHENTICATION_CLASSES": [f"{HERE}.OddClass"]},
        {},
    ),
    attack(
        "the bearer's class does not exist",
        UNAVAILABLE,
        {"AUTHENTICATION_CLASSES": ["no.such"]},
        {},
    ),
    attack("the bearer's classes are none", UNAVAILABLE, {"AUTHENTICATION_CLASSES": None}, {}),
    attack(
        "the predicate fails", UNAVAILABLE, {"ADMIN_PREDICATE": f"{HERE}.failing_predicate"}, {}
    ),
    attack("a hook fails", UNAVAILABLE, {"SYNC_SERVICE": f"{HERE}.FailingService"}, {}),
    attack(
        "a hook meets a database fault",
        UNAVAILABLE,
        {"SYNC_SERVICE": f"{HERE}.DatabaseService"},
        {},
    ),
    attack("the service does not exist", UNAVAILABLE, {"SYNC_SERVICE": "no.such"}, {}),
    attack("a model does not exist", UNAVAILABLE, {"STATION_MODEL": "no.Such"}, {}),
    attack("the window is no number", UNAVAILABLE, {"SIGNATURE_TIMEOUT": "300"}, {}),
    attack("the largest body is no number", UNAVAILABLE, {"MAX_BODY_BYTES": None}, {}),
    attack("the secrets are one text", BAD_MAC, {"SIGNATURE_SECRETS": SECRET}, {}),
    attack("the secrets are an object", BAD_MAC, {"SIGNATURE_SECRETS": {SECRET: ROTATED}}, {}),
    attack("the secrets are bytes", BAD_MAC, {"SIGNATURE_SECRETS": [SECRET.encode()]}, {}),
    attack("the MAC is wrong", BAD_MAC, {}, {"secret": OTHER}),
    attack(
        "the MAC is wrong, with two secrets",
        BAD_MAC,
        {"SIGNATURE_SECRETS": [SECRET, ROTATED]},
        {"secret": OTHER},
    ),
    attack("the body was consumed before", UNAVAILABLE, {}, {"middleware": "reads_all"}),
    attack("a middleware fails after us", OTHERS_500, {}, {"middleware": "fails_after"}),
    attack("a middleware fails before us", OTHERS_500, {}, {"middleware": "fails_before"}),
    attack(
        "the host name is not the project's", OTHERS_400, {}, {"extra": {"HTTP_HOST": "192.0.2.1"}}
    ),
]


@pytest.mark.parametrize(("changed", "said"), STAGES)
def test_neither_page_nor_mail_shows_what_a_request_held(
    changed: dict[str, Any],
    said: dict[str, Any],
    expected: str,
    line: Line,
    settings: Any,
    mails: Mails,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changed}
    said = dict(said)
    if "middleware" in said:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{HERE}.{said.pop('middleware')}"]
    for debug in (False, True):
        settings.DEBUG = debug
        sent, at = body(), str(int(time.time()))
        response = line.call(body=sent, timestamp=at, **said)
        assert heard(response) == expected
        page = response.content.decode()
        words = words_of(line, sent, at, [SECRET, ROTATED, OTHER])
        assert found(words, [page, html.unescape(page)]) == []
        assert found(words, mails.sent) == []
        assert found(words, [caplog.text]) == []
    assert mails.sent


@case("the database fails", UNAVAILABLE)
def test_a_failing_statement_is_not_mailed(
    line: Line, expected: str, mails: Mails, settings: Any
) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("INSERT"):
            raise OperationalError("the disk is full")
        return execute(sql, *args)

    settings.DEBUG = True
    sent, at = body(), str(int(time.time()))
    with connection.execute_wrapper(fail):
        response = line.call(body=sent, timestamp=at)
    assert heard(response) == expected
    assert mails.sent
    assert found(words_of(line, sent, at, [SECRET]), [response.content.decode(), *mails.sent]) == []


SIGNALS = [
    attack("a receiver of station_synced fails", APPLIED, signals.station_synced),
    attack("a receiver of station_status_changed fails", APPLIED, signals.station_status_changed),
    attack("a receiver of power_bank_returned fails", APPLIED, signals.power_bank_returned),
    attack("a receiver of event_failed fails", UNAVAILABLE, signals.event_failed),
    attack("a receiver of request_refused fails", UNAVAILABLE, signals.request_refused),
]


class Receiver:
    """A receiver that has no name, and fails."""

    def __call__(self, **payload: Any) -> NoReturn:
        raise RuntimeError("the receiver failed")


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_failing_receiver_is_mailed_without_its_event(
    signal: Signal,
    expected: str,
    line: Line,
    mails: Mails,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    assert told(line.call(body=encode(full(at=time.time() - 60)))) == APPLIED
    if expected == UNAVAILABLE:
        service = {"SYNC_SERVICE": f"{HERE}.FailingService"}
        settings.IOT_INGEST = {**settings.IOT_INGEST, **service}
    receiver, at = Receiver(), str(int(time.time()))
    sent = encode({**returned(BANK, 2), "note": CANARY})
    if signal is signals.station_status_changed:
        sent = encode({**full(serial="860000000000025"), "note": CANARY})
    signal.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = line.call(body=sent, timestamp=at)
    finally:
        signal.disconnect(receiver)
    assert told(response) == expected
    assert any("the receiver Receiver failed" in text for text in mails.sent)
    assert found(words_of(line, sent, at, [SECRET]), mails.sent) == []


@case("Django's own log of answers", UNAVAILABLE)
def test_django_logs_no_refusal_with_its_request(
    line: Line, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert told(line.call(service=f"{HERE}.FailingService")) == expected
    records = [record for record in caplog.records if record.name != "django.db.backends"]
    assert records
    assert all(record.exc_info is None and not hasattr(record, "request") for record in records)
    assert all(record.name.startswith("django_iot_ingest") for record in records)


# --- the settings, as a page shows them

HIDDEN = "hidden"
SHOWN = "shown, and W002 says so"


@pytest.mark.once
@pytest.mark.parametrize(
    "kind",
    [
        attack("IOT_INGEST, a dictionary", HIDDEN, dict),
        attack("IOT_INGEST, a mapping that cannot be changed", SHOWN, MappingProxyType),
        attack("IOT_INGEST, a class that wraps one", SHOWN, UserDict),
        attack("IOT_INGEST, in layers", SHOWN, ChainMap),
    ],
)
def test_what_a_page_shows_of_our_settings(
    kind: Callable[[Any], Any], expected: str, settings: Any
) -> None:
    settings.IOT_INGEST = kind(settings.IOT_INGEST)
    shown = repr(get_default_exception_reporter_filter().get_safe_settings()["IOT_INGEST"])
    assert "STATION_MODEL" in shown
    seen = SHOWN if SECRET in shown else HIDDEN
    assert seen == expected
    assert ids() == ([] if seen == HIDDEN else ["W002"])


# --- frames


def holds(value: Any, words: list[Any], depth: int = 3) -> bool:
    """Return whether a value is or contains one of the words."""
    if isinstance(value, str | bytes | bytearray):
        return any(
            word in value for word in words if isinstance(value, str) == isinstance(word, str)
        )
    if depth and type(value) in (list, tuple, set, frozenset):
        return any(holds(item, words, depth - 1) for item in value)
    if depth and type(value) is dict:
        return any(holds(item, words, depth - 1) for item in value.values())
    return False


class Watch:
    """Look into every frame that is entered during a call, at each of its lines."""

    def __init__(self, words: list[Any]) -> None:
        self.words = words
        self.seen: list[str] = []
        self.entered: set[str] = set()

    def during(self, call: Callable[[], Any]) -> Any:
        """Return what ``call`` returns."""
        before = sys.gettrace()
        sys.settrace(self.look)
        try:
            return call()
        finally:
            sys.settrace(before)

    def look(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.entered.add(frame.f_code.co_name)
        self.seen += [
            f"{frame.f_code.co_filename}:{frame.f_lineno} {name}"
            for name, value in frame.f_locals.items()
            if holds(value, self.words)
        ]
        return self.look


watch = Watch([])
"""Stands in for the one of a test."""


def watched(get_response: Any) -> Any:
    """A middleware, the outermost, that looks into all frames of a request."""

    def handle(request: Any) -> Any:
        return watch.during(partial(get_response, request))

    return handle


def digests(sent: bytes, at: str, secrets: list[str]) -> list[Any]:
    return [hmac.digest(secret.encode(), sent + at.encode(), "sha256") for secret in secrets]


@pytest.mark.once
@pytest.mark.parametrize(
    ("secrets", "used"),
    [
        attack("the expected MAC in a frame, one secret", BAD_MAC, [SECRET], OTHER),
        attack("the expected MAC in a frame, two secrets", BAD_MAC, [SECRET, ROTATED], OTHER),
        attack("the digest in a frame, the MAC is right", APPLIED, [SECRET, ROTATED], SECRET),
        attack("the digest in a frame, of the secret before", APPLIED, [SECRET, ROTATED], ROTATED),
    ],
)
def test_the_expected_mac_stands_in_no_frame(
    secrets: list[str],
    used: str,
    expected: str,
    line: Line,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": secrets}
    settings.MIDDLEWARE = [f"{HERE}.watched", *settings.MIDDLEWARE]
    sent, at = body(), str(int(time.time()))
    # The text that was sent is in every frame that reads a header; if it is right, no other is.
    texts = [sign(sent, at, secret) for secret in secrets if secret != used]
    words = [*texts, *(text.encode() for text in texts), *digests(sent, at, secrets)]
    monkeypatch.setitem(globals(), "watch", Watch(words))
    assert told(line.call(body=sent, timestamp=at, secret=used)) == expected
    assert {"sign", "matching_secret"} <= watch.entered
    assert watch.seen == []


@pytest.mark.once
def test_a_name_in_a_frame_is_found() -> None:
    def name_it(word: str) -> int:
        inside = [{"word": word}]
        return len(inside)

    own = Watch(["expected", b"raw"])
    own.during(partial(name_it, "expected"))
    own.during(partial(name_it, b"a raw digest"))  # type: ignore[arg-type]
    assert [place.rpartition(" ")[2] for place in own.seen].count("inside") == 4
