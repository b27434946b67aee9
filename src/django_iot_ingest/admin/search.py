"""What a word typed into the inbox's search stands for: each reading of it has an index."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q

from django_iot_ingest.conf import get_power_bank_model, get_station_model
from django_iot_ingest.models import IngestEvent

MOST_DEVICES = 50
"""Devices whose serial number begins with what was typed, and whose events are looked for."""

NEWEST_READ = 100_000
"""Rows among which the SHA-256 of a snapshot or a status is looked for."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def named(word: str) -> Q:
    """Return the condition that a word names an event."""
    if _SHA256.fullmatch(word):
        return _of_digest(word)
    found = Q(device_serial__in=_serials(get_station_model(), word))
    found |= Q(power_bank_serial__in=_serials(get_power_bank_model(), word))
    return found | Q(pk=int(word)) if _ID.fullmatch(word) else found


def _of_digest(word: str) -> Q:
    """Return the condition of a SHA-256, or of a serial number that looks like one.

    No index has the digest of what may come again: it is looked for among the newest.
    """
    digest = word.lower()
    rows = IngestEvent.objects.order_by("-pk")
    for known in (Q(dedup_key=digest), Q(device_serial=word), Q(power_bank_serial=word)):
        if rows.filter(known).exists():
            return known
    newest = rows.values_list("pk", flat=True).first() or 0
    return Q(sha256=digest, pk__gt=newest - NEWEST_READ)


def _serials(model: type[Any], word: str) -> list[str]:
    """Return a word, and the serial numbers of known devices that begin with it.

    In a statement of its own: columns whose collations differ cannot be compared on MariaDB.
    """
    known = model._default_manager.filter(serial_number__startswith=word)
    serials = known.order_by("serial_number").values_list("serial_number", flat=True)
    return [word, *serials[:MOST_DEVICES]]
