"""The tests' settings, in a database of another name; a host's usual choices for speed are on."""

import os

from tests.settings import *
from tests.settings import DATABASES, IOT_INGEST

DEBUG = False
LOGGING_CONFIG = None

for _config in DATABASES.values():
    _config["TEST"]["NAME"] = f"bench_iot_ingest{os.environ.get('BENCH_DATABASE_SUFFIX', '')}"
    _config["CONN_MAX_AGE"] = None
    if _config["ENGINE"].endswith("postgresql"):
        _config["OPTIONS"] = {**_config.get("OPTIONS", {}), "prepare_threshold": 0}

# Another database of the same kind, for what is measured in a small and in a large fleet.
if os.environ.get("BENCH_LARGE"):
    DATABASES["large"] = {**DATABASES["default"], "TEST": {"NAME": "large", "DEPENDENCIES": []}}
    DATABASES["large"]["TEST"]["NAME"] = f"{DATABASES['default']['TEST']['NAME']}_large"
    DATABASE_ROUTERS = ["benchmarks.stage.Chosen"]

# A web server's processes join the database that the measurement has made.
if _made := os.environ.get("BENCH_DATABASE_NAME"):
    DATABASES["default"]["NAME"] = _made

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE: list[str] = []
ALLOWED_HOSTS = ["127.0.0.1"]

# Every rule is on.
IOT_INGEST = {
    **IOT_INGEST,
    "ALLOWED_IPS": ["127.0.0.0/8"],
    "PROCESSING": os.environ.get("BENCH_PROCESSING", "inline"),
}
