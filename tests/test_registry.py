"""A host's own event types: one class each, and nothing else to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from django_iot_ingest import event_types
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.event_types import EventType
from django_iot_ingest.events import StationReport
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.services import Outcome, StationSyncService
from django_iot_ingest.wire import Reader
from tests.gateway import Gateway
from tests.payloads import STATION, status


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReport(StationReport):
    """A station that is shaken."""

    level: int


class Alarm(EventType):
    """The event of this host: it marks the station as out of service."""

    name = "alarm"

    def read(self, reader: Reader) -> AlarmReport:
        level = reader.payload.get("level")
        if not isinstance(level, int):
            reader.fail("level", "Must be a whole number.")
        return AlarmReport(level=level or 0, **reader.common())

    def apply(self, service: StationSyncService, report: AlarmReport) -> Outcome:
        stations = get_station_model()._base_manager.filter(serial_number=report.device_serial)
        stations.update(hardware_info={"alarm": report.level})
        return Outcome(slots_updated=report.level)


class PaidAlarm(Alarm):
    """The same, for an alarm that costs money: once for each body."""

    exactly_once = True


class BrokenAlarm(Alarm):
    """An alarm that a host's bug keeps from being read."""

    def read(self, reader: Reader) -> AlarmReport:
        raise KeyError("level")


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("registered")]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.with_admin()


def alarm(level: Any = 3) -> dict[str, Any]:
    return {"type": "alarm", "timestamp": 1, "device": {"serial_number": STATION}, "level": level}


def test_the_types_of_the_contract_are_there_from_the_start() -> None:
    assert {"full", "returned", "status"} <= set(event_types._registry)
    assert [name for name, kind in event_types._registry.items() if kind.exactly_once] == [
        "returned"
    ]


def test_an_unknown_type_is_refused_and_accepted_once_it_is_registered(gateway: Gateway) -> None:
    gateway.send(status())
    refused = gateway.post(alarm())
    assert (refused.status_code, refused.json()["error"]) == (400, "UNKNOWN_TYPE")

    assert event_types.register(Alarm) is Alarm
    data = gateway.send(alarm())
    assert (data["state"], data["slots_updated"], data["station_serial"]) == ("applied", 3, STATION)
    assert get_station_model()._base_manager.get().hardware_info == {"alarm": 3}
    row = IngestEvent.objects.get(event_type="alarm", state="applied")
    assert (row.device_serial, row.attempts, row.result["slots_updated"]) == (STATION, 1, 3)


def test_a_refused_body_of_a_type_that_was_unknown_names_no_type(gateway: Gateway) -> None:
    gateway.post(alarm())
    assert IngestEvent.objects.get().event_type == ""


def test_a_types_own_identity_fields_are_told_by_path(gateway: Gateway) -> None:
    event_types.register(Alarm)
    response = gateway.post(alarm(level="high"))
    assert (response.status_code, response.json()["error"]) == (400, "INVALID_PAYLOAD")
    assert response.json()["errors"] == {"level": ["Must be a whole number."]}
    assert IngestEvent.objects.get().event_type == "alarm"


def test_a_type_that_counts_once_is_a_duplicate_the_second_time(gateway: Gateway) -> None:
    event_types.register(PaidAlarm)
    assert [gateway.send(alarm())["state"] for _ in range(3)] == [
        "applied",
        "duplicate",
        "duplicate",
    ]


def test_a_type_that_cannot_be_read_for_a_bug_is_temporary_trouble(gateway: Gateway) -> None:
    event_types.register(BrokenAlarm)
    response = gateway.post(alarm())
    assert (response.status_code, response.json()["error"]) == (503, "TEMPORARILY_UNAVAILABLE")


def test_unregister_takes_a_type_out(gateway: Gateway) -> None:
    event_types.register(Alarm)
    event_types.unregister("alarm")
    assert gateway.post(alarm()).json()["error"] == "UNKNOWN_TYPE"
    with pytest.raises(KeyError):
        event_types.unregister("alarm")


def test_a_host_replaces_a_built_in_type_by_registering_its_name(gateway: Gateway) -> None:
    class Quiet(event_types.Status):
        def apply(self, service: StationSyncService, report: Any) -> Outcome:
            return Outcome()

    event_types.register(Quiet)
    assert gateway.send(status())["state"] == "applied"
    assert not get_station_model()._base_manager.exists()


@pytest.mark.parametrize("name", [None, 1, [], {}, "", "nothing", "Full"])
def test_any_value_may_be_looked_for(name: Any) -> None:
    assert event_types.find(name) is None


def test_a_class_that_leaves_out_a_step_cannot_be_registered() -> None:
    class Half(EventType):
        name = "half"

        def read(self, reader: Reader) -> StationReport:
            return StationReport(**reader.common())

    with pytest.raises(TypeError, match="abstract"):
        event_types.register(Half)
    assert event_types.find("half") is None
