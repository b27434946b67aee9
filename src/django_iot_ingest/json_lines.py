"""Log lines as JSON, one object a line, for whatever collects logs. Needs nothing but Python."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from django_iot_ingest import logs

STANDARD = frozenset(
    {*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "asctime", "message", "taskName"}
)
"""What every record has by itself; the rest are fields, which ``extra=`` gave it."""


class JsonFormatter(logging.Formatter):
    """Write a record as one JSON object: ``time``, ``level``, ``logger``, ``message``, its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what JSON does not know is told as text, on one line of ASCII."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=logs.escaped)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what ``extra=`` gave a record."""
    return {name: value for name, value in vars(record).items() if name not in STANDARD}
