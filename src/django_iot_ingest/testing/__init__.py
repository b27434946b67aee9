"""A test kit for hosts: a signing client, payloads, a chaos gateway, a contract suite, fixtures.

For tests only: nothing of the package imports it, and nothing in it switches a check off. Its names
are imported when they are asked for, since pytest loads the fixtures beside them in projects too in
which Django is not set up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_iot_ingest.testing.chaos import ChaosGateway, Sent
    from django_iot_ingest.testing.client import GatewayClient
    from django_iot_ingest.testing.contract import StationSyncContract
    from django_iot_ingest.testing.payloads import (
        BANK,
        STATION,
        bank_row,
        encode,
        full_snapshot,
        returned,
        slot_row,
        stamp,
        status,
    )

__all__ = [
    "BANK",
    "STATION",
    "ChaosGateway",
    "GatewayClient",
    "Sent",
    "StationSyncContract",
    "bank_row",
    "encode",
    "full_snapshot",
    "returned",
    "slot_row",
    "stamp",
    "status",
]

_ELSEWHERE = {
    "ChaosGateway": "chaos",
    "GatewayClient": "client",
    "Sent": "chaos",
    "StationSyncContract": "contract",
}
"""The modules of names that are not of ``payloads``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_ELSEWHERE.get(name, 'payloads')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
