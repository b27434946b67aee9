"""The contract suite, on the host under test."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import TransactionTestCase

from django_iot_ingest.testing import StationSyncContract
from tests import hosts

pytestmark = pytest.mark.whole


class TestHost(StationSyncContract, TransactionTestCase):
    def prepare_rental(self, power_bank: Any, at: datetime) -> None:
        hosts.start_rental(power_bank, at)
