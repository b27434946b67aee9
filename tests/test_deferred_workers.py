"""Deferred mode with real workers and a real broker: 0 lost and 0 twice, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.judges import leave_out
from tests.nemesis.servers import HOST, answers, free_port
from tests.nemesis.surroundings import ROOT, environment
from tests.nemesis.workers import children
from tests.payloads import SECRET

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.one_host,
    pytest.mark.postgresql,
]

RETURNS = 120
KILL_AFTER = 15
SECONDS = 90.0

WORKERS = {
    "database": ["db_worker", "--interval", "0.1", "--no-startup-delay"],
    "rq": ["rqworker", "default", "--job-class", "django_tasks_rq.Job"],
}


class Host:
    """The programs of one host: they share its settings, its database and its broker."""

    def __init__(self, backend: str, folder: Path, port: int) -> None:
        self.backend = backend
        self.folder = folder
        self.port = port
        self.started: list[subprocess.Popen[bytes]] = []
        database = connection.settings_dict
        user = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
        place = f"{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
        self.environment = {
            **environment(f"postgres://{user}@{place}", {}),
            "DJANGO_SETTINGS_MODULE": "tests.workers.settings",
            "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
            "WORKERS_BACKEND": backend,
            "WORKERS_REDIS_PORT": str(port),
        }

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program; what it says goes to a file."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def manage(self, *arguments: str) -> None:
        """Run a management command to its end."""
        self.end_well(self.start(sys.executable, "-m", "django", *arguments))

    def work(self) -> subprocess.Popen[bytes]:
        """Start a worker of the backend."""
        return self.start(sys.executable, "-m", "django", *WORKERS[self.backend])

    def send(self) -> subprocess.Popen[bytes]:
        """Start to report returns, each twice, and snapshots and statuses between them."""
        module = ["-m", "tests.workers.send", str(RETURNS), str(SECONDS)]
        return self.start(sys.executable, *module)

    def end_well(self, process: subprocess.Popen[bytes]) -> None:
        assert process.wait(SECONDS) == 0, self.told()

    def told(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            failed = [process for process in self.started if (process.poll() or 0) > 0]
            assert time.monotonic() < deadline and not failed, self.told()
            time.sleep(0.02)

    def end(self) -> None:
        for process in self.started:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started at once, unless it has ended."""
    if process.poll() is not None:
        return
    for pid in [*children(process.pid), process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.wait()


@contextmanager
def host(backend: str) -> Iterator[Host]:
    """Yield a host whose tables are there and empty; end all its programs."""
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        one = Host(backend, Path(folder), free_port())
        try:
            one.manage("migrate", "--run-syncdb", "--verbosity", "0")
            run("TRUNCATE nemesis_billingentry")
            yield one
        finally:
            one.end()


def start_broker(one: Host) -> None:
    """Start the broker where the host's programs look for it."""
    if one.backend == "database":
        return
    try:
        one.start("redis-server", "--port", str(one.port), "--bind", HOST, "--save", "")
    except FileNotFoundError:
        leave_out("redis-server is not on this machine")


def run(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def billed() -> int:
    [(count,)] = run("SELECT count(*) FROM nemesis_billingentry")
    return int(count)


def waiting() -> int:
    """Return how many events are not applied, stale aside."""
    states = "'applied', 'stale'"
    [(count,)] = run(
        f"SELECT count(*) FROM django_iot_ingest_ingestevent WHERE state NOT IN ({states})"
    )
    return int(count)


def assert_none_lost_and_none_twice() -> None:
    numbers = run("SELECT number, count(*), count(rental_id) FROM nemesis_billingentry GROUP BY 1")
    assert sorted(numbers) == [(number, 1, 1) for number in range(RETURNS)]
    [(open_rentals,)] = run("SELECT count(*) FROM fleet_rental WHERE ended_at IS NULL")
    assert open_rentals == 0
    events = run("SELECT event_type, count(*) FROM django_iot_ingest_ingestevent GROUP BY 1")
    assert dict(events) == {"returned": RETURNS, "full": RETURNS, "status": RETURNS}


@pytest.mark.parametrize("backend", ["database", pytest.param("rq", marks=pytest.mark.whole)])
def test_a_worker_is_killed_in_the_middle(backend: str) -> None:
    with host(backend) as one:
        start_broker(one)
        one.end_well(one.send())
        assert (waiting(), billed()) == (3 * RETURNS, 0), "no worker runs yet"

        first = one.work()
        one.wait_until(lambda: billed() >= KILL_AFTER)
        kill(first)
        assert billed() < RETURNS

        one.work()
        one.wait_until(lambda: billed() >= RETURNS - 1)
        # What the first was at is free again after its back-off; the sweeper is run every minute.
        while waiting():
            one.manage("iot_sweep")
        assert_none_lost_and_none_twice()


@pytest.mark.whole
def test_the_broker_is_away_and_comes_back() -> None:
    with host("rq") as one:
        sender = one.send()
        said = ("all was sent", "could not be enqueued")
        one.wait_until(lambda: all(words in one.log.read_text() for words in said))
        assert (waiting(), billed()) == (3 * RETURNS, 0)
        assert not answers(one.port)

        start_broker(one)
        one.work()
        one.end_well(sender)
        one.wait_until(lambda: not waiting())
        assert_none_lost_and_none_twice()


@pytest.mark.whole
def test_two_workers_share_the_work() -> None:
    with host("database") as one:
        one.end_well(one.send())
        workers = [one.work() for _ in range(2)]
        one.wait_until(lambda: not waiting())
        assert all(worker.poll() is None for worker in workers)
        assert_none_lost_and_none_twice()
