"""What a stranger costs"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import pytest
from django.db import connection

from django_iot_ingest import logs, refusals
from django_iot_ingest.models import IngestEvent
from tests import leaks
from tests.line import Line, Unreadable
from tests.security.cases import attack, case
from tests.security.strangers import STRANGERS, Door, Stranger

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("kept_connection")]

REQUESTS = 10_000
REASONS = {stranger.answer.split()[1] for stranger in STRANGERS}


class Server(Door):
    """A door at which a body counts who tries to read it, and SQL is written down."""

    def __init__(self, line: Line) -> None:
        self.body = Body(b"x")
        self.statements: list[str] = []
        super().__init__(line.environ(stream=self.body))

    def serve(self, numbers: Iterator[int]) -> None:
        """Answer one request of each number, each of another kind."""
        for n, stranger in zip(numbers, cycle(STRANGERS), strict=False):
            assert self.answer(stranger.changes(n)) == stranger.answer

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Write down every statement that is sent to the database."""

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            self.statements.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            yield


class Body(Unreadable):
    """A body that counts who tries to read it."""

    reads = 0

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        self.reads += 1
        return super().read(*args, **kwargs)

    readline = read


@pytest.fixture
def server(line: Line) -> Server:
    return Server(line)


@pytest.mark.parametrize(
    "stranger",
    [
        attack(f"cost: {stranger.what}", f"{stranger.answer}, for nothing", stranger)
        for stranger in STRANGERS
    ],
)
def test_each_refusal_reads_nothing_and_asks_nobody(
    stranger: Stranger, expected: str, server: Server
) -> None:
    with server.counting():
        answer = server.answer(stranger.changes(1))
    spent = [*server.statements, *["a read"] * server.body.reads]
    assert f"{answer}, {', '.join(spent) or 'for nothing'}" == expected


@case(
    "cost: 10,000 requests of strangers, of every kind in turn",
    "0 statements of SQL, 0 reads of a body, 0 rows, 7 lines in the log",
)
def test_10_000_strangers_cost_nothing_that_lasts(
    server: Server, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "QUIET_SECONDS", 3600.0)  # however slow this machine is
    rows = IngestEvent.objects.count()
    leaks.ears.lines.clear()
    with server.counting():
        server.serve(iter(range(REQUESTS)))
    assert (
        f"{len(server.statements)} statements of SQL, {server.body.reads} reads of a body, "
        f"{IngestEvent.objects.count() - rows} rows, {len(leaks.ears.lines)} lines in the log"
    ) == expected
    assert sum(sum(minute.values()) for minute in refusals.counts().values()) == REQUESTS


def test_what_is_remembered_of_strangers_does_not_grow(server: Server) -> None:
    numbers = iter(range(REQUESTS // 2))
    server.serve(islice(numbers, REQUESTS // 5))
    before = allocated()
    server.serve(numbers)
    assert allocated() - before < REQUESTS // 50
    assert len(logs.throttle._kinds) == len(REASONS)
    assert set().union(*refusals.counts().values()) == REASONS
    assert len(refusals.counts()) <= 3


def allocated() -> int:
    """Return how many blocks of memory are in use."""
    gc.collect()
    return sys.getallocatedblocks()
