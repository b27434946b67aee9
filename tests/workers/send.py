"""``python -m tests.workers.send RETURNS SECONDS``: rent banks, and report their returns and more.

Every request has to be answered ``queued`` at once. The process then waits, at most so many seconds,
until its bell has reached the broker; exit code 1 if it has not.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import django

STATIONS = 20
LONGEST_ANSWER = 5.0
"""Seconds, on a machine that does other things too: a broker that is away costs nobody more."""


def main(returns: int, seconds: float) -> int:
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from django_iot_ingest import bell
    from fleet.models import PowerBank
    from fleet.rentals import rent
    from tests.gateway import Gateway

    renter = get_user_model().objects.create_user("renter")
    began = timezone.now() - timedelta(minutes=10)
    for number in range(returns):
        rent(PowerBank.objects.create(serial_number=f"B{number}"), renter, began)
    gateway = Gateway.with_admin()
    for number in range(returns):
        for payload in events(number):
            started = time.monotonic()
            data = gateway.send(payload)
            assert data["state"] == "queued", data
            assert time.monotonic() - started < LONGEST_ANSWER
    print("all was sent", flush=True)
    return 0 if bell._bell.join(seconds) else 1


def events(number: int) -> list[dict[str, object]]:
    """Return what is sent about one return: it, its station's snapshot and status, it again."""
    from tests.payloads import empty_slot, full, returned, status

    station = f"S{number % STATIONS}"
    back = returned(f"B{number}", 1 + number // STATIONS, serial=station)
    back["return_event"]["number"] = number
    word = ("ONLINE", "OFFLINE")[number // STATIONS % 2]
    return [
        back,
        full([empty_slot(slot) for slot in range(1, 9)], [], serial=station),
        status(word, serial=station),
        back,
    ]


if __name__ == "__main__":
    django.setup()
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2])))
