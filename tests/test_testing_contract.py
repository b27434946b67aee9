"""The contract suite, on the host under test."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import TestCase, TransactionTestCase

from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.testing import StationSyncContract
from tests import hosts

pytestmark = pytest.mark.whole


class TestHost(StationSyncContract, TransactionTestCase):
    def prepare_rental(self, power_bank: Any, at: datetime) -> None:
        hosts.start_rental(power_bank, at)


def test_a_test_case_never_commits_and_is_refused() -> None:
    class Host(StationSyncContract, TestCase):
        pass

    with pytest.raises(TypeError, match="Host needs TransactionTestCase"):
        Host.setUpClass()


def test_a_column_of_the_hooks_own_is_left_out() -> None:
    bank = get_power_bank_model()

    class Host(StationSyncContract, TransactionTestCase):
        written_by_hooks = (f"{bank._meta.object_name}.out_of_service",)

    def names(host: type[Any]) -> set[str]:
        return {field.name for field in host().operators_fields(bank)}

    assert names(TestHost) - names(Host) == {"out_of_service"}
    assert names(Host) and "status" not in names(Host)
