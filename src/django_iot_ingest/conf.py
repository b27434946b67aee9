"""The settings of the plugin: one dictionary, ``IOT_INGEST``, read live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot
    from django_iot_ingest.services import StationSyncService

SETTING_NAME = "IOT_INGEST"

INLINE, DEFERRED = "inline", "deferred"
"""The values of ``PROCESSING``."""


class IngestSettings:
    """Hold the default of every key; reading one looks into ``settings.IOT_INGEST`` first.

    Nothing is cached, so ``override_settings`` works. A key that is not declared here is an
    ``AttributeError`` in code and ``iot_ingest.E002`` in ``manage.py check``.
    """

    SIGNATURE_SECRETS: Sequence[str] = ()
    """Shared secrets, the current one first; the others are still accepted. At least 32 bytes each."""

    SIGNATURE_TIMEOUT: int = 300
    """Seconds that ``X-Timestamp`` may lie before or after our clock, inclusive."""

    ALLOWED_IPS: Sequence[str] = ()
    """Addresses, CIDR networks or host names that may call the endpoint; empty switches it off."""

    TRUSTED_PROXIES: Sequence[str] = ()
    """Addresses or CIDR networks of our own proxies, whose ``X-Forwarded-For`` is believed."""

    HOSTNAME_REFRESH: int = 60
    """Seconds between two look-ups of the host names in ``ALLOWED_IPS``."""

    STATION_MODEL: str = ""
    """The host's subclass of ``AbstractStation``, as ``"app_label.Model"``."""

    STATION_SLOT_MODEL: str = ""
    """The host's subclass of ``AbstractStationSlot``, as ``"app_label.Model"``."""

    POWER_BANK_MODEL: str = ""
    """The host's subclass of ``AbstractPowerBank``, as ``"app_label.Model"``."""

    SYNC_SERVICE: str = "django_iot_ingest.services.StationSyncService"
    """Dotted path of the host's subclass of ``StationSyncService``."""

    AUTHENTICATION_CLASSES: Sequence[str] = (
        "rest_framework_simplejwt.authentication.JWTAuthentication",
    )
    """Dotted paths of the DRF classes that check the bearer token."""

    ADMIN_PREDICATE: str = "django_iot_ingest.permissions.is_admin"
    """Dotted path of ``predicate(user) -> bool``: may this user post station data?"""

    PRINCIPAL_CACHE_SECONDS: int = 30
    """Seconds that a process lets a verified bearer in without asking again; 0 always asks, and so
    does the default if ``AUTHENTICATION_CLASSES`` is the host's own."""

    MAX_BODY_BYTES: int = 262_144
    """Longest body that is read, in bytes."""

    PROCESSING: str = "inline"
    """``"inline"`` applies an event before it is answered; ``"deferred"`` keeps it, answers, and
    leaves the rest to the drain: ``iot_drain``, as a task or as a command."""

    AUTO_CREATE_STATIONS: bool = True
    """Create a station at its first contact; otherwise its events wait as ``deferred``."""

    AUTO_CREATE_POWER_BANKS: bool = True
    """Create a power bank that a full snapshot names for the first time."""

    EJECT_GRACE: int = 30
    """Seconds after ``rented_at`` in which a snapshot that still shows the bank proves nothing."""

    OFFLINE_AFTER: int = 1500
    """Seconds of silence after which ``iot_mark_offline`` marks a station OFFLINE."""

    HOLD_MAX: int = 4
    """Returns of one process that wait at once for a database that is away; 0 holds none."""

    KEEP_EVENTS_DAYS: int = 30
    """Days after which ``iot_prune`` deletes an applied event, and the body of a return."""

    KEEP_RETURNS_DAYS: int = 400
    """Days that an applied return's digest and result are kept, so that a repeat is a duplicate."""

    KEEP_HISTORY_DAYS: int = 400
    """Days that a station's status changes are kept."""

    SWEEP_MAX_ATTEMPTS: int = 20
    """Attempts after which the sweeper gives an event up as ``dead``; a repeat still applies it."""

    def __getattribute__(self, name: str) -> Any:
        if name.isupper():
            overrides = configured()
            if name in overrides:
                return overrides[name]
        return super().__getattribute__(name)


ingest_settings = IngestSettings()


def configured() -> Mapping[str, Any]:
    """Return the host's ``IOT_INGEST`` dictionary, or an empty one."""
    value = getattr(settings, SETTING_NAME, None)
    return value if isinstance(value, Mapping) else {}


def is_deferred() -> bool:
    """Return whether events are kept first and applied by the drain; anything unknown is inline."""
    return bool(ingest_settings.PROCESSING == DEFERRED)


def signature_secrets() -> tuple[str, ...]:
    """Return the configured secrets; what is no list has none. ``signing`` skips what is no key."""
    secrets = ingest_settings.SIGNATURE_SECRETS
    return tuple(secrets) if isinstance(secrets, list | tuple) else ()


def get_station_model() -> type[AbstractStation]:
    """Return the host's station model; ``LookupError`` or ``ValueError`` if it does not exist."""
    return apps.get_model(ingest_settings.STATION_MODEL)  # type: ignore[return-value]


def get_station_slot_model() -> type[AbstractStationSlot]:
    """Return the host's slot model; ``LookupError`` or ``ValueError`` if it does not exist."""
    return apps.get_model(ingest_settings.STATION_SLOT_MODEL)  # type: ignore[return-value]


def get_power_bank_model() -> type[AbstractPowerBank]:
    """Return the host's power-bank model; ``LookupError`` or ``ValueError`` if it does not exist."""
    return apps.get_model(ingest_settings.POWER_BANK_MODEL)  # type: ignore[return-value]


def get_sync_service() -> StationSyncService:
    """Return a new instance of the configured sync service."""
    service: type[StationSyncService] = import_string(ingest_settings.SYNC_SERVICE)
    return service()


def get_admin_predicate() -> Callable[[Any], bool]:
    """Return the callable that says whether a user may post station data."""
    predicate: Callable[[Any], bool] = import_string(ingest_settings.ADMIN_PREDICATE)
    return predicate
