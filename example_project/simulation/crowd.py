"""After the story, a fleet: the plugin's own ``iot_simulate`` for some seconds. Needs Django."""

from __future__ import annotations

import os

from django.core.management import CommandError, call_command
from django.db import connection

from simulation import show
from simulation.gateway import HOST, LOGIN
from simulation.surroundings import Surroundings

FLEET = (
    *("--stations", "24", "--seconds", "12", "--rate", "8", "--threads", "4", "--seed", "1"),
    *("--rentals", "20%", "--rent", "simulation.rentals.rent"),
    *("--chaos", "duplicates,lost,reset"),
)


def let_go(port: int, surroundings: Surroundings) -> bool:
    """Run the fleet and show its summary; return whether everything was as it should be."""
    show.heading("A fleet: banks are rented and returned, and the network is bad")
    print(f"\n  manage.py iot_simulate {' '.join(FLEET)}\n", flush=True)
    url = f"http://{HOST}:{port}"
    who = ("--url", url, "--login", LOGIN, "--email", surroundings.email)
    os.environ["IOT_PASSWORD"] = surroundings.password
    try:
        call_command("iot_simulate", *who, *FLEET)
    except CommandError as error:
        print(f"\n  {error}")
        return False
    finally:
        del os.environ["IOT_PASSWORD"]
        # What follows may take long; the server has its own connections.
        connection.close()
    return True
