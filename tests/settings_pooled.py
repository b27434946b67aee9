"""The settings of a host's processes behind a pooler in transaction mode.

``POOLED_PORT`` is where it listens, ``POOLED_DATABASE`` which database is meant, and
``POOLED_PREPARE_THRESHOLD`` psycopg's ``prepare_threshold`` if it is set.
"""

import os

from tests.settings import *
from tests.settings import DATABASES

OPTIONS: dict[str, object] = {}
if threshold := os.environ.get("POOLED_PREPARE_THRESHOLD"):
    OPTIONS["prepare_threshold"] = int(threshold)

DATABASES["default"] |= {
    "NAME": os.environ["POOLED_DATABASE"],
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": OPTIONS,
}
if port := os.environ.get("POOLED_PORT"):
    DATABASES["default"] |= {"HOST": "127.0.0.1", "PORT": port, "USER": "pooled", "PASSWORD": ""}
