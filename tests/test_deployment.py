"""``iot_doctor`` without a request: each side of a deployment, and a signed request through it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from django.utils import timezone

from django_iot_ingest import hostnames, refusals
from django_iot_ingest.doctor.deployment import databases, probe
from django_iot_ingest.doctor.deployment.check import report_of
from django_iot_ingest.doctor.deployment.looks import Question, guarded
from django_iot_ingest.doctor.findings import Finding, Severity
from django_iot_ingest.models import IngestEvent, RefusalCount, RefusedRequest
from django_iot_ingest.signals import request_refused
from django_iot_ingest.views import StationDataInternalView
from tests.gateway import URL, Gateway, listen
from tests.payloads import SECRET
from tests.test_client import serving

FAULT, WARNING, OK = Severity.FAULT, Severity.WARNING, Severity.OK


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


def look(code: str, **asked: Any) -> Finding:
    """Return the one finding of a code."""
    [found] = [one for one in report_of(Question(**asked)).findings if one.code == code]
    return found


def configure(settings: Any, **changed: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, **changed}


def test_the_test_projects_deployment_has_no_fault(gateway: Gateway) -> None:
    report = report_of(Question(host="testserver", token=gateway.token))
    assert [one.code for one in report.findings if one.severity == FAULT] == []
    codes = [one.code for one in report.findings]
    for code in ("secrets", "url", "redirects", "host", "proxies", "client", "database"):
        assert code in codes
    assert {"migrations", "clocks", "waiting", "own_stack", "bearers"} <= set(codes)


def test_no_secret_and_no_token_is_told(gateway: Gateway) -> None:
    for as_json in (False, True):
        out = StringIO()
        call_command("iot_doctor", token=gateway.token, as_json=as_json, stdout=out)
        assert SECRET not in out.getvalue() and gateway.token not in out.getvalue()
    assert json.loads(out.getvalue())["is_good"] is True


def test_a_fault_returns_1(db: None, settings: Any) -> None:
    configure(settings, SIGNATURE_SECRETS=[])
    with pytest.raises(SystemExit) as end:
        call_command("iot_doctor", stdout=StringIO())
    assert end.value.code == 1
    assert look("own_stack").severity == FAULT
    assert look("iot_ingest.E010").severity == FAULT


@pytest.mark.parametrize("name", ["", "Station", None, 3, "fleet.models.Station"])
def test_a_model_that_is_not_named_is_told(db: None, settings: Any, name: object) -> None:
    configure(settings, STATION_MODEL=name)
    told = "This could not be looked at: LookupError: IOT_INGEST's STATION_MODEL names no model"
    assert look("migrations").what == told


def test_debug_is_told(db: None, settings: Any) -> None:
    assert look("debug").severity == OK
    settings.DEBUG = True
    assert look("debug").severity == WARNING


def test_a_look_that_fails_is_a_finding(db: None) -> None:
    def _broken(question: Question) -> Iterator[Finding]:
        raise RuntimeError("no")

    [found] = guarded(_broken, Question())
    assert (found.code, found.severity) == ("broken", FAULT)
    assert "RuntimeError: no" in found.what


def test_a_project_without_a_url_still_gets_a_report(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.depot.models"
    assert look("url").severity == FAULT
    assert look("own_stack").severity == FAULT
    assert look("database").severity == OK


def hidden(request: Any, *args: Any) -> HttpResponse:
    return HttpResponse()


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (
            [re_path("^api/", hidden), path("api/", include("django_iot_ingest.urls"))],
            "another view",
        ),
        (
            [
                path(
                    "",
                    include(
                        (
                            [path("data/", StationDataInternalView.as_view(), name="station-data")],
                            "django_iot_ingest",
                        )
                    ),
                )
            ],
            "ends in a slash",
        ),
    ],
)
def test_a_url_that_does_not_lead_to_the_endpoint_is_told(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, patterns: Any, told: str
) -> None:
    module = ModuleType("tests.odd_urls")
    module.urlpatterns = patterns  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests.odd_urls", module)
    settings.ROOT_URLCONF = "tests.odd_urls"
    found = look("url")
    assert (found.severity, told in found.what) == (FAULT, True)


@pytest.mark.postgresql
def test_why_the_short_way_is_not_taken(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from django_iot_ingest.services import postgresql

    with connection.execute_wrapper(lambda execute, *rest: execute(*rest)):
        assert "an execute_wrapper" in look("fast_path").what
    monkeypatch.setattr(postgresql, "is_plain", lambda model: False)
    assert "of its own kind" in look("fast_path").what
    monkeypatch.setattr(postgresql, "psycopg", None)
    assert "not psycopg 3" in look("fast_path").what


# --- addresses


@pytest.mark.parametrize(
    ("asked", "allowed", "proxies", "severity", "told"),
    [
        ({}, ["192.0.2.1"], [], OK, "1 entry"),
        ({"remote_addr": "192.0.2.1"}, [], [], OK, "is let in, since ALLOWED_IPS is empty"),
        (
            {"remote_addr": "192.0.2.1"},
            ["192.0.2.0/24"],
            [],
            OK,
            "the entry '192.0.2.0/24' lets in",
        ),
        ({"remote_addr": "::ffff:192.0.2.1"}, ["192.0.2.1"], [], OK, "judged by 192.0.2.1"),
        ({"remote_addr": "192.0.3.1"}, ["x y", "192.0.2.1"], [], FAULT, "403 IP_NOT_ALLOWED"),
        ({"remote_addr": "unix:"}, ["192.0.2.1"], [], FAULT, "no address"),
        (
            {"remote_addr": "10.0.0.5", "forwarded_for": "1.2.3.4, 192.0.2.1"},
            ["192.0.2.1"],
            ["10.0.0.5"],
            OK,
            "judged by 192.0.2.1",
        ),
        (
            {"remote_addr": "10.0.0.5", "forwarded_for": "192.0.2.1"},
            ["192.0.2.1"],
            [],
            FAULT,
            "judged by 10.0.0.5",
        ),
    ],
)
def test_by_which_address_a_request_is_judged(
    db: None,
    settings: Any,
    asked: dict[str, str],
    allowed: list[str],
    proxies: list[str],
    severity: Severity,
    told: str,
) -> None:
    configure(settings, ALLOWED_IPS=allowed, TRUSTED_PROXIES=proxies)
    found = look("client", **asked)
    assert found.severity == severity
    assert told in found.what


def test_a_header_that_is_not_believed_has_its_own_way_out(db: None, settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.1"])
    found = look("client", remote_addr="10.0.0.5", forwarded_for="192.0.2.1")
    assert "10.0.0.5 is not in TRUSTED_PROXIES" in found.way_out


def test_a_host_name_of_the_allow_list(db: None, settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["localhost"])
    assert "'localhost' resolves to" in look("client", remote_addr="127.0.0.1").what


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"PREPEND_WWW": True}, "redirects", FAULT),
        ({"SECURE_SSL_REDIRECT": True}, "redirects", WARNING),
        ({"USE_X_FORWARDED_HOST": True}, "proxies", WARNING),
        ({"ALLOWED_HOSTS": []}, "host", FAULT),
        ({"ALLOWED_HOSTS": [], "DEBUG": True}, "host", OK),
    ],
)
def test_settings_of_the_project(
    db: None, changed: dict[str, Any], code: str, severity: Severity
) -> None:
    with override_settings(**changed):
        assert look(code).severity == severity


def test_a_redirect_behind_a_proxy_is_a_fault(db: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    configure(settings, TRUSTED_PROXIES=["10.0.0.5"])
    assert look("redirects").severity == FAULT
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert look("redirects").severity == WARNING


def test_a_host_that_django_refuses(db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    assert look("host", host="station.example.com:8000").severity == OK
    found = look("host", host="example.org")
    assert (found.severity, "'example.org' is not in ALLOWED_HOSTS" in found.what) == (FAULT, True)


# --- database


def test_the_database_is_told(db: None) -> None:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "M"}
    assert look("database").what.startswith(names[connection.vendor])
    if connection.vendor == "sqlite":
        assert "transactions IMMEDIATE, 30 s for a lock" in look("database").what
    else:
        assert "read committed" in look("database").what


@pytest.mark.postgresql
def test_the_short_way_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("fast_path").severity == OK
    from django_iot_ingest.services import postgresql

    monkeypatch.setattr(postgresql, "has_pipeline", lambda: False)
    assert "older than 14" in look("fast_path").what


def test_migrations_that_are_not_applied_are_named(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'django_iot_ingest'")
    found = look("migrations")
    assert found.severity == FAULT
    assert "django_iot_ingest.0001_initial" in found.what


def test_clocks_that_differ_are_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    here = databases.time.time()
    monkeypatch.setattr(databases.time, "time", lambda: here - 100)
    found = look("clocks")
    assert found.severity == WARNING
    assert "100 s ahead" in found.what or "101 s ahead" in found.what


def test_events_that_nobody_applies_are_told(db: None, settings: Any) -> None:
    old = timezone.now() - databases.LONG_AGO * 2
    IngestEvent.objects.create(received_at=old, signed_at=1, body=b"", sha256="", state="received")
    assert "1 event due for longer than 0:10:00" in look("waiting").what
    configure(settings, PROCESSING="deferred")
    assert "iot_drain" in look("waiting").way_out
    IngestEvent.objects.update(retry_at=timezone.now() + databases.LONG_AGO)
    assert look("waiting").severity == OK


# --- a signed request


def rows() -> list[int]:
    return [model.objects.count() for model in (IngestEvent, RefusedRequest, RefusalCount)]


def test_a_request_through_the_whole_stack_leaves_nothing(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.post({"type": "nobody knows"})
    before = rows()
    caplog.clear()
    with listen(request_refused) as heard:
        found = look("own_stack", token=gateway.token)
    assert (found.severity, "UNKNOWN_TYPE" in found.what) == (OK, True)
    assert (rows(), heard) == (before, [])
    assert [one for one in caplog.records if "refused" in one.message] == []
    assert sum(count["UNKNOWN_TYPE"] for count in refusals.counts().values()) == 1


def test_without_a_bearer_401_is_as_expected(db: None) -> None:
    found = look("own_stack")
    assert (found.severity, "answered 401" in found.what) == (OK, True)
    assert refusals.counts() == {}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ALLOWED_IPS": ["x y"]}, "403 IP_NOT_ALLOWED"),
        ({"ADMIN_PREDICATE": "builtins.bool"}, "UNKNOWN_TYPE"),
        ({"ADMIN_PREDICATE": "builtins.callable"}, "403 NOT_PERMITTED"),
        ({"ADMIN_PREDICATE": "no.such"}, "503 TEMPORARILY_UNAVAILABLE"),
        ({"MAX_BODY_BYTES": 3}, "413 PAYLOAD_TOO_LARGE"),
    ],
)
def test_what_stops_a_request_is_told(
    gateway: Gateway, settings: Any, changed: dict[str, Any], reason: str
) -> None:
    configure(settings, **changed)
    found = look("own_stack", token=gateway.token)
    assert reason in found.what
    assert (found.severity == FAULT) is (reason != "UNKNOWN_TYPE")
    if "503" in reason:
        assert "ModuleNotFoundError" in found.evidence
        assert "log" not in found.way_out  # of a rehearsal there is no line


@pytest.mark.parametrize(
    ("allowed", "sent_from"),
    [
        (["192.0.2.0/24"], "192.0.2.0"),
        (["x y", None, "no-such-name.invalid", "2001:db8::7"], "2001:db8::7"),
        (["gateway.example.com"], "192.0.2.9"),
        (["192.0.2.0/24", "127.0.0.0/8"], "127.0.0.1"),
        ([], "127.0.0.1"),
        (None, "127.0.0.1"),
    ],
)
def test_a_list_without_this_machine_is_no_fault(
    gateway: Gateway,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    allowed: list[Any] | None,
    sent_from: str,
) -> None:
    def resolve(name: str) -> frozenset[Any]:
        if name != "gateway.example.com":
            raise OSError
        return frozenset({ip_address("192.0.2.9")})

    monkeypatch.setattr(hostnames, "resolve", resolve)
    monkeypatch.setattr(hostnames, "_resolver", hostnames.Resolver(resolve))
    configure(settings, ALLOWED_IPS=allowed)
    assert look("own_stack", token=gateway.token).severity == OK
    assert (sent_from in look("client").what) is (sent_from != "127.0.0.1")


def test_an_address_that_is_asked_about_is_the_requests(gateway: Gateway, settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.1"], TRUSTED_PROXIES=["127.0.0.1"])
    assert look("own_stack", token=gateway.token, forwarded_for="192.0.2.1").severity == OK
    for asked in ({"remote_addr": "192.0.2.2"}, {"forwarded_for": "192.0.2.2"}):
        assert "403 IP_NOT_ALLOWED" in look("own_stack", token=gateway.token, **asked).what


def test_a_bad_token_is_a_fault(db: None) -> None:
    assert "401 NOT_AUTHENTICATED" in look("own_stack", token="no").what
    assert look("own_stack", token="a b\n").severity == FAULT


Middleware = Callable[[Any], Any]


def turning_away(get_response: Middleware) -> Middleware:
    return lambda request: HttpResponse("Maintenance", status=503)


def leading_away(get_response: Middleware) -> Middleware:
    return lambda request: HttpResponse(status=302, headers={"Location": "/login"})


def raising(get_response: Middleware) -> Middleware:
    def middleware(request: Any) -> Any:
        raise RuntimeError("no")

    return middleware


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("turning_away", "The answer is not ours: 503"),
        ("leading_away", "The answer is a redirect, 302 to '/login'"),
        ("raising", "The answer is not ours: 500"),
    ],
)
def test_a_middleware_that_answers_in_our_place_is_told(
    gateway: Gateway, settings: Any, name: str, told: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{name}"]
    found = look("own_stack", token=gateway.token)
    assert found.severity == FAULT and told in found.what


def test_the_host_that_is_asked_about_is_the_requests(gateway: Gateway, settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    assert look("own_stack", token=gateway.token).severity == OK
    found = look("own_stack", token=gateway.token, host="example.org")
    assert "The answer is not ours: 400" in found.what


def test_a_client_cannot_mark_its_request(gateway: Gateway) -> None:
    """What marks a rehearsal is an object in the environment; a header is text, under HTTP_."""
    from django_iot_ingest.rehearsal import KEY

    response = gateway.post({"type": "nobody knows"}, **{KEY.replace(".", "-"): "1"})
    again = gateway.client.post(
        URL,
        data=b"{}",
        content_type="application/json",
        headers=gateway.headers(b"{}"),
        **{KEY: "1"},
    )
    assert (response.status_code, again.status_code) == (400, 400)
    assert IngestEvent.objects.count() == 2


# --- a running server


@pytest.fixture
def server(live_server: Any, settings: Any) -> str:
    settings.ALLOWED_HOSTS = ["*"]
    return f"{live_server.url}{URL}"


@pytest.mark.django_db(transaction=True)
def test_a_running_server_is_asked_and_what_it_kept_is_deleted(server: str) -> None:
    gateway = Gateway.with_admin()
    found = look("server", url=server, token=gateway.token)
    assert found.severity == OK, found
    assert rows()[:2] == [0, 0]
    assert look("server_rows", url=server, token=gateway.token).severity == OK
    assert look("server", url=server).what.startswith("a request without a bearer is answered 401")


def test_other_servers_are_told_apart(db: None) -> None:
    cases: list[tuple[tuple[int, dict[str, str], bytes], str]] = [
        ((301, {"Location": "https://example.com/"}, b""), "The answer is a redirect, 301"),
        ((404, {"Content-Type": "text/html"}, b"<html>"), "The answer is not ours: 404"),
        ((403, {}, b'{"error": "IP_NOT_ALLOWED"}'), "403 IP_NOT_ALLOWED"),
        ((200, {}, b'{"error": []}'), "The answer is not ours: 200"),
    ]
    for answer, told in cases:
        with serving(answer) as server:
            found = look("server", url=server.url, token="abc")
        assert found.severity == FAULT and told in found.what
    assert "No answer: " in look("server", url="http://127.0.0.1:1/").what
    assert look("server", url="nonsense").severity == FAULT


def test_a_server_with_another_database_is_told(db: None) -> None:
    answer = b'{"error": "UNKNOWN_TYPE", "request_id": "0"}'
    with serving((400, {"Content-Type": "application/json"}, answer)) as server:
        report = report_of(Question(url=server.url, token="abc"))
    assert [one.severity for one in report.findings if one.code == "server_rows"] == [WARNING]


def test_a_slash_at_the_end_of_the_url_is_told(db: None) -> None:
    with serving((404, {}, b"")) as server:
        assert "ends in a slash" in look("server", url=f"{server.url}/").evidence


def test_only_what_the_probe_sent_is_forgotten(gateway: Gateway) -> None:
    gateway.post({"type": "nobody knows"})
    before = rows()
    assert probe.forget(probe.make_body()) is False
    assert rows() == before


def test_an_answer_cannot_have_a_request_of_others_forgotten(gateway: Gateway) -> None:
    theirs = gateway.post({"type": "nobody knows"}).json()["request_id"]
    before = rows()
    for request_id in (theirs, "\x00", None):
        answer = {"error": probe.PASSED, "request_id": request_id}
        with serving((400, {}, json.dumps(answer).encode())) as server:
            found = list(probe.server(Question(url=server.url)))
        assert [finding.code for finding in found] == ["server", "server_rows"]
        assert rows() == before


def test_bodies_of_probes_differ() -> None:
    made: set[bytes] = set()
    threads = [threading.Thread(target=lambda: made.add(probe.make_body())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
