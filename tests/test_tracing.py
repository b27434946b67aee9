"""What a trace says of a request, and what it never says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from django_iot_ingest import bell, drain, overview, sweeper, telemetry
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.tracing import ATTRIBUTES, PREFIX, Tracing, attributes
from tests.flaky import FlakyHook
from tests.gateway import URL, Gateway
from tests.listening import Spans, connected, tracing
from tests.payloads import BANK, STATION, encode, full, returned, status
from tests.programs import run

pytestmark = pytest.mark.django_db(transaction=True)

AUTHENTICATE = ("authenticate", ["bearer", "signature"])
HOOK = ("transaction", ["hook"])
CANARY = "CaNaRy-7291"


@pytest.fixture
def gateway() -> Gateway:
    gateway = Gateway.with_admin()
    gateway.send(status())  # the principal is known from here on, and the counts are stored
    return gateway


def said(spans: Spans, name: str) -> dict[str, Any]:
    """Return the attributes of the one span of a name, in short, and its status."""
    (span,) = spans.named(name)
    told = {key.removeprefix(PREFIX): value for key, value in (span.attributes or {}).items()}
    code = span.status.status_code
    return told if code is StatusCode.UNSET else {**told, "status": (code, span.status.description)}


def test_a_snapshot_that_is_applied(gateway: Gateway) -> None:
    with tracing() as spans:
        data = gateway.send(full())
    assert spans.tree() == [
        (
            "request",
            [AUTHENTICATE, "read", ("apply", ["settle", "transaction"]), "follow_up"],
        )
    ]
    event = {"event_type": "full", "event_id": int(data["event_id"]), "state": "applied"}
    assert said(spans, "apply") == {**event, "warnings": 0}
    assert said(spans, "request") == {
        "http.request.method": "POST",
        "http.route": URL.lstrip("/"),
        "http.response.status_code": 200,
        **event,
        "warnings": 0,
    }
    assert said(spans, "transaction")["attempt"] == 1
    assert said(spans, "transaction")["db.system.name"] in {"sqlite", "postgresql", "mariadb"}


def test_a_station_at_its_first_contact_has_hooks() -> None:
    gateway = Gateway.with_admin()
    with tracing() as spans:
        gateway.send(full())
    hooks = [(span.attributes or {})["iot_ingest.hook"] for span in spans.named("hook")]
    assert hooks == ["on_station_created", "on_station_status_changed"]


def test_a_return_with_its_hook_and_its_copy(gateway: Gateway) -> None:
    gateway.send(full())
    body = encode(returned(slot=2))
    with tracing() as spans:
        gateway.send(body)
    inside = [AUTHENTICATE, "read", ("receive", ["transaction"]), ("apply", [HOOK])]
    assert spans.tree() == [("request", inside)]
    assert said(spans, "hook") == {"hook": "on_power_bank_returned"}
    assert said(spans, "apply")["source"] == "gateway"
    with tracing() as spans:
        gateway.send(body)
    inside = [AUTHENTICATE, "read", ("receive", ["transaction"]), ("apply", ["transaction"])]
    assert spans.tree() == [("request", inside)]
    assert said(spans, "request")["state"] == "duplicate"


def test_a_return_that_waited_is_a_part_of_what_made_it_known(gateway: Gateway) -> None:
    gateway.send(returned(slot=2))
    with tracing() as spans:
        gateway.send(full())
    assert spans.tree() == [
        (
            "request",
            [
                AUTHENTICATE,
                "read",
                ("apply", ["settle", "transaction"]),
                ("follow_up", [("apply", [HOOK])]),
            ],
        )
    ]


def test_a_bad_signature(gateway: Gateway) -> None:
    with tracing() as spans:
        answer = gateway.post(status(), secret="o" * 40).json()
    (request,) = [inside for name, inside in spans.tree()]
    assert request[0] == AUTHENTICATE
    failed = (StatusCode.ERROR, "INVALID_SIGNATURE")
    assert said(spans, "signature") == {"error.type": failed[1], "status": failed}
    assert said(spans, "authenticate") == {"error.type": failed[1], "status": failed}
    assert said(spans, "bearer") == {}
    # It was the client's fault: the conventions leave a server's span as it is.
    assert said(spans, "request") == {
        "http.request.method": "POST",
        "http.route": URL.lstrip("/"),
        "http.response.status_code": 403,
        "reason": "INVALID_SIGNATURE",
        "request_id": answer["request_id"],
    }


def test_a_hook_that_fails(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.send(full())
    FlakyHook(monkeypatch).failures = [ValueError(CANARY)]
    with tracing() as spans:
        assert gateway.post(returned(slot=2)).status_code == 503
    inside = [
        AUTHENTICATE,
        "read",
        ("receive", ["transaction"]),
        ("apply", [HOOK, "transaction", "transaction"]),
    ]
    assert spans.tree() == [("request", inside)]
    failed = (StatusCode.ERROR, "ValueError")
    assert said(spans, "hook") == {
        "hook": "on_power_bank_returned",
        "error.type": "ValueError",
        "status": failed,
    }
    assert said(spans, "apply")["status"] == failed
    assert said(spans, "request")["status"] == failed
    assert said(spans, "request")["reason"] == "TEMPORARILY_UNAVAILABLE"


def test_an_unexpected_error_of_the_view(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_iot_ingest.network.is_allowed", lambda meta: 1 / 0)
    with tracing() as spans:
        assert gateway.post(status()).status_code == 503
    assert said(spans, "request")["status"] == (StatusCode.ERROR, "ZeroDivisionError")


def test_deferred_mode(gateway: Gateway, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PROCESSING": "deferred"}
    monkeypatch.setattr(bell, "ring", lambda: None)
    with tracing() as spans:
        gateway.send(full())
    assert spans.tree() == [("request", [AUTHENTICATE, "read", ("receive", ["transaction"])])]
    assert said(spans, "request")["state"] == "queued"
    with tracing() as spans:
        drain.drain()
    roots = [one if isinstance(one, str) else one[0] for one in spans.tree()]
    assert set(roots) <= {"apply", "apply_many"}
    assert said(spans, "apply")["state"] == "applied"


def test_the_sweeper_makes_a_trace_of_each_event(gateway: Gateway) -> None:
    gateway.send(returned(slot=2))
    IngestEvent.objects.update(retry_at=None)
    with tracing() as spans:
        sweeper.sweep()
    assert spans.tree() == [("apply", ["transaction"])]
    assert said(spans, "apply")["source"] == "replay"


def test_the_transactions_of_a_scrape_are_no_traces() -> None:
    with tracing() as spans:
        assert overview.get().is_up
    assert spans.all() == []


def test_a_trace_says_nothing_of_a_device_or_a_person(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    FlakyHook(monkeypatch).failures = [ValueError(CANARY)]
    with tracing() as spans:
        gateway.send({**full(), "note": CANARY})
        gateway.post(returned(slot=2))
        gateway.post(full(), secret="o" * 40)
        gateway.post({"type": CANARY})
        gateway.client.generic("PROPFIND", URL)
    text = "".join(str(span.to_json()) for span in spans.all())
    assert spans.all()
    for word in (STATION, BANK, CANARY, gateway.token, "127.0.0.1", "PROPFIND", "gateway@"):
        assert word not in text
    assert all(span.events == () for span in spans.all())
    keys = {key for span in spans.all() for key in span.attributes or {}}
    assert keys <= {*ATTRIBUTES.values(), "error.type"}


def test_the_span_of_the_surroundings_is_the_parent(gateway: Gateway) -> None:
    spans = Spans()
    outer = spans.provider.get_tracer("somebody's")
    with connected(Tracing(spans.provider)), outer.start_as_current_span("GET /"):
        gateway.send(status())
        assert trace.get_current_span().get_span_context().is_valid
    ((name, inside),) = spans.tree()
    assert (name, inside[0][0]) == ("GET /", "request")


def test_after_a_request_nothing_of_ours_is_current(gateway: Gateway) -> None:
    with tracing():
        gateway.post(status(), secret="o" * 40)
        assert not trace.get_current_span().get_span_context().is_valid


def test_what_is_not_sampled_is_not_sampled_as_a_whole(gateway: Gateway) -> None:
    spans = Spans()
    spans.provider.sampler = ALWAYS_OFF
    with connected(Tracing(spans.provider)):
        gateway.send(full())
    assert spans.all() == []


def test_without_an_sdk_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    with connected(Tracing()):
        assert telemetry.step("request") is telemetry.NOTHING
        assert telemetry.step("hook") is telemetry.NOTHING
        # A host may set its SDK up after us, in each worker that was forked.
        monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
        assert telemetry.step("request") is not telemetry.NOTHING
        assert telemetry.step("hook") is not telemetry.NOTHING


def test_the_sdk_of_the_process_is_used_by_itself() -> None:
    assert run(GLOBAL).splitlines() == ["iot_ingest.hook iot_ingest.request"]


GLOBAL = """
import django
django.setup()
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from django_iot_ingest import telemetry
with telemetry.step("request"):
    pass
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
with telemetry.step("request"), telemetry.step("hook", hook="x"):
    pass
print(*[span.name for span in exporter.get_finished_spans()])
"""


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"method": "POST"}, {"http.request.method": "POST"}),
        ({"method": "X" * 5000}, {"http.request.method": "_OTHER"}),
        ({"method": None}, {"http.request.method": "_OTHER"}),
        ({"device_serial": STATION, "route": None}, {}),
    ],
)
def test_attributes_are_of_the_table(about: dict[str, Any], told: dict[str, Any]) -> None:
    assert attributes(about) == told
    assert json.dumps(told)
