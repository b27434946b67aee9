"""Every line of ours that is logged while a test runs, with its fields: each test ends by a look."""

from __future__ import annotations

import json
import logging
from typing import Any

from django_iot_ingest.journal import FIELDS
from django_iot_ingest.json_lines import STANDARD, fields_of

KINDS: dict[str, type | tuple[type, ...]] = {
    "attempts": int,
    "duration": float,
    "event_id": int,
    "held_back": int,
    "secret_position": int,
    "states": dict,
    "warnings": int,
}
"""The type of each field that is no text."""


class Lines(logging.Handler):
    """Keep the records of our own loggers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("django_iot_ingest"):
            self.records.append(record)

    def begin(self) -> None:
        """Forget the test before."""
        self.records.clear()

    def told(self, word: str = "") -> list[dict[str, Any]]:
        """Return the fields of each line that holds a word."""
        return [fields_of(one) for one in self.records if word in one.getMessage()]

    def odd(self) -> list[tuple[str, str, Any]]:
        """Return each field that is not as documented: where, which, what."""
        return [
            (record.getMessage()[:80], name, value)
            for record in self.records
            for name, value in fields_of(record).items()
            if not is_as_documented(name, value)
        ]


def is_as_documented(name: str, value: Any) -> bool:
    """Return whether a field is in the table, of its kind, and JSON says it as it is."""
    kind = KINDS.get(name, str)
    if name not in FIELDS or name in STANDARD or type(value) is not kind:
        return False
    return bool(json.loads(json.dumps(value)) == value)


lines = Lines()
