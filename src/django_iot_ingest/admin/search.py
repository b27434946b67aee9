"""What a word typed into the inbox's search stands for: each reading of it has an index."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q

from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent

MOST_DEVICES = 50
"""Devices whose serial number begins with what was typed, and whose events are looked for."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def named(word: str) -> Q:
    """Return the condition that a word names an event.

    No index has the SHA-256 of what may come again; it is looked for all the same.
    """
    if _SHA256.fullmatch(word):
        return _of_digest(word)
    found = Q(device_serial__in=_serials(get_station_model(), word))
    found |= Q(power_bank_serial__in=_serials(get_power_bank_model(), word))
    return found | Q(pk=int(word)) if _ID.fullmatch(word) else found


def _of_digest(word: str) -> Q:
    """Return the condition of a SHA-256, which a serial number could look like."""
    digest = word.lower()
    if IngestEvent.objects.filter(dedup_key=digest).exists():
        return Q(dedup_key=digest)
    return Q(sha256=digest) | Q(device_serial=word) | Q(power_bank_serial=word)


def _serials(model: type[Any], word: str) -> list[str]:
    """Return a word, and the serial numbers of known devices that begin with it.

    In a statement of its own: columns whose collations differ cannot be compared on MariaDB.
    """
    known = model._default_manager.filter(serial_number__startswith=word)
    serials = known.order_by("serial_number").values_list("serial_number", flat=True)
    return [word, *serials[:MOST_DEVICES]]
