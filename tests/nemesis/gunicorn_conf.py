"""How gunicorn runs under the nemesis: several workers, several requests in each."""

from __future__ import annotations

from typing import Any

workers = 4
worker_class = "gthread"

# More than ``HOLD_MAX``, as a deployment should have: while that many returns are held, a worker
# still answers the others, at once, instead of letting them queue.
threads = 8

# A killed worker is replaced at once: the master has loaded everything.
preload_app = True

# Newer versions open a socket in the home folder, one for all.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Load the URLs before the first worker is made; Django would at each worker's first request."""
    from django.urls import get_resolver

    get_resolver().url_patterns  # noqa: B018
