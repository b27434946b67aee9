"""Model fields of the plugin."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

SERIAL_NUMBER_LENGTH = 64


class SerialNumberField(models.CharField):  # type: ignore[type-arg]
    """Text of at most 64 characters that is compared letter by letter on every database.

    MariaDB and MySQL compare text without regard to letter case by default, which would make one
    device of ``ab1`` and ``AB1``; there the column gets a binary collation.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", SERIAL_NUMBER_LENGTH)
        super().__init__(*args, **kwargs)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql" and not parameters.get("collation"):
            parameters["collation"] = "utf8mb4_bin"
        return parameters
