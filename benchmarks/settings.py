"""The tests' settings, in a database of another name; a host's usual choices for speed are on."""

from tests.settings import *
from tests.settings import DATABASES

DEBUG = False
LOGGING_CONFIG = None

for _config in DATABASES.values():
    _config["TEST"]["NAME"] = "bench_iot_ingest"
    _config["CONN_MAX_AGE"] = None
