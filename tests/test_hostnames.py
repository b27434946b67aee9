"""Host names of the allow-list: which texts are names, and how their addresses stay fresh."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest

from django_iot_ingest import hostnames
from django_iot_ingest.hostnames import Answer, HostName, Resolver

pytestmark = pytest.mark.once

SOON = 5.0
"""Seconds that a thread of ours may need on a slow machine; a failing test alone lasts so long."""

ONE, TWO, SIX = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), IPv6Address("2001:db8::1")


class NameServer:
    """Answer look-ups from a table; a name that is held gets no answer until it is let go."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.table: dict[str, set[str] | BaseException] = {}
        self.gates: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []

    def hold(self, name: str) -> None:
        self.gates[name] = threading.Event()

    def release(self, name: str) -> None:
        self.gates[name].set()

    def lookup(self, name: str) -> Answer:
        self.asked.append(name)
        self.threads.append(threading.current_thread())
        if name in self.gates:
            assert self.gates[name].wait(SOON)
        answer = self.table.get(name, set())
        if isinstance(answer, BaseException):
            raise answer
        return frozenset(map(ip_address, answer))


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    for gate in server.gates.values():
        gate.set()


@pytest.fixture
def resolver(server: NameServer) -> Iterator[Resolver]:
    resolver = Resolver(server.lookup, lambda: server.now, lambda: 60.0)
    yield resolver
    retire(resolver)


def retire(resolver: Resolver) -> None:
    """Forget all names, so that the thread ends."""
    thread = resolver._thread
    resolver.watch(())
    with resolver._changed:
        resolver._changed.notify_all()
    if thread is not None:
        thread.join(SOON)
        assert not thread.is_alive()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def is_settled(resolver: Resolver) -> bool:
    """Return whether no look-up is due or running."""
    with resolver._changed:
        return not resolver._due() and not any(r.is_busy for r in resolver._records.values())


def after(server: NameServer, resolver: Resolver, seconds: float, names: list[str]) -> None:
    """Let time pass, and the look-ups that it brings."""
    server.now += seconds
    resolver.watch(names)
    until(lambda: is_settled(resolver))


def run(code: str) -> tuple[int, str]:
    """Run a program of its own; return its exit code and what it complained about."""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


# Names


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "gateway.example.com",
        "a",
        "a-b.c",
        "3com.example",
        "1.2.3.4.example",
        "10.0.0.5a",
        "xn--bcher-kva.example",
        "x" * 63 + ".example",
        ".".join(["x" * 61] * 4),
        "0xg",
        "dead.beef",
    ],
)
def test_host_names(text: str) -> None:
    assert HostName.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "*",
        "*.example.com",
        "-a.example",
        "a-.example",
        "a..b",
        ".a",
        "a.",
        "a_b",
        "a b",
        "a\n",
        "a:80",
        "http://a",
        "bücher.example",
        "١.example.com",
        "x" * 64,
        ".".join(["x" * 63] * 4),
        "1.2.3",
        "10.0.0.256",
        "1-2",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7f.0x1",
        "0X7F.0x",
        "gateway.1",
    ],
)
def test_other_texts_are_no_host_names(text: str) -> None:
    with pytest.raises(ValueError, match="host name"):
        HostName.parse(text)
    assert hostnames.addresses(text) == frozenset()


def test_letter_case_of_a_name_is_ignored() -> None:
    assert HostName.parse("Gateway.EXAMPLE.com") == HostName.parse("gateway.example.com")


# Answers


def test_the_first_request_waits_for_the_first_answer(
    server: NameServer, resolver: Resolver
) -> None:
    server.table["a"] = {"192.0.2.1", "2001:db8::1"}
    assert resolver.addresses("a") == {ONE, SIX}
    assert server.asked == ["a"]


def test_a_known_name_is_not_asked_for_again_before_it_is_due(
    server: NameServer, resolver: Resolver
) -> None:
    server.table["a"] = {"192.0.2.1"}
    for _ in range(10):
        resolver.addresses("a")
    after(server, resolver, 59.9, ["a"])
    assert server.asked == ["a"]


