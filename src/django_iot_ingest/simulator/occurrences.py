"""One thing that a station tells, as bytes, and as what the tables should make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Shown(NamedTuple):
    """A bank that a snapshot shows."""

    slot: int
    status: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a ``full`` says; ``shown`` is None in a misread frame that reports no slots."""

    status: str
    slots: frozenset[int]
    shown: Mapping[str, Shown] | None


@dataclass(frozen=True, slots=True)
class Return:
    """What a ``returned`` says; ``occurred_at`` is aware."""

    power_bank: str
    slot: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """What a ``status`` says."""

    status: str


TYPES = {Snapshot: "full", Return: "returned", Word: "status"}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event of one station, which happened ``at`` unix seconds."""

    station: str
    at: int
    told: Snapshot | Return | Word
    body: bytes

    @property
    def event_type(self) -> str:
        """Return the ``type`` on the wire."""
        return TYPES[type(self.told)]

    def __str__(self) -> str:
        if isinstance(self.told, Return):
            return f"returned of {self.told.power_bank} at {self.station}"
        return f"{self.event_type} of {self.station}"
