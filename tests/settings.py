"""Settings of the test projects.

``TEST_HOST`` picks the host app: ``fleet`` (the example project's models) or ``depot`` (renamed
models). ``DATABASE_URL`` picks the database; the default is a SQLite file, not memory, since
threads that share one in-memory database meet locks that no real host meets.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

# Tools that load these settings without pytest (mypy's plugin, django-admin) need the apps too.
for folder in (BASE_DIR, BASE_DIR / "example_project"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

HOSTS: dict[str, tuple[str, dict[str, str]]] = {
    "fleet": (
        "fleet",
        {
            "STATION_MODEL": "fleet.Station",
            "STATION_SLOT_MODEL": "fleet.StationSlot",
            "POWER_BANK_MODEL": "fleet.PowerBank",
            "SYNC_SERVICE": "fleet.sync.FleetSyncService",
        },
    ),
    "depot": (
        "tests.depot",
        {
            "STATION_MODEL": "depot.Locker",
            "STATION_SLOT_MODEL": "depot.Bay",
            "POWER_BANK_MODEL": "depot.Battery",
            "SYNC_SERVICE": "tests.depot.sync.DepotSyncService",
        },
    ),
}

TEST_HOST = os.environ.get("TEST_HOST", "fleet")
HOST_APP, HOST_SETTINGS = HOSTS[TEST_HOST]


def _test_database_name() -> str:
    """Return a name that no other cell, host, checkout or developer's run uses at the same time."""
    cell = os.environ.get("TOX_ENV_NAME", "local").replace("-", "_")
    suffix = os.environ.get("TEST_DATABASE_SUFFIX", "")
    checkout = hashlib.sha256(f"{BASE_DIR}{suffix}".encode()).hexdigest()[:8]
    return f"test_iot_{cell}_{TEST_HOST}_{checkout}"


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    """Start writing transactions at once and wait for the lock, as a host on SQLite has to."""
    name = Path(tempfile.gettempdir()) / f"{_test_database_name()}_{os.getpid()}.sqlite3"
    config["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 30}
    config["NAME"] = f"{name}.none"  # a server that runs in a thread shares what is in memory
    config["TEST"] = {"NAME": str(name)}
    return config


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    config["TEST"] = {"NAME": _test_database_name()}
    return config


def _mysql(config: dict[str, Any]) -> dict[str, Any]:
    """Use PyMySQL under the name and the version number of the driver that Django asks for."""
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)
    pymysql.__version__ = "2.2.1"
    pymysql.install_as_MySQLdb()
    config["OPTIONS"] = {"charset": "utf8mb4"}
    config["TEST"] = {"NAME": _test_database_name(), "CHARSET": "utf8mb4"}
    return config


def _database(url: str) -> dict[str, Any]:
    """Return Django's configuration for ``url``, such as ``postgres://user@host:port/name``."""
    config: dict[str, Any] = environ.Env.db_url_config(url)
    vendor = config["ENGINE"].rpartition(".")[2]
    return {"sqlite3": _sqlite, "postgresql": _postgresql, "mysql": _mysql}[vendor](config)


DATABASES = {"default": _database(os.environ.get("DATABASE_URL") or "sqlite:///:memory:")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY = "only-for-the-tests-and-long-enough-for-hs256-tokens"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_iot_ingest",
    HOST_APP,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

IOT_INGEST = {
    "SIGNATURE_SECRETS": ["contract-example-secret-0123456789abcdef"],
    **HOST_SETTINGS,
}
