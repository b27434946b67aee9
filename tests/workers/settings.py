"""The nemesis host in deferred mode, on a real task backend.

Read from the environment, beside what the nemesis reads:

- ``WORKERS_BACKEND``: ``database`` or ``rq``.
- ``WORKERS_REDIS_PORT``: where the broker of ``rq`` is, or will be.
"""

import os

from tests.nemesis.settings import *
from tests.nemesis.settings import INSTALLED_APPS as NEMESIS_APPS
from tests.nemesis.settings import IOT_INGEST as NEMESIS_INGEST

BACKENDS = {
    "database": ("django_tasks_db", "django_tasks_db.DatabaseBackend"),
    "rq": ("django_rq", "django_tasks_rq.RQBackend"),
}

BACKEND_APP, BACKEND = BACKENDS[os.environ["WORKERS_BACKEND"]]

ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [*NEMESIS_APPS, BACKEND_APP]
IOT_INGEST = {**NEMESIS_INGEST, "PROCESSING": "deferred"}
TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default"]}}
RQ_QUEUES = {
    "default": {
        "HOST": "127.0.0.1",
        "PORT": int(os.environ.get("WORKERS_REDIS_PORT", "0")),
        "DB": 0,
    }
}
