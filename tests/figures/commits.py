"""What waiting for the disk costs: events a second of one client and of several."""

from __future__ import annotations

import statistics
import threading
import time

from django.db import connection

from tests.figures.fleet import markdown, run, send
from tests.gateway import Gateway

STATIONS = 100
ROUNDS = 5
CLIENTS = (1, 4)


def table() -> str:
    gateway = Gateway.with_admin()
    send(gateway, range(STATIONS), 0)
    rates: dict[tuple[str, int], list[float]] = {}
    for turn in range(1, ROUNDS + 1):
        for setting in ("on", "off"):
            run(f"ALTER SYSTEM SET synchronous_commit = {setting}", "SELECT pg_reload_conf()")
            connection.close()
            for clients in CLIENTS:
                rate = measure(gateway, clients, turn)
                rates.setdefault((setting, clients), []).append(rate)
    rows = [
        [f"`synchronous_commit = {setting}`"]
        + [f"{statistics.median(rates[setting, clients]):.0f}" for clients in CLIENTS]
        for setting in ("on", "off")
    ]
    head = [
        "snapshots a second, one process",
        *(f"{clients} thread{'s' * (clients > 1)}" for clients in CLIENTS),
    ]
    return markdown(head, rows)


def measure(gateway: Gateway, clients: int, turn: int) -> float:
    """Let threads send the snapshots of their stations; return how many a second."""

    def work(first: int) -> None:
        send(Gateway(gateway.token), range(first, STATIONS, clients), turn)
        connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return STATIONS / (time.perf_counter() - began)
