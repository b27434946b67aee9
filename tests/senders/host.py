"""The example host under gunicorn, which every sender of a session talks to.

``python -m tests.senders.host SERIAL...`` prepares its database as a program of its own: tables, an
admin, and a bank that is rented out for each serial number.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import django

from tests.nemesis.surroundings import environment
from tests.nemesis.workers import Application
from tests.payloads import SECRET

EMAIL, PASSWORD = "gateway@example.com", 'it\'s "quoted" \\ चार्ज घर'
"""A password that is harmed by every careless way to make JSON of it."""

PATH = "/api/internal/stations/data"


class Host:
    """The running host, and a look at its tables."""

    def __init__(self, application: Application, token: str) -> None:
        self.port = application.port
        self.token = token
        self._file = application.folder / "db.sqlite3"

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with closing(sqlite3.connect(self._file, timeout=30)) as database, database:
            return database.execute(query, values).fetchall()

    @contextmanager
    def trouble(self, station: str) -> Iterator[None]:
        """Let the database refuse whatever is said of one station while the block runs."""
        name = f'"trouble {station}"'
        self.ask(
            f"CREATE TRIGGER {name} BEFORE INSERT ON fleet_station "
            f"WHEN NEW.serial_number = '{station}' BEGIN SELECT RAISE(ABORT, 'trouble'); END"
        )
        try:
            yield
        finally:
            self.ask(f"DROP TRIGGER {name}")

    def rentals_ended(self, bank: str) -> int:
        """Return how many rentals of a bank are over."""
        query = (
            "SELECT COUNT(*) FROM fleet_rental JOIN fleet_powerbank AS bank "
            "ON bank.id = power_bank_id WHERE bank.serial_number = ? AND ended_at IS NOT NULL"
        )
        return int(str(self.ask(query, bank)[0][0]))

    def events(self, station: str) -> list[tuple[object, ...]]:
        """Return type, state and number of attempts of what the inbox holds of a station."""
        query = (
            "SELECT event_type, state, attempts FROM django_iot_ingest_ingestevent "
            "WHERE device_serial = ? ORDER BY id"
        )
        return self.ask(query, station)


@contextmanager
def running(folder: Path, rented: Sequence[str]) -> Iterator[Host]:
    """Run the host with banks that are rented out."""
    variables = {
        **environment(f"sqlite:///{folder / 'db.sqlite3'}", {}),
        "DJANGO_SETTINGS_MODULE": "tests.senders.settings",
        "SECRET_KEY": "only-for-the-senders-and-long-enough-for-hs256",
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
        "IOT_SYSTEM_ALLOWED_IPS": "",
        "IOT_SYSTEM_TRUSTED_PROXIES": "",
        "DEBUG": "False",
        "GUNICORN_CMD_ARGS": "--workers 1 --threads 8",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.senders.host", *rented],
        cwd=folder,
        env=variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Application(folder, variables) as application:
        yield Host(application, done.stdout.strip())


def prepare(rented: Sequence[str]) -> str:
    """Fill an empty database; return the admin's token."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.utils import timezone
    from rest_framework_simplejwt.tokens import AccessToken

    from fleet.models import PowerBank
    from fleet.rentals import rent

    call_command("migrate", verbosity=0)
    admin = User.objects.create_superuser(EMAIL, EMAIL, PASSWORD)
    began = timezone.now() - timedelta(hours=1)
    for serial in rented:
        rent(PowerBank.objects.create(serial_number=serial), admin, began)
    return str(AccessToken.for_user(admin))


if __name__ == "__main__":
    django.setup()
    print(prepare(sys.argv[1:]))
