"""What happens in the demo, and what must be true afterwards. Needs Django to be set up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db import connection

from django_iot_ingest.models import IngestEvent
from fleet.models import PowerBank, Rental, Station
from simulation import payloads, show, tables
from simulation.gateway import Answer, Gateway
from simulation.surroundings import RENTER, Surroundings

FIRST, SECOND, THIRD = "860000000000017", "860000000000025", "860000000000033"
BANK = "12345678"
STATIONS: dict[str, Sequence[str | None]] = {
    FIRST: [BANK, None, "12345679", None],
    SECOND: [None, None],
    THIRD: [None, "12345680", None, "12345681"],
}
RETURN_SLOT = 2

MINUTES = 95
AMOUNT = Decimal("6.00")
"""Four started half-hours at 1.50."""


class Story:
    """Tell the story once; ``failures`` lists what was not as it should have been."""

    def __init__(self, port: int, surroundings: Surroundings) -> None:
        self.failures: list[str] = []
        secret, email, password = surroundings.secret, surroundings.email, surroundings.password
        self.gateway = Gateway(port, secret, email, password, show.call)
        self.stranger = Gateway(port, "not-the-secret", email, password, show.call)
        self.events_before = tables.newest_event()
        self.rental: Rental | None = None

    def tell(self) -> None:
        """Drive the server, print it all, and check the answers and the tables."""
        self.drive()
        show.heading("What the tables say now")
        tables.show_all()
        show.heading("Is it what it should be?")
        if not self.failures:
            self.check_tables()
        print(f"\n  No: {', '.join(self.failures)}" if self.failures else "\n  Everything is.")
        # What follows may take long; the server has its own connections.
        connection.close()

    def drive(self) -> None:
        """Take the steps, each of which needs the ones before: the first failure ends it."""
        steps = [self.log_in, self.send_snapshots, self.rent, self.return_three_times]
        steps += [self.send_status, self.send_bad_signature]
        for step in steps:
            step()
            if self.failures:
                break

    def log_in(self) -> None:
        show.heading("The gateway logs in")
        self.expect("log-in", 200, self.gateway.log_in().status)

    def send_snapshots(self) -> None:
        show.heading("Snapshots of three stations that nobody has heard of")
        for serial, banks in STATIONS.items():
            answers = self.gateway.deliver(payloads.full(serial, banks))
            self.expect_states(f"snapshot of {serial}", answers, ["applied"])

    def rent(self) -> None:
        show.heading(f"A user rents bank {BANK} (back-dated: {MINUTES} minutes ago)")
        print(f"\n  manage.py rent {BANK} {RENTER} --minutes-ago {MINUTES}")
        call_command("rent", BANK, RENTER, "--minutes-ago", str(MINUTES))
        self.rental = Rental.objects.latest("pk")

    def return_three_times(self) -> None:
        show.heading("The bank comes back. Two answers get lost: the gateway sends it three times")
        event = payloads.returned(SECOND, BANK, RETURN_SLOT)
        answers = self.gateway.deliver(event, lost_answers=2)
        self.expect_states("the return", answers, ["applied", "duplicate", "duplicate"])

    def send_status(self) -> None:
        show.heading("The third station says that it goes offline")
        answers = self.gateway.deliver(payloads.status(THIRD, "OFFLINE"))
        self.expect_states("the status", answers, ["applied"])

    def send_bad_signature(self) -> None:
        """Post once: this is not the gateway, so it does not try again."""
        show.heading("A stranger, who even has a token, but not the secret")
        self.stranger.token = self.gateway.token
        answer = self.stranger.attempt(b'{"type":"status"}')
        seen = (answer.status, _get(answer, "error"))
        self.expect("the bad signature", (403, "INVALID_SIGNATURE"), seen)

    def check_tables(self) -> None:
        self.check_rental()
        bank = PowerBank.objects.get(serial_number=BANK)
        place = (
            bank.status,
            str(bank.current_station.serial_number),
            bank.current_slot.slot_number,
        )
        self.expect("the bank", ("AVAILABLE", SECOND, RETURN_SLOT), place)
        statuses = list(
            Station.objects.filter(serial_number__in=STATIONS)
            .order_by("serial_number")
            .values_list("status", flat=True)
        )
        self.expect("the stations", ["ONLINE", "ONLINE", "OFFLINE"], statuses)
        self.check_inbox()

    def check_rental(self) -> None:
        assert self.rental is not None
        self.rental.refresh_from_db()
        seen = (str(self.rental.status), self.rental.amount)
        self.expect("the rental, ended and billed once", ("COMPLETED", AMOUNT), seen)
        open_rentals = Rental.objects.filter(power_bank__serial_number=BANK, ended_at=None)
        self.expect("rentals of the bank that go on", 0, open_rentals.count())

    def check_inbox(self) -> None:
        events = IngestEvent.objects.filter(pk__gt=self.events_before).order_by("pk")
        expected = [("full", "applied")] * len(STATIONS)
        expected += [("returned", "applied"), ("status", "applied")]
        self.expect("the inbox", expected, list(events.values_list("event_type", "state")))

    def expect_states(self, what: str, answers: Sequence[Answer], states: Sequence[str]) -> None:
        """Check that every answer was 200, and what each said it did."""
        seen = [(answer.status, _get(answer, "data", "state")) for answer in answers]
        self.expect(what, [(200, state) for state in states], seen)

    def expect(self, what: str, expected: Any, seen: Any) -> None:
        if not show.check(what, expected, seen):
            self.failures.append(what)


def _get(answer: Answer, *names: str) -> Any:
    """Return a value from an answer of any shape, or None."""
    value = answer.body
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
