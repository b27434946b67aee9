"""The contract suite on hosts with one planted fault each: it fails, and its message names it.

On PostgreSQL all checks are run for each fault, so that no other is blamed; elsewhere those that
have to find it. The page for hosts shows one message of each.
"""

from __future__ import annotations

import re
import unittest
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.testing import StationSyncContract
from django_iot_ingest.testing.contract import faults, rows
from django_iot_ingest.testing.contract.at_once import AtOnce
from tests import hosts

if TYPE_CHECKING:
    from tests.planted import Planted

pytestmark = [pytest.mark.one_host, pytest.mark.newest]

PAGE = Path(__file__).resolve().parent.parent / "docs/how-to/test-your-host.md"
MESSAGE = re.compile(r"^\*\*([^*\n]+)\*\*\n\n```text\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"

HAS_LOCKS = connection.features.has_select_for_update_nowait


def planted_faults() -> tuple[Planted, ...]:
    """Return the faults, which are the example's, and none for another host."""
    if settings.TEST_HOST != "fleet":
        return ()
    from tests.planted import FAULTS

    return FAULTS


FAULTS = planted_faults()
FAULTS_HERE = [fault for fault in FAULTS if HAS_LOCKS or not fault.needs_locks]


def host_of(fault: Planted) -> type[TransactionTestCase]:
    """Return the suite of a host that rents and charges."""
    from tests.planted import charges

    class Host(StationSyncContract, TransactionTestCase):
        def prepare_rental(self, power_bank: Any, at: datetime) -> None:
            (fault.rent or hosts.start_rental)(power_bank, at)

        def effects(self) -> Any:
            return {**super().effects(), "charges": {"made": len(charges)}}

        def _fixture_teardown(self) -> None:
            """Delete what a check leaves: flushing every table takes longer than the check."""
            from fleet.models import Rental

            for model in (
                Rental,
                *reversed(rows.device_models()),
                IngestEvent,
                StationStatusChange,
            ):
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


def matches(shown: str, told: str) -> bool:
    """Return whether a message is the one that the page shows, but for what it leaves open."""
    parts = map(re.escape, shown.split(ANYTHING))
    return re.fullmatch(".+?".join(parts), told) is not None


@pytest.mark.django_db(transaction=True)
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
    shown, told = dict(MESSAGE.findall(PAGE.read_text()))[fault.title], failures[fault.checks[0]]
    assert matches(shown, told), told


@pytest.mark.once
def test_the_page_shows_each_planted_fault_and_nothing_else() -> None:
    titles = [title for title, _ in MESSAGE.findall(PAGE.read_text())]
    assert titles == [fault.title for fault in FAULTS]


@pytest.mark.once
def test_each_fault_that_is_looked_for_was_planted() -> None:
    known = {found.name for found in vars(faults).values() if isinstance(found, faults.Fault)}
    assert known == {fault.name for fault in FAULTS}
