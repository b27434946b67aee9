"""The two scenarios: a long run in which everything fails, and one outage of the database."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.nemesis.chaos import KILL, RESTART, Chaos, plan
from tests.nemesis.checker import Tables, Verdict, check
from tests.nemesis.gateway import Delivery, Gateway, returned
from tests.nemesis.servers import SERVERS
from tests.nemesis.surroundings import (
    EMAIL,
    PASSWORD,
    SECRET,
    Surroundings,
    bank_serials,
    station_serials,
    surroundings,
)
from tests.nemesis.traffic import SLOTS, Traffic
from tests.nemesis.workers import Application

DESIGNS = ("ours", "check_then_act", "one_transaction")
OURS = DESIGNS[0]

STATIONS = 40
THREADS = 24
RENTALS_PER_BANK = 4

RESETS = 0.25
"""How often the network resets a try before it is answered."""

HOOK_FAULTS = {"raise": 0.2, "slow": 0.10, "stall": 0.002}

OUTAGE_MARGIN = 0.5
"""Seconds before and after the outage in which there are first tries too."""


@dataclass(frozen=True, slots=True)
class Nemesis:
    """One run, as asked for."""

    design: str
    database: str
    returns: int
    kills: int
    restarts: int
    seed: int


@dataclass(slots=True)
class Result:
    """What a run came to."""

    design: str
    database: str
    verdict: Verdict
    struck: Counter[str] = field(default_factory=Counter)
    tries: Counter[int] = field(default_factory=Counter)
    """How many returns got their 200 at the first, second, third try; 0: at none."""

    seconds: float = 0.0
    slowest: float = 0.0
    """Seconds from a return's first try to its last answer, at most."""


def nemesis(asked: Nemesis) -> Result:
    """Kill workers and the database while banks are rented and returned."""
    started = time.monotonic()
    banks = asked.returns // RENTALS_PER_BANK + 2 * THREADS
    faults = {name: rate for name, rate in HOOK_FAULTS.items() if name != "stall" or is_long(asked)}
    with (
        SERVERS[asked.database]() as server,
        surroundings(server.url, design=asked.design, **faults) as around,
    ):
        around.tables("prepare", str(STATIONS), str(banks))
        with around.sweeper(), Application(around.folder, around.environment) as application:
            gateways = make_gateways(application.port, THREADS, asked.seed, RESETS)
            traffic = Traffic(gateways, station_serials(STATIONS), bank_serials(banks))
            strikes = plan(asked.returns, asked.kills, asked.restarts, asked.seed)
            chaos = Chaos(strikes, traffic.begun, application, server, asked.seed)
            chaos.start()
            try:
                traffic.run(asked.returns)
            finally:
                chaos.finish()
        result = judged(asked.design, asked.database, traffic.deliveries, around)
    result.struck = chaos.done
    result.seconds = time.monotonic() - started
    return result


def outage(design: str, database: str, returns: int, seconds: float, seed: int) -> Result:
    """Stop the database for some seconds, while returns are tried for the first time."""
    started = time.monotonic()
    with (
        SERVERS[database]() as server,
        surroundings(server.url, design=design) as around,
    ):
        around.tables("prepare", str(STATIONS), str(returns), "--rent")
        with Application(around.folder, around.environment) as application:
            gateways = make_gateways(application.port, returns, seed)
            log_in_once(gateways)
            history: list[Delivery] = []
            threads = spread(gateways, history, seconds + 2 * OUTAGE_MARGIN)
            time.sleep(OUTAGE_MARGIN)
            server.kill()
            time.sleep(seconds)
            server.start()
            for thread in threads:
                thread.join()
        result = judged(design, database, history, around)
    result.struck = Counter({RESTART: 1})
    result.seconds = time.monotonic() - started
    return result


def judged(design: str, database: str, history: list[Delivery], around: Surroundings) -> Result:
    """Sweep, hold the history to the tables, and keep both if anything is wrong."""
    lines = (delivery.as_json() for delivery in history)
    (around.folder / "history.jsonl").write_text("\n".join(lines) + "\n")
    verdict = check(history, Tables.read(around.finish()))
    around.is_kept = design == OURS and not verdict.is_clean
    tries = Counter(len(item.tries) if item.is_accepted else 0 for item in history)
    slowest = max((item.seconds for item in history), default=0.0)
    return Result(design, database, verdict, tries=tries, slowest=slowest)


def is_long(asked: Nemesis) -> bool:
    """Return whether a run lasts long enough for a hook that stalls."""
    return asked.returns >= 500


def make_gateways(port: int, count: int, seed: int, resets: float = 0.0) -> list[Gateway]:
    """Return threads of the gateway, each with dice of its own."""
    return [
        Gateway(port, SECRET, EMAIL, PASSWORD, random.Random(f"{seed}/{index}"), resets)
        for index in range(count)
    ]


def log_in_once(gateways: Sequence[Gateway]) -> None:
    """Let all have one token: who is logged in needs no log-in during the outage."""
    gateways[0].log_in()
    for gateway in gateways:
        gateway.token = gateways[0].token


def spread(
    gateways: Sequence[Gateway], history: list[Delivery], seconds: float
) -> list[threading.Thread]:
    """Start one return of one bank for each gateway, evenly over so many seconds."""
    stations = station_serials(STATIONS)

    def drive(index: int, gateway: Gateway) -> None:
        time.sleep(seconds * index / len(gateways))
        station, slot = stations[index % STATIONS], 1 + index // STATIONS % SLOTS
        bank = bank_serials(len(gateways))[index]
        delivery, body = returned(index + 1, station, bank, slot)
        history.append(delivery)
        gateway.deliver(delivery, body)

    threads = [
        threading.Thread(target=drive, args=(index, gateway), daemon=True)
        for index, gateway in enumerate(gateways)
    ]
    for thread in threads:
        thread.start()
    return threads


def struck_as_asked(asked: Nemesis, result: Result) -> bool:
    """Return whether everything that was to go wrong did."""
    return result.struck[KILL] >= asked.kills and result.struck[RESTART] >= asked.restarts
