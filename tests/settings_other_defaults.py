"""The settings of a project that does everything in another way than we do.

Every class that REST framework would take from here fails as soon as anything uses it, and so does
the callable in the place of its anonymous user.
"""

from typing import Any, NoReturn

from tests.settings import *
from tests.settings import DATABASES, MIDDLEWARE

DEBUG = True
USE_TZ = False
TIME_ZONE = "Asia/Kathmandu"
LANGUAGE_CODE = "ne"
APPEND_SLASH = True
LOGIN_URL = "/accounts/login/"

DATABASES["default"]["ATOMIC_REQUESTS"] = True

MIDDLEWARE = [
    *MIDDLEWARE[:2],
    "django.middleware.locale.LocaleMiddleware",
    *MIDDLEWARE[2:],
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]


class Forbidden:
    """Stand for a class of the project that must not be used."""

    media_type = "application/x-forbidden"
    format = "forbidden"
    charset = None

    def __init__(self, *_: Any, **__: Any) -> None:
        raise AssertionError("a default of the project was used")


def forbidden(*_: Any, **__: Any) -> NoReturn:
    """Stand for a function of the project that must not be used."""
    raise AssertionError("a default of the project was used")


HERE = "tests.settings_other_defaults"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": [f"{HERE}.Forbidden"],
    "DEFAULT_PARSER_CLASSES": [f"{HERE}.Forbidden"],
    "DEFAULT_AUTHENTICATION_CLASSES": [f"{HERE}.Forbidden"],
    "DEFAULT_PERMISSION_CLASSES": [f"{HERE}.Forbidden"],
    "DEFAULT_THROTTLE_CLASSES": [f"{HERE}.Forbidden"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{HERE}.Forbidden",
    "DEFAULT_METADATA_CLASS": f"{HERE}.Forbidden",
    "DEFAULT_VERSIONING_CLASS": f"{HERE}.Forbidden",
    "EXCEPTION_HANDLER": f"{HERE}.forbidden",
    "UNAUTHENTICATED_USER": f"{HERE}.forbidden",
    "UNAUTHENTICATED_TOKEN": f"{HERE}.forbidden",
    "FORM_METHOD_OVERRIDE": "_method",
    "URL_FORMAT_OVERRIDE": "format",
}
