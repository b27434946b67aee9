"""The example project's settings, with the design under test and hooks that fail at random.

Read from the environment, beside what the example reads:

- ``NEMESIS_DESIGN``: ``ours``, ``check_then_act`` or ``one_transaction``; see ``designs``.
- ``NEMESIS_RAISE``, ``NEMESIS_SLOW``, ``NEMESIS_STALL``: how often the hook raises (before its work,
  and as often after it), takes up to a second, or takes longer than the gateway waits; see ``hooks``.
"""

import os

from example_project.settings import *
from example_project.settings import INSTALLED_APPS as EXAMPLE_APPS
from example_project.settings import IOT_INGEST as EXAMPLE_INGEST
from example_project.settings import LOGGING as EXAMPLE_LOGGING

NEMESIS_DESIGN = os.environ.get("NEMESIS_DESIGN", "ours")
NEMESIS_RAISE = float(os.environ.get("NEMESIS_RAISE", "0"))
NEMESIS_SLOW = float(os.environ.get("NEMESIS_SLOW", "0"))
NEMESIS_STALL = float(os.environ.get("NEMESIS_STALL", "0"))

INSTALLED_APPS = [*EXAMPLE_APPS, "tests.nemesis"]
ROOT_URLCONF = "tests.nemesis.urls"
IOT_INGEST = {**EXAMPLE_INGEST, "SYNC_SERVICE": "tests.nemesis.hooks.NemesisSyncService"}

# Two dozen threads of the gateway log in at once, and good hashes are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

LOGGING = {**EXAMPLE_LOGGING, "root": {"handlers": ["console"], "level": "WARNING"}}
