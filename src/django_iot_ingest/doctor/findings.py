"""What a diagnosis finds: a stable code, what is wrong, what shows it, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

LONGEST_SHOWN = 80
"""Characters of a value that evidence shows."""


class Severity(StrEnum):
    """How much a finding matters."""

    FAULT = "fault"
    """The request is refused for it."""
    WARNING = "warning"
    """It works, and somebody should know."""
    OK = "ok"
    """It was looked at, and is as it should be."""


class Text(NamedTuple):
    """What a code means, and the way out."""

    what: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that the sender did otherwise than it should: a code, and how it shows."""

    code: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake, told so that somebody can put it right."""

    code: str
    what: str
    way_out: str
    evidence: str = ""
    severity: Severity = Severity.FAULT

    def as_json(self) -> dict[str, str]:
        """Return the finding for machines."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "what": self.what,
            "evidence": self.evidence,
            "way_out": self.way_out,
        }


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """Return a value that a request held, on one line of printable ASCII, cut: for a terminal."""
    text = ascii(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def counted(number: int, noun: str) -> str:
    """Return ``1 byte``, ``2 bytes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