def test_a_name_is_looked_up_again_after_the_refresh_time(
    server: NameServer, resolver: Resolver
) -> None:
    server.table["a"] = {"192.0.2.1"}
    resolver.addresses("a")
    server.table["a"] = {"192.0.2.2"}
    after(server, resolver, 60, ["a"])
    assert resolver.addresses("a") == {TWO}


def test_names_are_refreshed_without_any_request(server: NameServer) -> None:
    resolver = Resolver(server.lookup, refresh=lambda: 0.01)
    resolver.watch(["a"])
    until(lambda: len(server.asked) >= 3)
    retire(resolver)


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "no name"), UnicodeError(), set()])
def test_the_last_good_answer_counts_for_15_minutes(
    server: NameServer, resolver: Resolver, failure: Any
) -> None:
    server.table = {"a": {"192.0.2.1"}, "b": {"192.0.2.2"}}
    resolver.watch(["a", "b"])
    assert resolver.addresses("a") == {ONE}
    server.table["a"] = failure
    for _ in range(14):
        after(server, resolver, 60, ["a", "b"])
    server.now += 60
    assert resolver.addresses("a") == {ONE}
    server.now += 0.001
    assert resolver.addresses("a") == frozenset()
    assert resolver.addresses("b") == {TWO}, "that entry alone closes"


def test_a_closed_name_opens_with_its_next_answer(server: NameServer, resolver: Resolver) -> None:
    server.table["a"] = {"192.0.2.1"}
    resolver.addresses("a")
    server.table["a"] = OSError()
    after(server, resolver, 2000, ["a"])
    assert resolver.addresses("a") == frozenset()
    server.table["a"] = {"192.0.2.1"}
    after(server, resolver, 60, ["a"])
    assert resolver.addresses("a") == {ONE}


def test_nobody_waits_for_a_name_that_has_failed(server: NameServer) -> None:
    resolver = Resolver(server.lookup, lambda: server.now, lambda: 60.0, longest_wait=1e6)
    server.table["a"] = OSError()
    assert resolver.addresses("a") == frozenset()
    server.hold("a")
    server.now += 60
    resolver.watch(["a"])
    until(lambda: len(server.asked) == 2)
    assert resolver.addresses("a") == frozenset()
    server.release("a")
    retire(resolver)


def test_a_forgotten_name_starts_afresh(server: NameServer, resolver: Resolver) -> None:
    server.table = {"a": {"192.0.2.1"}, "b": {"192.0.2.2"}}
    resolver.addresses("a")
    resolver.watch(["b"])
    assert not resolver.resolves_to(["a"], ONE)
    assert resolver.resolves_to(["b"], TWO)
    after(server, resolver, 600, ["b"])
    assert server.asked.count("a") == 1
    server.table["a"] = set()
    assert resolver.addresses("a") == frozenset()


def test_the_answer_to_a_forgotten_name_is_dropped(server: NameServer, resolver: Resolver) -> None:
    server.table = {"a": {"192.0.2.1"}}
    server.hold("a")
    resolver.watch(["a"])
    until(lambda: server.asked == ["a"])
    resolver.watch([])
    server.release("a")
    server.threads[0].join(SOON)
    assert resolver._records == {}


# Waiting


def test_a_request_waits_no_longer_than_it_may(server: NameServer) -> None:
    resolver = Resolver(server.lookup, longest_wait=0.02)
    server.table = {"a": {"192.0.2.1"}}
    server.hold("a")
    assert resolver.addresses("a") == frozenset()
    server.release("a")
    until(lambda: resolver.addresses("a") == {ONE})
    retire(resolver)


def test_the_wait_is_two_seconds() -> None:
    assert (hostnames.LONGEST_WAIT, hostnames.KEEP) == (2.0, 900.0)
    assert Resolver()._longest_wait == hostnames.LONGEST_WAIT


def test_one_request_waits_and_the_others_go_on(server: NameServer) -> None:
    resolver = Resolver(server.lookup, longest_wait=1e6)
    server.table = {"a": {"192.0.2.1"}}
    server.hold("a")
    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(resolver.addresses("a")))
    first.start()
    until(resolver._waiting.locked)
    for _ in range(20):
        assert resolver.addresses("a") == frozenset()
        assert not resolver.resolves_to(["a"], ONE)
    server.release("a")
    first.join(SOON)
    assert answers == [{ONE}]
    retire(resolver)


