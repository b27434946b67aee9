"""The one seam to whoever counts and traces: steps of the work, and what happens beside them.

Prometheus and OpenTelemetry hang behind it where they are installed (``metrics``, ``tracing``); no
other module knows them. Without them a step is one that does nothing. A backend that fails breaks
nothing: the gateway's answer does not depend on who counts it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from django_iot_ingest import faults, logs
from django_iot_ingest.exceptions import Refusal, TemporarilyUnavailable

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Backend(Protocol):
    """Who is told, of the steps that it ``hears`` of. What ``begin`` returns is handed to ``end``."""

    def hears(self, name: str) -> bool:
        """Return whether steps of that name are to be told."""

    def begin(self, step: Step) -> Any:
        """Take note of a step that begins; what is returned comes back at its end."""

    def end(self, step: Step, begun: Any) -> None:
        """Take note of a step that is over, with how long it took and what ended it."""

    def count(self, name: str, labels: dict[str, str]) -> None:
        """Take note of something that happened once."""


class Step:
    """One stretch of the work: a context that knows how long it took, and what ended it.

    ``about`` holds plain values and never a serial number, an address or a text of the request.
    """

    __slots__ = ("_backends", "_begun", "_started", "about", "error_code", "name", "seconds")

    def __init__(self, name: str, about: dict[str, Any], backends: Sequence[Backend] = ()) -> None:
        self._backends = backends
        self.name = name
        self.about = about
        self.error_code = ""
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        self._begun = [(backend, _safely(backend.begin, self)) for backend in self._backends]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        if error is not None and not getattr(error, "is_expected", False):
            self.fail(code_of(error))
        for backend, begun in reversed(self._begun):
            _safely(backend.end, self, begun)

    def tell(self, **about: Any) -> None:
        """Add what became known of the step."""
        self.about.update(about)

    def fail(self, code: str) -> None:
        """Say that the step failed; a code, never words."""
        self.error_code = code


class Nothing(Step):
    """A step that nobody is told of."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def tell(self, **about: Any) -> None:
        """Forget what became known."""

    def fail(self, code: str) -> None:
        """Forget that it failed."""


NOTHING = Nothing("", {})


def step(name: str, **about: Any) -> Step:
    """Return the context of one step: a new one if there is anybody who listens."""
    if not _backends:
        return NOTHING
    listening = [backend for backend in _backends if _safely(backend.hears, name)]
    return Step(name, about, listening) if listening else NOTHING


def count(name: str, **labels: str) -> None:
    """Say that something happened, once; each label has few values."""
    for backend in _backends:
        _safely(backend.count, name, labels)


def connect(backend: Backend) -> None:
    """Tell one more backend from here on."""
    global _backends
    _backends = (*_backends, backend)


def is_connected(kind: type) -> bool:
    """Return whether a backend of that class is told."""
    return any(isinstance(backend, kind) for backend in _backends)


def disconnect(backend: Backend) -> None:
    """Tell a backend no more."""
    global _backends
    _backends = tuple(one for one in _backends if one is not backend)


def code_of(error: BaseException) -> str:
    """Return a short name: of a 503 that of its cause, of another refusal the answer's own."""
    if isinstance(error, TemporarilyUnavailable) and error.__cause__ is not None:
        error = error.__cause__
    return error.error if isinstance(error, Refusal) else faults.code_of(error)


def _safely(work: Callable[..., Result], *arguments: Any) -> Result | None:
    try:
        return work(*arguments)
    except Exception as error:  # noqa: BLE001 - told by its trace
        if logs.throttle.take(("telemetry", type(error))) is not None:
            code = faults.code_of(error)
            trace = logs.trace(error)
            logger.error("telemetry failed: %s%s", code, trace, extra={"error_code": code})
        return None


_backends: tuple[Backend, ...] = ()
