"""The contract suite on hosts with one planted fault each: it fails, and its message names it.

On PostgreSQL all checks are run for each fault, so that no other is blamed; elsewhere those that
have to find it.
"""

from __future__ import annotations

import unittest
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TransactionTestCase

from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.testing import StationSyncContract
from django_iot_ingest.testing.contract.at_once import AtOnce
from fleet.models import PowerBank, Rental, Station, StationSlot
from fleet.rentals import rent
from tests import planted
from tests.planted import FAULTS, Planted

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.one_host,
    pytest.mark.whole,
]


LEFT = (Rental, PowerBank, StationSlot, Station, IngestEvent, StationStatusChange)
HAS_LOCKS = connection.features.has_select_for_update_nowait
FAULTS_HERE = [fault for fault in FAULTS if HAS_LOCKS or not fault.needs_locks]


def host_of(fault: Planted) -> type[TransactionTestCase]:
    """Return the suite of a host that rents and charges."""

    class Host(StationSyncContract, TransactionTestCase):
        def prepare_rental(self, power_bank: Any, at: datetime) -> None:
            user, _ = get_user_model().objects.get_or_create(username="renter")
            (fault.rent or rent)(power_bank, user, at)

        def effects(self) -> Any:
            return {**super().effects(), "charges": {"made": len(planted.charges)}}

        def _fixture_teardown(self) -> None:
            """Delete what a check leaves: flushing every table takes longer than the check."""
            for model in LEFT:
                model._base_manager.all().delete()

    return Host


def run(host: type[TransactionTestCase], checks: list[str]) -> dict[str, str]:
    """Run checks; return what those said that failed, without their tracebacks."""
    result = unittest.TestResult()
    unittest.TestSuite(map(host, checks)).run(result)
    assert (result.testsRun, result.errors) == (len(checks), [])
    return {name_of(test): message_of(told) for test, told in result.failures}


def name_of(test: unittest.TestCase) -> str:
    return test.id().rpartition(".")[2]


def message_of(traceback: str) -> str:
    return traceback.partition("AssertionError: ")[2].strip()


def checks_of(host: type[TransactionTestCase], fault: Planted) -> list[str]:
    """Return the names of the checks that are run here."""
    if connection.vendor == "postgresql":
        return list(unittest.defaultTestLoader.getTestCaseNames(host))
    return [name for name in fault.checks if HAS_LOCKS or not hasattr(AtOnce, name)]


@pytest.mark.parametrize("fault", FAULTS_HERE, ids=lambda fault: fault.title)
def test_a_planted_fault_is_named(fault: Planted) -> None:
    host = host_of(fault)
    checks = checks_of(host, fault)
    with fault.planted():
        failures = run(host, checks)
    assert set(failures) == set(fault.checks) & set(checks)
    for told in failures.values():
        assert told.startswith(f"{fault.name}: ")
        assert "\nLook at: " in told