def test_a_known_name_never_waits_for_a_pending_one(server: NameServer) -> None:
    resolver = Resolver(server.lookup, longest_wait=1e6)
    server.table = {"fast": {"192.0.2.1"}}
    server.hold("slow")
    resolver.watch(["slow", "fast"])
    assert resolver.resolves_to(["slow", "fast"], ONE)
    server.release("slow")
    retire(resolver)


def test_two_pending_names_share_one_wait(server: NameServer) -> None:
    resolver = Resolver(server.lookup, longest_wait=0.05)
    server.hold("a")
    server.hold("b")
    resolver.watch(["a", "b"])
    started = time.monotonic()
    assert not resolver.resolves_to(["a", "b"], ONE)
    assert time.monotonic() - started >= 0.05
    until(lambda: sorted(server.asked) == ["a", "b"])
    server.release("a")
    server.release("b")
    retire(resolver)


def test_a_name_server_that_hangs_is_not_asked_twice(
    server: NameServer, resolver: Resolver
) -> None:
    server.table = {"a": {"192.0.2.1"}, "b": {"192.0.2.2"}}
    resolver.addresses("a")
    server.hold("a")
    server.now += 60
    resolver.watch(["a", "b"])
    until(lambda: server.asked.count("a") == 2)
    for _ in range(5):
        server.now += 60
        resolver.watch(["a", "b"])
        assert resolver.addresses("a") == {ONE}
        assert resolver.addresses("b") == {TWO}
    until(lambda: server.asked.count("b") >= 2)
    assert server.asked.count("a") == 2


# Threads


def test_without_names_there_is_no_thread(resolver: Resolver) -> None:
    resolver.watch(())
    assert not resolver.resolves_to((), ONE)
    assert resolver._thread is None


def test_all_threads_are_daemons_and_not_the_request_s(
    server: NameServer, resolver: Resolver
) -> None:
    resolver.addresses("a")
    assert resolver._thread is not None
    assert resolver._thread.daemon
    assert [thread.daemon for thread in server.threads] == [True]
    assert threading.current_thread() not in server.threads


def test_one_thread_serves_all_names_and_requests(server: NameServer, resolver: Resolver) -> None:
    resolver.addresses("a")
    thread = resolver._thread
    resolver.addresses("b")
    after(server, resolver, 60, ["a", "b"])
    assert resolver._thread is thread


def test_the_thread_ends_with_the_last_name_and_comes_back(
    server: NameServer, resolver: Resolver
) -> None:
    server.table["a"] = {"192.0.2.1"}
    resolver.addresses("a")
    retire(resolver)
    assert resolver._thread is None
    assert resolver.addresses("a") == {ONE}


def test_the_thread_survives_an_error_of_its_own(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hostnames, "SHORTEST_REFRESH", 0.001)
    errors = [ZeroDivisionError()]

    def clock() -> float:
        if errors and threading.current_thread() is resolver._thread:
            raise errors.pop()
        return server.now

    resolver = Resolver(server.lookup, clock, lambda: 60.0)
    server.table["a"] = {"192.0.2.1"}
    with caplog.at_level(logging.ERROR):
        assert resolver.addresses("a") == {ONE}
    assert errors == []
    (record,) = caplog.records
    assert record.message.startswith("The resolver of host names goes on after an error\n")
    retire(resolver)


