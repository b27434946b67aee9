"""Spans for OpenTelemetry (the extra ``tracing``): one for each step, below the current one.

Which spans are kept, and where they go, is the SDK's, which a host sets up. Without one nothing is
made. A span has the attributes of ``ATTRIBUTES`` and no other: never a serial number, an address, or
words of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from typing import Any, NamedTuple

from django_iot_ingest import __version__, telemetry
from django_iot_ingest.telemetry import Step

try:
    from opentelemetry import context, trace
except ImportError:  # the extra is not installed
    trace = None  # type: ignore[assignment]

PREFIX = "iot_ingest."

ROOTS = frozenset({"request", "apply", "apply_many"})
"""Steps that may begin a trace: the others are told only as a part of something."""

ATTRIBUTES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "database": "db.system.name",
    "event_type": "iot_ingest.event_type",
    "event_id": "iot_ingest.event_id",
    "state": "iot_ingest.state",
    "warnings": "iot_ingest.warnings",
    "reason": "iot_ingest.reason",
    "request_id": "iot_ingest.request_id",
    "attempt": "iot_ingest.attempt",
    "source": "iot_ingest.source",
    "hook": "iot_ingest.hook",
    "events": "iot_ingest.events",
}
"""By what a step is told; the names of the semantic conventions where they have one."""

METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
"""Methods that are told by name; any other is ``_OTHER``, as the conventions say."""


class Begun(NamedTuple):
    """A span that is current, and what makes the one before it current again."""

    span: trace.Span
    token: Token[context.Context]


class Tracing:
    """Make a span of each step, with a provider, or else with whichever is the process's."""

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self.has_sdk = provider is not None
        self.tracer = trace.get_tracer("django_iot_ingest", __version__, provider)

    def hears(self, name: str) -> bool:
        """Return whether there is an SDK. One stays; until then only the first step of all asks."""
        if not self.has_sdk and name in ROOTS:
            provider = trace.get_tracer_provider()
            self.has_sdk = not isinstance(provider, trace.ProxyTracerProvider)
        return self.has_sdk

    def begin(self, step: Step) -> Begun | None:
        """Begin a span below the current one; None where there is nothing to be part of."""
        if step.name not in ROOTS and not trace.get_current_span().get_span_context().is_valid:
            return None
        span = self.tracer.start_span(PREFIX + step.name)
        return Begun(span, context.attach(trace.set_span_in_context(span)))

    def end(self, step: Step, begun: Begun | None) -> None:
        """End the span, with what is known of the step by now."""
        if begun is None:
            return
        context.detach(begun.token)
        if begun.span.is_recording():
            begun.span.set_attributes(attributes(step.about))
            if step.error_code:
                begun.span.set_attribute("error.type", step.error_code)
                begun.span.set_status(trace.StatusCode.ERROR, step.error_code)
        begun.span.end()

    def count(self, name: str, labels: dict[str, str]) -> None:
        """Leave counts to whoever counts."""


def attributes(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span, of what a step was told."""
    told = {
        ATTRIBUTES[name]: value
        for name, value in about.items()
        if name in ATTRIBUTES and value is not None
    }
    if "method" in about and about["method"] not in METHODS:
        told[ATTRIBUTES["method"]] = "_OTHER"
    return told


def install() -> None:
    """Trace, if the extra is installed; once in a process."""
    if trace is not None and not telemetry.is_connected(Tracing):
        telemetry.connect(Tracing())
