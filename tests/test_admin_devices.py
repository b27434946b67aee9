"""The host's three models in the admin: what belongs to whom, and saves that undo nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_model,
    get_station_slot_model,
)
from tests.gateway import Gateway
from tests.operators import Page, form_data, operator, page, statements, superuser, url
from tests.payloads import BANK, STATION, cabinet, status

MODELS = [get_station_model, get_station_slot_model, get_power_bank_model]


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def chief(db: None) -> Client:
    return superuser()


@pytest.fixture
def station(gateway: Gateway) -> Any:
    gateway.send(cabinet({2: BANK}))
    return get_station_model().objects.get()


def test_what_the_device_says_is_read_only_and_the_rest_is_not(chief: Client, station: Any) -> None:
    for get_model in MODELS:
        row = get_model().objects.first()
        form = chief.get(url(get_model(), "change", row.pk)).context["adminform"]
        assert "out_of_service" in form.form.fields
        told = {"serial_number", "status", "battery_level", "hardware_info", "current_slot"}
        told |= {"slot_number", "last_heard_at", "imei", "station"}
        assert not told & set(form.form.fields)
        assert "status" in form.readonly_fields


def test_a_posted_device_column_is_not_written(chief: Client, station: Any) -> None:
    address = url(type(station), "change", station.pk)
    data = form_data(chief.get(address)) | {"status": "MAINTENANCE", "serial_number": "mine"}

    assert chief.post(address, data | {"out_of_service": "on"}).status_code == 302

    station.refresh_from_db()
    assert (station.status, station.serial_number) == ("ONLINE", STATION)
    assert station.out_of_service is True


@pytest.mark.parametrize("get_model", MODELS)
def test_a_save_writes_the_changed_columns_alone(
    chief: Client, station: Any, get_model: Any
) -> None:
    model = get_model()
    row = model.objects.first()
    address = url(model, "change", row.pk)
    data = form_data(chief.get(address))

    with CaptureQueriesContext(
        connection,
    ) as context:
        chief.post(address, data | {"out_of_service": "on"})

    (update,) = [one for one in statements(context, "UPDATE") if model._meta.db_table in one]
    assert update.count("=") == 2, "one column, and the key"
    assert "out_of_service" in update


def test_a_save_that_changes_nothing_writes_no_row(chief: Client, station: Any) -> None:
    address = url(type(station), "change", station.pk)
    data = form_data(chief.get(address))

    with CaptureQueriesContext(connection) as context:
        assert chief.post(address, data).status_code == 302

    assert not [one for one in statements(context, "UPDATE") if station._meta.db_table in one]


def test_a_stale_page_does_not_undo_the_sync(chief: Client, gateway: Gateway, station: Any) -> None:
    address = url(type(station), "change", station.pk)
    data = form_data(chief.get(address))
    gateway.send(status("OFFLINE"))
    heard = get_station_model().objects.get().last_heard_at

    chief.post(address, data | {"out_of_service": "on"})

    station.refresh_from_db()
    assert (station.status, station.out_of_service) == ("OFFLINE", True)
    assert station.last_heard_at == heard


def test_what_the_sync_writes_while_a_page_is_saved_stays(
    chief: Client, station: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_admin = admin.site.get_model_admin(type(station))
    save_form = model_admin.save_form

    def save_late(*args: Any, **kwargs: Any) -> Any:
        row = save_form(*args, **kwargs)
        get_station_model().objects.update(status="MAINTENANCE", wifi_ssid="new")
        return row

    monkeypatch.setattr(model_admin, "save_form", save_late)
    address = url(type(station), "change", station.pk)
    chief.post(address, form_data(chief.get(address)) | {"out_of_service": "on"})

    station.refresh_from_db()
    found = (station.status, station.wifi_ssid, station.out_of_service)
    assert found == ("MAINTENANCE", "new", True)


def test_a_column_that_is_edited_in_the_list_is_written_alone(
    chief: Client, station: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_admin = admin.site.get_model_admin(type(station))
    monkeypatch.setattr(model_admin, "list_display", ["serial_number", "out_of_service"])
    monkeypatch.setattr(model_admin, "list_editable", ["out_of_service"])
    data = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": station.pk,
        "form-0-out_of_service": "on",
        "_save": "Save",
    }
    with CaptureQueriesContext(connection) as context:
        assert chief.post(url(type(station)), data).status_code == 302

    (update,) = [one for one in statements(context, "UPDATE") if station._meta.db_table in one]
    assert update.count("=") == 2 and "out_of_service" in update


def test_a_column_that_the_host_sets_while_saving_is_saved_too(
    chief: Client, station: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"Station": "name", "Locker": "district"}[type(station).__name__]
    admin_class = type(admin.site.get_model_admin(type(station)))

    def save_model(self: Any, request: Any, obj: Any, form: Any, change: bool) -> None:
        setattr(obj, own, request.user.username)
        super(admin_class, self).save_model(request, obj, form, change)

    monkeypatch.setattr(admin_class, "save_model", save_model, raising=False)
    address = url(type(station), "change", station.pk)
    chief.post(address, form_data(chief.get(address)))

    station.refresh_from_db()
    assert getattr(station, own) == "chief"
    assert station.status == "ONLINE"


def test_a_station_is_added_by_hand_and_then_the_devices_own(
    chief: Client, gateway: Gateway
) -> None:
    address = url(get_station_model(), "add")
    response = chief.get(address)
    fields = response.context["adminform"].form.fields
    assert {"serial_number", "imei", "out_of_service"} <= set(fields)
    assert not {"status", "total_slots", "last_heard_at"} & set(fields)
    Page.of(response).check()

    data = form_data(response) | {"serial_number": STATION, "out_of_service": "on"}
    assert chief.post(address, data).status_code == 302

    station = get_station_model().objects.get(serial_number=STATION)
    assert (station.status, station.out_of_service) == ("OFFLINE", True)
    gateway.send(cabinet({2: BANK}))
    station.refresh_from_db()
    assert (station.status, station.total_slots, station.out_of_service) == ("ONLINE", 4, True)


def test_a_serial_number_that_is_there_already_is_a_message(chief: Client, station: Any) -> None:
    address = url(get_station_model(), "add")
    response = chief.post(address, form_data(chief.get(address)) | {"serial_number": STATION})
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["serial_number"]


def test_slots_and_banks_are_added_by_hand(chief: Client, station: Any) -> None:
    slots, banks = get_station_slot_model(), get_power_bank_model()
    address = url(slots, "add")
    data = form_data(chief.get(address)) | {"station": station.pk, "slot_number": 9}
    assert chief.post(address, data).status_code == 302
    assert slots.objects.get(station=station, slot_number=9).status == "AVAILABLE"

    address = url(banks, "add")
    data = form_data(chief.get(address)) | {"serial_number": "87654321"}
    assert chief.post(address, data).status_code == 302
    assert banks.objects.get(serial_number="87654321").current_station is None


def test_deleting_is_as_django_has_it(chief: Client, station: Any) -> None:
    address = url(type(station), "delete", station.pk)
    assert chief.post(address, {"post": "yes"}).status_code == 302
    assert not get_station_model().objects.exists()
    assert get_power_bank_model().objects.get().current_station is None


def test_whoever_may_only_view_changes_nothing(station: Any) -> None:
    name = station._meta.model_name
    client = operator(f"view_{name}")
    address = url(type(station), "change", station.pk)
    page(client, station).check()
    assert client.post(address, {"out_of_service": "on"}).status_code == 403
    station.refresh_from_db()
    assert station.out_of_service is False


@pytest.mark.parametrize("get_model", MODELS)
def test_a_list_takes_the_same_statements_for_few_and_for_many(
    chief: Client, gateway: Gateway, get_model: Any
) -> None:
    address = url(get_model())
    counts = []
    for size, start in ((1, 1), (30, 100)):
        for number in range(start, start + size):
            serial = f"86000000000{number:04d}"
            gateway.send(cabinet({1: f"bank{number}"}, size=1, serial=serial))
        chief.get(address)
        with CaptureQueriesContext(connection) as context:
            found = Page.of(chief.get(address))
        counts.append(len(context))
    found.check()
    assert counts[0] == counts[1]


@pytest.mark.parametrize("get_model", MODELS)
def test_the_beginning_of_a_serial_number_finds(
    chief: Client, station: Any, get_model: Any
) -> None:
    word = BANK if get_model is get_power_bank_model else STATION
    found = chief.get(url(get_model()), {"q": word[:5]}).context["cl"].result_count
    assert found == get_model().objects.count()
    assert chief.get(url(get_model()), {"q": "nothing"}).context["cl"].result_count == 0


def test_a_list_shows_no_bare_key_and_no_none(chief: Client, station: Any) -> None:
    slots = Page.of(chief.get(url(get_station_slot_model())))
    assert f"{station}, slot 2" in slots.text
    banks = Page.of(chief.get(url(get_power_bank_model())))
    assert "85 %" in banks.text
    assert "None" not in slots.text + banks.text


def test_a_host_says_otherwise(station: Any, rf: Any, admin_user: Any) -> None:
    """Fieldsets, read-only columns and media of a host's own hold beside ours."""
    from django_iot_ingest.admin import StationAdminMixin

    class OwnAdmin(StationAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
        fieldsets = [("Mine", {"fields": ["serial_number", "out_of_service"]})]
        readonly_fields = ["out_of_service"]
        list_display = ["imei"]

        class Media:
            css = {"all": ["own.css"]}

    own = OwnAdmin(type(station), admin.site)
    request = rf.get("/")
    request.user = admin_user
    assert own.check() == []
    assert own.get_fieldsets(request, station) == OwnAdmin.fieldsets
    assert own.get_readonly_fields(request, station)[0] == "out_of_service"
    assert own.get_list_display(request) == ["imei"]
    assert "own.css" in str(own.media) and "django_iot_ingest/admin.css" in str(own.media)


@pytest.mark.parametrize("serial", ["ä", "a b", "a/b", "٣", "x" * 65, "\x00"])
def test_what_no_device_is_called_cannot_be_added(chief: Client, serial: str) -> None:
    for model in (get_station_model(), get_power_bank_model()):
        address = url(model, "add")
        data = form_data(chief.get(address))
        response = chief.post(address, data | {"serial_number": serial})
        assert "serial_number" in response.context["adminform"].form.errors
        assert chief.post(address, data | {"serial_number": "S.2_:-"}).status_code == 302


def test_what_is_no_imei_cannot_be_added(chief: Client) -> None:
    address = url(get_station_model(), "add")
    data = form_data(chief.get(address)) | {"serial_number": "S1"}
    assert chief.post(address, data | {"imei": "a b"}).context["adminform"].form.errors["imei"]
    assert chief.post(address, data | {"imei": "860000000000017"}).status_code == 302


def test_a_slots_number_is_one_byte(chief: Client, station: Any) -> None:
    address = url(get_station_slot_model(), "add")
    data = form_data(chief.get(address)) | {"station": station.pk}
    for number, status_code in ((256, 200), (255, 302), (-1, 200)):
        response = chief.post(address, data | {"slot_number": number})
        assert response.status_code == status_code, number