def test_a_process_that_can_start_no_thread_closes_the_name(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resolver = Resolver(server.lookup, longest_wait=0.001)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert resolver.addresses("a") == frozenset()
    assert "No thread can be started" in caplog.text
    server.table["a"] = {"192.0.2.1"}
    resolver.watch(["a"])
    until(lambda: resolver.addresses("a") == {ONE})
    retire(resolver)


def test_a_look_up_that_cannot_start_is_tried_again(
    server: NameServer, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.table["a"] = {"192.0.2.1"}
    start = hostnames._start
    refused: list[str] = []

    def refuse_once(target: Callable[[], None], name: str) -> threading.Thread | None:
        if name.endswith("-a") and not refused:
            refused.append(name)
            return None
        return start(target, name)

    monkeypatch.setattr(hostnames, "_start", refuse_once)
    resolver.watch(["a"])
    until(lambda: bool(refused))
    assert resolver.addresses("a") == frozenset()
    after(server, resolver, 60, ["a"])
    assert resolver.addresses("a") == {ONE}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_resolves_and_ends() -> None:
    """A server that loads the application before it forks has our thread and lock in the parent."""
    code = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
from django.conf import settings
settings.configure()
from django_iot_ingest import hostnames
hostnames.socket.getaddrinfo = lambda *a, **k: [(2, 1, 6, "", ("192.0.2.1", 0))]
assert hostnames.addresses("a")
parent = hostnames._resolver
parent._changed.acquire()
parent._waiting.acquire()
child = os.fork()
if child == 0:
    assert hostnames._resolver is not parent
    assert not any(t.name.startswith("iot-ingest") for t in threading.enumerate())
    assert hostnames.addresses("a")
    assert sum(t.name == "iot-ingest-hostnames" for t in threading.enumerate()) == 1
    sys.exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code) == (7, "")


def test_a_look_up_that_hangs_keeps_no_process_from_ending() -> None:
    code = """
import threading
from django.conf import settings
settings.configure()
from django_iot_ingest import hostnames
hostnames.socket.getaddrinfo = lambda *a, **k: threading.Event().wait()
hostnames.watch(["a"])
"""
    assert run(code) == (0, "")


# Log


def test_a_failure_is_logged_once_until_it_ends(
    server: NameServer, resolver: Resolver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_iot_ingest.network")
    failure = socket.gaierror(-2, "evil\ntext")
    for answer in (failure, failure, set(), {"192.0.2.1"}, {"192.0.2.1"}, failure):
        server.table["a"] = answer
        after(server, resolver, 60, ["a"])
        until(lambda: all(not t.is_alive() for t in server.threads))
    assert [(r.name, r.levelname, r.message) for r in caplog.records] == [
        (
            "django_iot_ingest.network",
            "WARNING",
            "Host name a of ALLOWED_IPS cannot be resolved: gaierror",
        ),
        ("django_iot_ingest.network", "INFO", "Host name a of ALLOWED_IPS is resolved again"),
        (
            "django_iot_ingest.network",
            "WARNING",
            "Host name a of ALLOWED_IPS cannot be resolved: gaierror",
        ),
    ]


# The system and the settings


def test_localhost_is_resolved_by_the_system() -> None:
    assert hostnames.resolve("localhost") & {IPv4Address("127.0.0.1"), IPv6Address("::1")}


def test_answers_of_the_system_are_plain_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [("192.0.2.1", 0), ("::ffff:192.0.2.2", 0, 0, 0), ("fe80::1%eth0", 0, 0, 2)]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **k: [(0, 0, 0, "", answer) for answer in answers]
    )
    assert hostnames.resolve("a") == {ONE, TWO, IPv6Address("fe80::1")}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (60, 60.0),
        (2.5, 2.5),
        (1, 1.0),
        (0, 1.0),
        (-5, 1.0),
        (float("nan"), 1.0),
        (10**400, 600.0),
        (3600, 600.0),
        (None, 60.0),
        ("60", 60.0),
        (True, 60.0),
    ],
)
def test_the_refresh_time_is_read_live(settings: Any, value: Any, seconds: float) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "HOSTNAME_REFRESH": value}
    assert hostnames.refresh_seconds() == seconds


def test_the_module_keeps_one_resolver(
    monkeypatch: pytest.MonkeyPatch, server: NameServer, resolver: Resolver
) -> None:
    monkeypatch.setattr(hostnames, "_resolver", resolver)
    server.table["gateway.example.com"] = {"192.0.2.1"}
    assert hostnames.addresses("Gateway.Example.COM") == {ONE}
    assert hostnames.resolves_to(["gateway.example.com"], ONE)
    hostnames.watch([])
    assert not hostnames.resolves_to(["gateway.example.com"], ONE)
