"""Traffic: threads of the gateway that return banks as soon as somebody has rented them."""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.nemesis.gateway import Delivery, Gateway, returned

SLOTS = 4
"""Slots of each station."""

LATE_COPIES = 0.2
"""How often one copy more of an accepted return was still on its way."""

LATE_SECONDS = (0.0, 1.5)

RENTED, ALREADY_RENTED = 200, 409
RENT_SECONDS = 90.0


class Traffic:
    """``threads`` of the gateway make ``returns`` returns; ``deliveries`` is the history.

    A bank whose return was accepted is rented again. One whose return was not stays away: by what
    the host knows, it is still rented.
    """

    def __init__(self, gateways: Sequence[Gateway], stations: Sequence[str], banks: Sequence[str]):
        self.gateways = gateways
        self.stations = stations
        self.banks: queue.SimpleQueue[str] = queue.SimpleQueue()
        for bank in banks:
            self.banks.put(bank)
        self.deliveries: list[Delivery] = []
        self.numbers = itertools.count(1)
        self.guard = threading.Lock()
        self.late = ThreadPoolExecutor(12)
        self.errors: list[Exception] = []

    def run(self, returns: int) -> None:
        """Make the returns, and wait until the last copy is answered."""
        threads = [
            threading.Thread(target=self.drive, args=(gateway, returns), daemon=True)
            for gateway in self.gateways
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.late.shutdown()
        if self.errors:
            raise self.errors[0]

    def begun(self) -> int:
        """Return how many returns have begun."""
        return len(self.deliveries)

    def drive(self, gateway: Gateway, returns: int) -> None:
        """Rent and return banks, one after the other, until all returns are made."""
        try:
            gateway.log_in()
            while (number := self.next_number()) <= returns:
                self.make_trip(gateway, number)
        except Exception as error:  # noqa: BLE001 - raised by run
            self.errors.append(error)

    def next_number(self) -> int:
        """Return a number that no other thread has."""
        with self.guard:
            return next(self.numbers)

    def make_trip(self, gateway: Gateway, number: int) -> None:
        """Rent a bank, put it into any slot of any station, and deliver the return."""
        bank = self.banks.get(timeout=RENT_SECONDS)
        if not rent(gateway, number, bank):
            return
        station, slot = gateway.dice.choice(self.stations), gateway.dice.randint(1, SLOTS)
        delivery, body = returned(number, station, bank, slot)
        self.deliveries.append(delivery)
        gateway.deliver(delivery, body)
        if delivery.is_accepted:
            self.banks.put(bank)
            if gateway.dice.random() < LATE_COPIES:
                pause = gateway.dice.uniform(*LATE_SECONDS)
                self.late.submit(send_late, gateway, body, pause)


def send_late(gateway: Gateway, body: bytes, pause: float) -> None:
    """Send one copy more, by when the bank may be rented to somebody else."""
    signed = gateway.sign(body)
    time.sleep(pause)
    gateway.send(body, signed)


def rent(gateway: Gateway, number: int, bank: str) -> bool:
    """Rent a bank out, asking until the counter knows; return whether it was to be had."""
    deadline = time.monotonic() + RENT_SECONDS
    while time.monotonic() < deadline:
        status, _ = gateway.call(f"/rent/{number}/{bank}", b"", {})
        if status in (RENTED, ALREADY_RENTED):
            return status == RENTED
        time.sleep(random.uniform(0.1, 0.3))
    raise TimeoutError(f"no bank could be rented for {RENT_SECONDS:.0f} s")
