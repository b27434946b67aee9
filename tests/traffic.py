"""Several processes with several threads each, that send events through the view at once.

Each client has a station of its own. In each round it sends the station's snapshot and status; then
all clients at once send the returns of that round, each return by ``COPIES`` of them, of which no
two are neighbours in one process. What the tables hold in the end does not depend on who was first.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.payloads import bank_row, empty_slot, encode, full, held_slot, returned, status

PROCESSES = 2
THREADS = 4
CLIENTS = PROCESSES * THREADS
ROUNDS = 6
COPIES = 3
RETAINED = 2
"""Slots whose banks stay; behind them each round's return fills one more."""

SIZE = RETAINED + ROUNDS
PATIENCE = 60
TRIES = 5
"""Times that a client sends an event that is answered 503, as the gateway would its three."""


def station(client: int) -> str:
    return f"STATION-{client}"


def bank(client: int, slot: int) -> str:
    return f"B-{client}-{slot}"


def rented() -> list[str]:
    """Return the banks that come back: one per client and round."""
    slots = range(RETAINED + 1, SIZE + 1)
    return [bank(client, slot) for client in range(CLIENTS) for slot in slots]


def run(environment: Mapping[str, str], token: str, began: int) -> Counter[str]:
    """Send it all from ``PROCESSES`` processes; return how often each state was answered.

    ``began`` is the unix time of the first event, at least ``3 * ROUNDS`` seconds ago.
    """
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(CLIENTS), context.Queue()
    arguments = (token, began, barrier, answers)
    with changed_environment({"DJANGO_SETTINGS_MODULE": "tests.settings_pooled", **environment}):
        processes = [
            context.Process(target=send_all, args=(number, *arguments))
            for number in range(PROCESSES)
        ]
        for process in processes:
            process.start()
    try:
        states: Counter[str] = Counter()
        for _ in range(CLIENTS):
            states += answers.get(timeout=PATIENCE)
        return states
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.kill()


@contextmanager
def changed_environment(changes: Mapping[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def send_all(process: int, token: str, began: int, barrier: Any, answers: Any) -> None:
    """Be one process: its threads are the clients ``process``, ``process + PROCESSES`` …"""
    import django

    django.setup()
    threads = [
        threading.Thread(target=send, args=(client, token, began, barrier, answers))
        for client in range(process, CLIENTS, PROCESSES)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send(client: int, token: str, began: int, barrier: Any, answers: Any) -> None:
    """Be one client, and tell how often each state was answered."""
    from django.db import connection

    states: Counter[str] = Counter()
    try:
        for number in range(ROUNDS):
            at = began + 3 * number
            barrier.wait(PATIENCE)
            states[deliver(token, snapshot(client, number, at))] += 1
            word = "MAINTENANCE" if number % 2 else "ONLINE"
            states[deliver(token, status(word, at=at, serial=station(client)))] += 1
            barrier.wait(PATIENCE)
            for other in range(client, client + COPIES):
                states[deliver(token, return_of(other % CLIENTS, number, at + 1))] += 1
    except Exception as error:  # noqa: BLE001 - the test reports it
        states[repr(error)] += 1
        barrier.abort()
    finally:
        connection.close()
        answers.put(states)


def snapshot(client: int, number: int, at: int) -> dict[str, Any]:
    """Return a station's snapshot: what stays, and what came back in earlier rounds."""
    held = range(1, RETAINED + number + 1)
    slots = [
        held_slot(slot, bank(client, slot), battery_level=40 + number)
        if slot in held
        else empty_slot(slot)
        for slot in range(1, SIZE + 1)
    ]
    banks = [bank_row(bank(client, slot), slot, battery_level=40 + number) for slot in held]
    return full(slots, banks, at=at, serial=station(client))


def return_of(client: int, number: int, at: int) -> dict[str, Any]:
    """Return the event of the bank that comes back to a client's station in a round."""
    slot = RETAINED + number + 1
    return returned(bank(client, slot), slot, at=at, serial=station(client))


def deliver(token: str, payload: dict[str, Any]) -> str:
    """Post an event until it is accepted; return its state, or what was answered last."""
    from tests.gateway import Gateway

    gateway, body = Gateway(token), encode(payload)
    for attempt in range(TRIES):
        response = gateway.post(body)
        if response.status_code == 200:
            return str(response.json()["data"]["state"])
        time.sleep(0.1 * attempt)  # the gateway's pause, shorter
    return f"{response.status_code} {response.json()['error']}"
