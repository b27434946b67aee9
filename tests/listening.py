"""Backends for tests: what is told through ``telemetry``, counted, or traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from django_iot_ingest import telemetry
from django_iot_ingest.metrics.recorder import Recorder
from django_iot_ingest.tracing import PREFIX, Tracing

Tree = list[Any]
"""Spans as they lie in each other: a name, or a name and the tree below it."""


class Ear:
    """Keep what is told, in order."""

    def __init__(self) -> None:
        self.ended: list[telemetry.Step] = []
        self.counted: list[tuple[str, dict[str, str]]] = []

    def hears(self, name: str) -> bool:
        return True

    def begin(self, step: telemetry.Step) -> None:
        pass

    def end(self, step: telemetry.Step, begun: None) -> None:
        self.ended.append(step)

    def count(self, name: str, labels: dict[str, str]) -> None:
        self.counted.append((name, labels))


@contextmanager
def connected(*backends: telemetry.Backend) -> Iterator[None]:
    """Tell these backends alone while the block runs."""
    kept, telemetry._backends = telemetry._backends, backends
    try:
        yield
    finally:
        telemetry._backends = kept


@contextmanager
def counting() -> Iterator[CollectorRegistry]:
    """Count in a registry of this block's own."""
    registry = CollectorRegistry()
    with connected(Recorder(registry)):
        yield registry


class Spans:
    """What was exported, in the order in which it ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def all(self) -> list[ReadableSpan]:
        """Return every span, in the order in which it began."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of one name, without our prefix."""
        return [span for span in self.all() if span.name == PREFIX + name]

    def below(self, parent: ReadableSpan | None) -> list[ReadableSpan]:
        """Return the spans of which another is the parent."""
        key = parent and parent.context and parent.context.span_id
        return [span for span in self.all() if (span.parent and span.parent.span_id) == key]

    def tree(self, parent: ReadableSpan | None = None) -> Tree:
        """Return the names of all spans, as they lie in each other."""
        found: Tree = []
        for span in self.below(parent):
            name, inside = span.name.removeprefix(PREFIX), self.tree(span)
            found.append((name, inside) if inside else name)
        return found


@contextmanager
def tracing() -> Iterator[Spans]:
    """Trace with an SDK of this block's own."""
    spans = Spans()
    with connected(Tracing(spans.provider)):
        yield spans
