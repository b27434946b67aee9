"""Fixtures for pytest, by the entry point ``pytest11``. They need pytest-django.

pytest loads this module in every project that has the package installed, so it imports nothing of
Django until a fixture is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django_iot_ingest.testing import ChaosGateway, GatewayClient

DAY = 86_400

if find_spec("pytest_django"):

    @pytest.fixture
    def iot_database(db: None) -> None:
        """Let a test reach the database; a mark of the test decides how."""

else:

    @pytest.fixture
    def iot_database() -> None:
        """Say what is missing."""
        pytest.fail(
            "The iot_ fixtures need pytest-django: pip install pytest-django", pytrace=False
        )


@pytest.fixture
def iot_token() -> str:
    """Return the gateway's bearer token; empty means that ``GatewayClient`` logs in by itself.

    Override it in a conftest.py, with ``iot_database``, where simplejwt is not the authentication.
    """
    return ""


@pytest.fixture
def iot_gateway(iot_database: None, iot_token: str) -> GatewayClient:
    """Return a signing client that is logged in."""
    from django_iot_ingest.testing import GatewayClient

    return GatewayClient(token=iot_token)


@pytest.fixture
def iot_station(iot_gateway: GatewayClient) -> Any:
    """Return the row of a station whose snapshot is a day old: eight slots, a bank in the second."""
    from django_iot_ingest.conf import get_station_model
    from django_iot_ingest.testing import STATION, full_snapshot
    from django_iot_ingest.testing.client import applied_at_once

    with applied_at_once():
        iot_gateway.send(full_snapshot(at=time.time() - DAY))
    return get_station_model()._base_manager.get(serial_number=STATION)


@pytest.fixture
def iot_power_bank(iot_station: Any) -> Any:
    """Return the row of the bank in that station's second slot."""
    from django_iot_ingest.conf import get_power_bank_model
    from django_iot_ingest.testing import BANK

    return get_power_bank_model()._base_manager.get(serial_number=BANK)


@pytest.fixture
def iot_chaos(iot_gateway: GatewayClient) -> Callable[..., ChaosGateway]:
    """Return a factory of chaos gateways: ``iot_chaos(seed).deliver(payloads)``."""
    from django_iot_ingest.testing import ChaosGateway

    def chaos(seed: int, **options: Any) -> ChaosGateway:
        return ChaosGateway(iot_gateway, seed, **options)

    return chaos
