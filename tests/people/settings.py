"""The settings of the project with lean users: tables in memory, made without migrations."""

from tests.settings import *
from tests.settings import _database

DATABASES = {"default": _database("sqlite:///:memory:")}

AUTH_USER_MODEL = "people.Person"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_iot_ingest",
    "fleet",
    "tests.people",
]

MIGRATION_MODULES = dict.fromkeys(
    ("auth", "contenttypes", "django_iot_ingest", "fleet", "people"), None
)

MIDDLEWARE = []
