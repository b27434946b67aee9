"""Hold a run to the project's own tables: what they said before, and what they say afterwards."""

from __future__ import annotations

import time

from django.db import DatabaseError

from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.simulator import tables
from django_iot_ingest.simulator.expectation import Expectation
from django_iot_ingest.simulator.options import Options, Unusable

DRAIN_SECONDS = 60.0
"""How long what was queued may wait to be applied, before the tables are looked at."""


class Watch:
    """The tables, as they were when the run began."""

    def __init__(self, prefix: str, serials: list[str]) -> None:
        self.prefix = prefix
        self.newest = tables.newest_event()
        self.expectation: Expectation = tables.read(prefix, set(serials))
        self.expectation.grace = float(ingest_settings.EJECT_GRACE)

    def differences(self, expectation: Expectation, *, is_deferred: bool) -> list[str]:
        """Return in words where the tables are not as they have to be."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while is_deferred and tables.waits(self.prefix, self.newest):
            if time.monotonic() > deadline:
                return [f"events still wait after {DRAIN_SECONDS:.0f} s: is there a worker?"]
            time.sleep(0.2)
        return tables.differences(expectation, self.prefix, self.newest, is_deferred=is_deferred)


def begin(options: Options, serials: list[str]) -> Watch:
    """Look at the tables; ``Unusable`` if they cannot be read, or nothing is created in them."""
    if not (ingest_settings.AUTO_CREATE_STATIONS and ingest_settings.AUTO_CREATE_POWER_BANKS):
        raise Unusable(
            "--rentals and --verify need AUTO_CREATE_STATIONS and AUTO_CREATE_POWER_BANKS: without "
            "them the fleet's events wait until somebody creates its stations and banks"
        )
    try:
        return Watch(options.prefix, serials)
    except (DatabaseError, LookupError, ValueError) as error:
        raise Unusable(
            f"the tables of this project cannot be read ({type(error).__name__}); is it migrated? "
            "Leave out --rentals, or say --no-verify"
        ) from None
