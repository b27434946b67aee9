"""Which one of a few kinds a station or a power bank is. Each is of one kind, so numbers add up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
    ingest_settings,
)
from django_iot_ingest.models import AbstractPowerBank, AbstractStation, AbstractStationSlot
from django_iot_ingest.times import native

ONLINE, OFFLINE, SILENT, MAINTENANCE = "online", "offline", "silent", "maintenance"
AVAILABLE, RENTED, MISSING, DAMAGED = "available", "rented", "missing", "damaged"
OUT_OF_SERVICE = "out_of_service"

StationStatus = AbstractStation.Status
SlotStatus = AbstractStationSlot.Status
BankStatus = AbstractPowerBank.Status

STATIONS: dict[str, Any] = {
    ONLINE: StationStatus.ONLINE.label,
    OFFLINE: StationStatus.OFFLINE.label,
    SILENT: pgettext_lazy("status of a station", "silent"),
    MAINTENANCE: StationStatus.MAINTENANCE.label,
    OUT_OF_SERVICE: _("out of service"),
}

BANKS: dict[str, Any] = {
    AVAILABLE: BankStatus.AVAILABLE.label,
    RENTED: BankStatus.RENTED.label,
    MISSING: pgettext_lazy("status of a power bank", "missing"),
    MAINTENANCE: BankStatus.MAINTENANCE.label,
    DAMAGED: BankStatus.DAMAGED.label,
    OUT_OF_SERVICE: _("out of service"),
}


def is_silent(now: datetime) -> Q:
    """Return the condition that a station fell silent, marked so or not yet.

    One that said OFFLINE itself is not expected to be heard.
    """
    since = native(now - timedelta(seconds=ingest_settings.OFFLINE_AFTER))
    unheard = Q(last_heard_at__lte=since) | Q(last_heard_at__isnull=True)
    return Q(silent_since__isnull=False) | (unheard & ~Q(status=StationStatus.OFFLINE))


def stations(now: datetime) -> QuerySet[Any]:
    """Return the stations with their kind, as ``iot_kind``."""
    kind = _kind(
        {
            OUT_OF_SERVICE: Q(out_of_service=True),
            SILENT: is_silent(now),
            ONLINE: Q(status=StationStatus.ONLINE),
            MAINTENANCE: Q(status=StationStatus.MAINTENANCE),
        },
        otherwise=OFFLINE,
    )
    return get_station_model()._default_manager.annotate(iot_kind=kind)


def banks() -> QuerySet[Any]:
    """Return the power banks with their kind, as ``iot_kind``."""
    kind = _kind(
        {
            RENTED: Q(status=BankStatus.RENTED),
            OUT_OF_SERVICE: Q(out_of_service=True),
            MISSING: Q(missing_since__isnull=False),
            DAMAGED: Q(status=BankStatus.DAMAGED),
            MAINTENANCE: Q(status=BankStatus.MAINTENANCE),
        },
        otherwise=AVAILABLE,
    )
    return get_power_bank_model()._default_manager.annotate(iot_kind=kind)


def slots_in_error() -> QuerySet[Any]:
    """Return the slots in error; what an operator has put out of service needs nobody."""
    return _slots_in_service().filter(status=SlotStatus.ERROR)


def slots_of_no_bank() -> QuerySet[Any]:
    """Return the slots that are occupied, by a bank that nobody has named.

    It does not answer, or it was rented since the last snapshot, which nobody but the bank notes.
    """
    named = get_power_bank_model()._default_manager.filter(current_slot=OuterRef("pk"))
    return _slots_in_service().filter(~Exists(named), status=SlotStatus.OCCUPIED)


def counted(rows: QuerySet[Any], kinds: dict[str, Any]) -> dict[str, int]:
    """Return how many rows there are of each kind."""
    counts = rows.order_by().values("iot_kind").annotate(iot_count=Count("pk"))
    found = {row["iot_kind"]: row["iot_count"] for row in counts}
    return {kind: found.get(kind, 0) for kind in kinds}


def newest_first(field: str) -> Any:
    """Return the order of a time that may be empty: the newest first, empty ones last."""
    return F(field).desc(nulls_last=True)


def ranked(conditions: list[Q]) -> Case:
    """Return the number of the first condition that holds, from 0."""
    whens = [When(condition, then=Value(rank)) for rank, condition in enumerate(conditions)]
    return Case(*whens, default=Value(len(whens)), output_field=IntegerField())


def _slots_in_service() -> QuerySet[Any]:
    slots = get_station_slot_model()._default_manager
    return slots.filter(out_of_service=False, station__out_of_service=False)


def _kind(conditions: dict[str, Q], otherwise: str) -> Case:
    whens = [When(condition, then=Value(kind)) for kind, condition in conditions.items()]
    return Case(*whens, default=Value(otherwise), output_field=CharField())
