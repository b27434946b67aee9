"""What the security tests share: what a case expects, who sends it, how much each judge has said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.line import Line

JUDGED = pytest.StashKey[Counter[str]]()


@pytest.fixture
def expected(request: pytest.FixtureRequest) -> str:
    """The answer that the case says: the second argument of its mark."""
    mark = request.node.get_closest_marker("case")
    return str(mark.args[1])


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


@pytest.fixture
def line(db: None, settings: Any) -> Line:
    return Line(settings)


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """Keep the test's database connection open behind a handler, as Django's own client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Count what a judge has said: ``judged("Wycheproof vectors", 174)``."""
    counts = request.config.stash.setdefault(JUDGED, Counter())

    def count(what: str, number: int = 1) -> None:
        counts[what] += number

    return count


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = config.stash.get(JUDGED, Counter())
    if counts:
        terminalreporter.section("judges")
        for what, number in sorted(counts.items()):
            terminalreporter.line(f"{number:>9,} {what}")
