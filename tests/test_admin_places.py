"""The pages of a station and of a bank: what stands where, and what has happened to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from django_iot_ingest.models import IngestEvent, StationStatusChange
from tests import hosts
from tests.gateway import Gateway
from tests.operators import event, operator, page, superuser, url
from tests.payloads import BANK, STATION, bank_row, cabinet, empty_slot, full, held_slot, returned

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def chief(db: None) -> Client:
    return superuser()


def station() -> Any:
    return get_station_model().objects.get()


def bank() -> Any:
    return get_power_bank_model().objects.get()


def names(kind: str) -> str:
    models = {"station": get_station_model, "slot": get_station_slot_model}
    return f"view_{models.get(kind, get_power_bank_model)()._meta.model_name}"


def test_each_slot_says_what_is_in_it(chief: Client, gateway: Gateway) -> None:
    slots = [
        empty_slot(1),
        held_slot(2),
        empty_slot(3, status="OCCUPIED"),
        empty_slot(4, slot_metadata={"error_code": "0x2F"}),
    ]
    gateway.send(full(slots, [bank_row()]))
    get_station_slot_model().objects.filter(slot_number=1).update(out_of_service=True)

    found = page(chief, station())

    found.check()
    assert "Slot 1 available No bank Out of service" in found.text
    assert f"Slot 2 occupied Bank {BANK} Battery 85 %" in found.text
    assert "Slot 3 occupied Holds a bank that does not answer" in found.text
    assert "Slot 4 error No bank Error code 0x2F" in found.text
    assert found.links[url(get_power_bank_model(), "change", bank().pk)] == BANK
    (level,) = found.of_class("iot-bar-level")
    assert level["width"] == "85"
    (grid,) = found.of_class("iot-slots")
    assert grid["role"] == "list"


@pytest.mark.parametrize(
    ("level", "said", "width"), [(None, "not known", None), (0, "0 %", "0"), (250, "250 %", "100")]
)
def test_a_battery_that_is_not_known_or_out_of_bounds(
    chief: Client, gateway: Gateway, level: Any, said: str, width: Any
) -> None:
    gateway.send(cabinet({2: BANK}))
    get_power_bank_model().objects.update(battery_level=level)
    found = page(chief, station())
    assert said in found.text
    assert [one["width"] for one in found.of_class("iot-bar-level")] == ([width] if width else [])


def test_banks_without_a_slot_and_in_need_of_care_are_told(chief: Client, gateway: Gateway) -> None:
    gateway.send(full([empty_slot(1), held_slot(2)], [bank_row(), bank_row("loose1", None)]))
    get_power_bank_model().objects.filter(serial_number=BANK).update(
        status="DAMAGED", out_of_service=True
    )
    found = page(chief, station())
    found.check()
    assert "Banks at this station without a slot loose1 , available, 85 %" in found.text
    assert f"Bank {BANK} damaged bank out of service" in found.text


def test_a_new_station_says_that_nothing_is_known(chief: Client) -> None:
    row = get_station_model().objects.create(serial_number=STATION)
    found = page(chief, row)
    found.check()
    assert "No snapshot has told of a slot yet." in found.text
    assert "No change of status is on record." in found.text
    assert "None in the inbox." in found.text


def test_48_slots_take_as_many_statements_as_4(chief: Client, gateway: Gateway) -> None:
    counts = []
    for size in (4, 48):
        serial = f"8600000000000{size}"
        gateway.send(cabinet({n: f"{size}-{n}" for n in range(1, size)}, size=size, serial=serial))
        row = get_station_model().objects.get(serial_number=serial)
        page(chief, row)
        with CaptureQueriesContext(connection) as context:
            found = page(chief, row)
        counts.append(len(context))
        assert len(found.of_class("iot-slot")) == size
    assert counts[0] == counts[1] <= 12, counts


def test_what_a_device_says_is_text_and_never_markup(chief: Client, gateway: Gateway) -> None:
    slots = [empty_slot(1, slot_metadata={"error_code": SCRIPT}), held_slot(2)]
    device = {"wifi_ssid": SCRIPT, "hardware_info": {SCRIPT: SCRIPT}, "signal_strength": '"><b>'}
    gateway.send(full(slots, device=device))
    for row in (station(), bank(), get_station_slot_model().objects.get(slot_number=1)):
        found = page(chief, row)
        assert SCRIPT not in found.html
        assert '"><b>' not in found.html
    assert SCRIPT in page(chief, station()).text


def test_an_error_code_of_another_kind_is_shown_too(chief: Client, gateway: Gateway) -> None:
    gateway.send(full([empty_slot(1, slot_metadata={"error_code": {"deep": [1] * 99}})], []))
    assert "Error code {'deep': [1" in page(chief, station()).text


def test_the_history_has_the_newest_and_leads_to_all(chief: Client, gateway: Gateway) -> None:
    gateway.send(cabinet({2: BANK}))
    StationStatusChange.objects.create(
        device_serial=STATION,
        from_status="ONLINE",
        to_status="OFFLINE",
        changed_at=timezone.now(),
        seconds_in_previous=3720,
        trigger="TIMEOUT",
    )
    StationStatusChange.objects.create(
        device_serial="another", from_status="X", to_status="Y", changed_at=timezone.now()
    )
    found = page(chief, station())
    assert "online 1 hour, 2 minutes offline silence" in found.text
    address = f"{url(StationStatusChange)}?device_serial={STATION}"
    assert found.links[address] == "All changes of this station"
    assert chief.get(address).context["cl"].result_count == 2


def test_the_latest_events_are_20_and_lead_to_all(chief: Client, gateway: Gateway) -> None:
    gateway.send(cabinet({2: BANK}))
    for _ in range(25):
        event(event_type="status")
    event(device_serial="another")
    found = page(chief, station())
    rows = [link for link in found.links if "/ingestevent/" in link and "/change/" in link]
    assert len(rows) == 20
    address = f"{url(IngestEvent)}?device_serial={STATION}"
    assert found.links[address] == "All events of this station"
    assert chief.get(address).context["cl"].result_count == 26


def test_a_status_that_named_the_imei_is_among_them(chief: Client, db: None) -> None:
    row = get_station_model().objects.create(serial_number="S1", imei="860000000000025")
    kept = event(device_serial="860000000000025")
    assert url(IngestEvent, "change", kept.pk) in page(chief, row).links


def test_without_permissions_a_page_leads_nowhere_and_tells_no_events(gateway: Gateway) -> None:
    gateway.send(cabinet({2: BANK}))
    found = page(operator(names("station")), station())
    found.check()
    assert f"Bank {BANK}" in found.text
    leads = [url(get_power_bank_model(), "change", bank().pk), url(IngestEvent)]
    leads.append(
        url(get_station_slot_model(), "change", get_station_slot_model().objects.first().pk)
    )
    assert not set(leads) & set(found.links)
    assert "Latest events" not in found.text
    assert "Status history" not in found.text


def test_a_bank_in_a_slot_leads_there(chief: Client, gateway: Gateway) -> None:
    gateway.send(cabinet({2: BANK}))
    found = page(chief, bank())
    found.check()
    assert "Where it is In a slot." in found.text
    assert url(get_station_model(), "change", station().pk) in found.links
    slot = get_station_slot_model().objects.get(slot_number=2)
    assert found.links[url(type(slot), "change", slot.pk)].startswith("2")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"current_slot": None}, "At a station, in no slot that we know."),
        ({"current_slot": None, "current_station": None}, "Not known"),
        (
            {"current_slot": None, "current_station": None, "missing_since": timezone.now()},
            "Missing",
        ),
    ],
)
def test_a_bank_elsewhere_says_so(
    chief: Client, gateway: Gateway, values: dict[str, Any], said: str
) -> None:
    gateway.send(cabinet({2: BANK}))
    get_power_bank_model().objects.update(**values)
    found = page(chief, bank())
    found.check()
    assert f"Where it is {said}" in found.text


def test_a_rented_bank_is_nowhere_and_its_returns_are_listed(
    chief: Client, gateway: Gateway
) -> None:
    gateway.send(cabinet({2: BANK}))
    sent = gateway.send(returned())
    hosts.start_rental(bank(), timezone.now())
    found = page(chief, bank())
    assert "Where it is Rented" in found.text
    assert url(IngestEvent, "change", sent["event_id"]) in found.links
    address = f"{url(IngestEvent)}?power_bank_serial={BANK}"
    assert found.links[address] == "All returns of this bank"
    assert chief.get(address).context["cl"].result_count == 1
