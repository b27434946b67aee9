"""Model fields of the plugin."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

SERIAL_NUMBER_LENGTH = 64


class SerialNumberField(models.CharField):  # type: ignore[type-arg]
    """Text of at most 64 characters that is compared letter by letter on every database.

    MariaDB and MySQL compare text without regard to letter case by default, and to blanks at its
    end, which would make one device of ``ab1``, ``AB1`` and ``ab1 ``; there the column gets a
    collation of its own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", SERIAL_NUMBER_LENGTH)
        super().__init__(*args, **kwargs)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return the parameters, on MariaDB and MySQL with the exact collation."""
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql" and not parameters.get("collation"):
            parameters["collation"] = exact_collation(connection)
        return parameters


def exact_collation(connection: Any) -> str:
    """Return the collation of MariaDB or MySQL that is binary and pads no text with blanks.

    MySQL has one since 8.0.17; before that a binary one has to do.
    """
    if connection.mysql_is_mariadb:
        return "utf8mb4_nopad_bin"
    return "utf8mb4_0900_bin" if connection.mysql_version >= (8, 0, 17) else "utf8mb4_bin"
