"""Settings of the example project, wholly from the environment or ``.env``; see .env.example."""

from datetime import timedelta
from pathlib import Path

from example_project import environment

environment.load()

SECRET_KEY, SIGNATURE_SECRET = environment.secrets("SECRET_KEY", "IOT_SYSTEM_SIGNATURE_SECRET")

DEBUG = environment.env.bool("DEBUG", default=False)
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])

# The gateway takes a redirect for a failure: ask for one only if it calls https:// itself.
SECURE_SSL_REDIRECT = environment.env.bool("SECURE_SSL_REDIRECT", default=False)
SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT
CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT

# The plugin ------------------------------------------------------------------------------------

IOT_INGEST = {
    "SIGNATURE_SECRETS": [SIGNATURE_SECRET],
    "SIGNATURE_TIMEOUT": environment.integer("IOT_SYSTEM_SIGNATURE_TIMEOUT", 300),
    "ALLOWED_IPS": environment.names("IOT_SYSTEM_ALLOWED_IPS"),
    "TRUSTED_PROXIES": environment.names("IOT_SYSTEM_TRUSTED_PROXIES"),
    "STATION_MODEL": "fleet.Station",
    "STATION_SLOT_MODEL": "fleet.StationSlot",
    "POWER_BANK_MODEL": "fleet.PowerBank",
    "SYNC_SERVICE": "fleet.sync.FleetSyncService",
}

# What scrapes /metrics shows this as its bearer token; without it they are for staff alone.
METRICS_TOKEN = environment.text("IOT_SYSTEM_METRICS_TOKEN")

# The gateway keeps a token for 55 minutes, whatever it says about itself.
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=60)}

# The project -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_iot_ingest",
    "fleet",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
TEST_RUNNER = "example_project.runner.ProjectTestRunner"

DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

if environment.is_testing():
    # Good hashes are slow on purpose.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# For everybody: LocaleMiddleware would ask each browser, and each request of the gateway too.
LANGUAGE_CODE = environment.text("LANGUAGE_CODE") or "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# A real deployment lets its web server do this; the demo has none.
SERVE_STATIC = environment.env.bool("SERVE_STATIC", default=DEBUG)

# Logs: console, and logs/django.log in the working folder -----------------------------------------

LOG_FILE = Path("logs").resolve() / "django.log"
LOG_FILE.parent.mkdir(exist_ok=True)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} [{process}] {message}", "style": "{"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "file": {
            # Opens the file anew after somebody rotated it.
            "class": "logging.handlers.WatchedFileHandler",
            "filename": str(LOG_FILE),
            "encoding": "utf-8",
            "delay": True,
            "formatter": "line",
        },
    },
    "root": {
        # A test run shows its own results only.
        "handlers": ["file"] if environment.is_testing() else ["console", "file"],
        "level": "WARNING",
    },
    "loggers": {
        "django": {"level": "INFO"},
        "django_iot_ingest": {"level": "INFO"},
        "fleet": {"level": "INFO"},
    },
}
