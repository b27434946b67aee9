"""The fleet page over HTTP: who sees it, what it costs, and that nothing breaks it."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils import timezone, translation

from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_station_slot_model
from django_iot_ingest.fleet.page import REFRESH, FleetAdmin
from django_iot_ingest.models import Fleet, IngestEvent, RefusalCount, StationStatusChange
from tests import lively
from tests.gateway import Gateway
from tests.lively import BROKEN, LENDING, MUTE, QUIET, RESTING, SIZE, STATIONS, SULKING, report
from tests.payloads import STATION, full, status

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/admin/django_iot_ingest/fleet/"

STATEMENTS = 24
"""Of the whole page, with the session and the user: two, numbers: eighteen, rows: four."""

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7|add:7 }}"


@pytest.fixture
def gateway(transactional_db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def client(gateway: Gateway) -> Client:
    """Return a client that is logged in as a superuser."""
    client = Client()
    client.force_login(get_user_model().objects.get(email="gateway@example.com"))
    return client


@pytest.fixture
def lived(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FleetAdmin, "kept_seconds", 0)
    lively.tell(gateway, monkeypatch)


class Texts(HTMLParser):
    """The texts of a page, the tags and the attributes that are in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str, name: str) -> list[str]:
        """Return the values of an attribute."""
        return [found[name] or "" for seen, found in self.tags if seen == tag and name in found]


def read(client: Client, query: str = "", **headers: str) -> Texts:
    response = client.get(URL + query, headers=headers)
    assert response.status_code == 200
    return Texts(response.content.decode())


def rows(client: Client, query: str = "") -> list[str]:
    """Return the serials of the stations that are shown, in order."""
    response = client.get(URL + query)
    assert response.status_code == 200
    return [row.serial_number for row in response.context["listing"].rows]


def needs(client: Client) -> dict[str, int]:
    return {need.key: need.count for need in client.get(URL).context["needs"]}


def make_fleet(count: int) -> None:
    """Put stations of two slots and one bank into the tables, and an event of each."""
    now = timezone.now()
    stations = get_station_model().objects.bulk_create(
        get_station_model()(serial_number=f"S{number:05}", status="ONLINE", last_heard_at=now)
        for number in range(count)
    )
    slots = get_station_slot_model().objects.bulk_create(
        get_station_slot_model()(station=station, slot_number=number, status="OCCUPIED")
        for station in stations
        for number in (1, 2)
    )
    get_power_bank_model().objects.bulk_create(
        get_power_bank_model()(
            serial_number=f"B{number:05}", current_station=slot.station, current_slot=slot
        )
        for number, slot in enumerate(slots[::2])
    )
    columns = {"received_at": now, "signed_at": 0, "body": b"", "duration": timedelta(seconds=1)}
    IngestEvent.objects.bulk_create(
        IngestEvent(state=state, device_serial=station.serial_number, **columns)
        for station in stations
        for state in IngestEvent.State.values
    )


# Who sees it


def test_it_stands_in_the_index_of_the_admin(client: Client) -> None:
    page = Texts(client.get("/admin/").content.decode())
    assert URL in page.of("a", "href")
    assert "Fleet" in page.text


def test_a_stranger_is_sent_to_the_login(db: None) -> None:
    for headers in ({}, {REFRESH: "1"}):
        response = Client().get(URL, headers=headers)
        assert (response.status_code, response["Location"].partition("?")[0]) == (
            302,
            "/admin/login/",
        )


def staff(*permissions: str) -> Client:
    user = get_user_model().objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_nobody_sees_it_without_the_permission(db: None) -> None:
    client = staff("view_ingestevent", "view_refusedrequest")
    assert client.get(URL).status_code == 403
    assert client.get(URL, headers={REFRESH: "1"}).status_code == 403


def test_the_permission_alone_shows_it_without_links_to_what_is_not_permitted(lived: None) -> None:
    page = read(staff("view_fleet"))
    inside = [link for link in page.of("a", "href") if link.startswith("/admin/")]
    assert {link for link in inside if "fleet/" in link} <= {URL}
    assert not [link for link in inside if re.search(r"/\d+/|/change/", link)]
    assert QUIET in page.text


def test_there_are_links_to_what_is_registered(client: Client, lived: None) -> None:
    links = read(client).of("a", "href")
    model = get_station_model()
    station = model.objects.get(serial_number=QUIET)
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{station.pk}/change/"
    assert (address in links) == admin.site.is_registered(model)


def test_no_link_names_a_serial(client: Client, lived: None) -> None:
    addresses = [link for link in read(client).of("a", "href")]
    assert not [link for link in addresses for serial in STATIONS if serial in link]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(client: Client, method: str) -> None:
    assert getattr(client, method)(URL).status_code == 405


@pytest.mark.parametrize("page", ["add/", "1/", "1/change/", "1/delete/", "1/history/"])
def test_no_event_is_shown_under_its_permission(client: Client, page: str) -> None:
    IngestEvent.objects.create(pk=1, received_at=timezone.now(), signed_at=0, body=b"")
    assert client.get(URL + page).status_code == 404


def test_a_site_of_the_host_has_it_too(client: Client, settings: Any) -> None:
    site = AdminSite(name="control")
    site.register(Fleet, FleetAdmin)
    urls = type("urls", (), {})
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("control/", site.urls),
        path("api/", include("django_iot_ingest.urls")),
    ]
    settings.ROOT_URLCONF = urls
    response = client.get("/control/django_iot_ingest/fleet/")
    links = Texts(response.content.decode()).of("a", "href")
    assert response.status_code == 200
    assert "/control/" in links
    assert not [link for link in links if link.startswith("/admin/")]


# What it costs


@pytest.mark.parametrize("count", [10, 200])
def test_the_number_of_statements_does_not_depend_on_the_fleet(client: Client, count: int) -> None:
    make_fleet(count)
    with CaptureQueriesContext(connection) as statements:
        assert len(rows(client)) == min(count, 50)
    assert len(statements) == STATEMENTS, [one["sql"] for one in statements]


def test_kept_numbers_cost_nothing(client: Client) -> None:
    make_fleet(10)
    read(client)
    with CaptureQueriesContext(connection) as statements:
        read(client, **{REFRESH: "1"})
    assert len(statements) == 6


def test_no_body_is_read(client: Client, lived: None) -> None:
    with CaptureQueriesContext(connection) as statements:
        read(client)
    assert not [one["sql"] for one in statements if re.search(r"\Wbody\W", one["sql"])]


# What it shows


def test_what_needs_a_person_has_its_number(client: Client, lived: None) -> None:
    assert needs(client) == {
        "dead": 1,
        "failed": 1,
        "deferred": 1,
        "late": 0,
        "refused": 1,
        "signature": 4,
        "others": 2,
        "missing": 1,
        "contradictory": 1,
        "slots": 2,
        "mute": 4,
        "silent": 2,
    }
    page = read(client)
    assert "1 dead event (1 of the last hour)" in page.text
    assert f"returned {LENDING} RuntimeError just now" in page.text
    assert "TEMPORARILY_UNAVAILABLE: 2" in page.text


def test_what_needs_nobody_comes_last(client: Client, lived: None) -> None:
    found = client.get(URL).context["needs"]
    assert [need.count > 0 for need in found] == sorted(
        (need.count > 0 for need in found), reverse=True
    )


def test_a_401_and_refused_bodies_are_not_told_twice(client: Client) -> None:
    for reason in ("NOT_AUTHENTICATED", "INVALID_JSON", "UNKNOWN_TYPE", "INVALID_PAYLOAD"):
        RefusalCount.objects.create(minute=timezone.now(), reason=reason, count=9)
    RefusalCount.objects.create(minute=timezone.now(), reason="IP_NOT_ALLOWED", count=1)
    assert needs(client)["others"] == 1
    assert "NOT_AUTHENTICATED: 9" in read(client).text, "the plot counts them"


def test_a_cabinet_is_told_in_words(client: Client, lived: None) -> None:
    found = {row.serial_number: row for row in client.get(URL).context["listing"].rows}
    assert found[RESTING].strip.words == "7 of 8 slots hold a bank"
    assert found[BROKEN].strip.words == "6 of 8 slots hold a bank, 2 in error, 1 without a slot"
    assert found[MUTE].strip.words == (
        "8 of 8 slots hold a bank, 1 with a bank that does not answer"
    )
    cells = found[BROKEN].strip.cells
    assert [cell.text for cell in cells] == ["12", "!", "38", "51", "64", "77", "90", "!"]
    assert cells[1].title == "2: error, 0x21"
    assert (found[RESTING].strip.lowest, found[RESTING].strip.mean) == (12, 51)
    assert len(cells) == SIZE


def test_a_slot_out_of_service_says_so(client: Client, gateway: Gateway) -> None:
    gateway.send(report(STATION))
    get_station_slot_model().objects.filter(slot_number__in=(1, 8)).update(out_of_service=True)
    (row,) = client.get(URL).context["listing"].rows
    assert row.strip.words == "7 of 8 slots hold a bank, 2 out of service"
    assert [cell.look for cell in row.strip.cells][::7] == ["out", "out"]


def test_a_station_without_slots_says_so(client: Client, gateway: Gateway) -> None:
    gateway.send(status())
    (row,) = client.get(URL).context["listing"].rows
    assert (row.strip.words, row.strip.mean) == ("no slot is known", None)


def test_the_status_is_a_text_and_a_shape(client: Client, lived: None) -> None:
    found = {row.serial_number: row for row in client.get(URL).context["listing"].rows}
    told = [(str(found[serial].status), found[serial].shape) for serial in STATIONS[:4]]
    assert told == [("silent", "▲"), ("offline", "■"), ("silent", "▲"), ("maintenance", "◆")]


def test_when_a_station_was_heard_is_a_time(client: Client, lived: None) -> None:
    page = read(client)
    assert "28 min ago" in page.text
    heard = get_station_model().objects.get(serial_number=QUIET).last_heard_at
    assert heard.isoformat(timespec="seconds") in page.of("time", "datetime")


def test_each_plot_has_a_title_a_description_and_a_table(client: Client, lived: None) -> None:
    response = client.get(URL)
    html = response.content.decode()
    for key in ("events", "refusals", "latency", "backlog"):
        assert f'<title id="chart-{key}-title">' in html
        assert f'<desc id="chart-{key}-desc">' in html
        assert f'<details id="chart-{key}-data">' in html
    charts = {chart.key: chart for chart in response.context["charts"]}
    total = sum(int(number) for _, row in charts["events"].rows for number in row)
    assert total == IngestEvent.objects.count()
    assert str(charts["backlog"].description).startswith("3 events wait now.")


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, ["0 events in", "0 requests refused", "0 events wait"]),
        (1, ["1 event in", "1 request refused", "1 event waits"]),
        (2, ["2 events in", "2 requests refused", "2 events wait"]),
    ],
)
def test_one_is_no_plural(client: Client, gateway: Gateway, count: int, told: list[str]) -> None:
    for number in range(count):
        IngestEvent.objects.create(
            received_at=timezone.now(),
            signed_at=1,
            body=b"",
            sha256=str(number),
            state=IngestEvent.State.FAILED,
        )
        RefusalCount.objects.create(minute=timezone.now(), reason=f"R{number}", count=1)
    charts = {chart.key: chart for chart in client.get(URL).context["charts"]}
    for key, words in zip(("events", "refusals", "backlog"), told, strict=True):
        assert str(charts[key].description).startswith(words)


def test_more_reasons_than_are_drawn_are_drawn_as_one(client: Client) -> None:
    for number in range(8):
        RefusalCount.objects.create(minute=timezone.now(), reason=f"R{number}", count=10 - number)
    (chart,) = (one for one in client.get(URL).context["charts"] if one.key == "refusals")
    assert [str(label) for label in chart.head] == ["R0", "R1", "R2", "R3", "R4", "others"]
    assert chart.shapes[-1].said == str(5 + 4 + 3)


def test_an_empty_fleet_says_what_to_look_at(client: Client) -> None:
    page = read(client)
    assert "No station yet" in page.text
    assert "the gateway posts to /api/internal/stations/data , without a slash" in page.text
    assert "No station matches." in page.text


def test_an_empty_fleet_without_our_urls_says_so(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("admin/", admin.site.urls)]})
    assert "the URLs of the plugin are not included" in read(client).text


def test_a_fleet_that_is_there_does_not(client: Client, gateway: Gateway) -> None:
    gateway.send(status())
    assert "No station yet" not in read(client).text


def test_a_refresh_brings_the_changing_part_alone(client: Client, lived: None) -> None:
    part = client.get(URL, headers={REFRESH: "1"}).content.decode()
    whole = client.get(URL).content.decode()
    assert "<html" not in part and "<form" not in part
    ids = re.findall(r'id="([^"]*)"', part)
    assert ids[0] == "needs"
    assert ids == re.findall(r'id="([^"]*)"', whole.split('id="fleet-content"')[1])[: len(ids)]


def test_nothing_is_inline_and_nothing_is_kept_by_a_cache(client: Client, lived: None) -> None:
    response = client.get(URL)
    page = Texts(response.content.decode())
    assert all("src" in found for tag, found in page.tags if tag == "script")
    assert not [tag for tag, found in page.tags if tag == "style" or "style" in found]
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    assert "no-store" in response["Cache-Control"]


def test_without_time_zones_it_works(client: Client, settings: Any) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Kathmandu"
    now = timezone.now()
    get_station_model().objects.create(
        serial_number=STATION, status="ONLINE", last_heard_at=now - timedelta(minutes=3)
    )
    page = read(client)
    assert "● online" in page.text
    assert "3 min ago" in page.text
    assert [stamp for stamp in page.of("time", "datetime") if stamp.endswith("+00:00")]
    first = client.get(URL).context["charts"][0].times[0].text
    assert now - timedelta(minutes=61) < first.replace(tzinfo=None) < now - timedelta(minutes=58)
    assert first.strftime("%H:%M") in page.text


def test_it_is_told_in_the_readers_language(client: Client, settings: Any, lived: None) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    settings.USE_THOUSAND_SEPARATOR = True
    RefusalCount.objects.create(minute=timezone.now(), reason="IP_NOT_ALLOWED", count=123_456)
    with translation.override(None):
        page = read(client, **{"Accept-Language": "de"})
    assert "123.458" in page.text, "a number for people"
    assert "123458" in page.of("li", "data-count"), "a number for machines"
    drawn = "".join(page.of("path", "d"))
    assert drawn and "," not in drawn, "no comma in a number of the plot"


# What devices and people write


@pytest.mark.parametrize("text", [EVIL, "\u202e\u0007", "🔋" * 20, "a" * 100])
def test_a_text_is_only_a_text(client: Client, gateway: Gateway, text: str) -> None:
    gateway.send(full(device={"wifi_ssid": text, "signal_strength": text[:60]}))
    row = get_station_model().objects.get()
    for name in ("name", "district"):
        if hasattr(row, name):
            get_station_model().objects.update(**{name: text[:30]})
    warning = {"warnings": [{"code": "contradictory", "path": text}]}
    IngestEvent.objects.update(result=warning, last_error_code=text[:100], state="dead")
    RefusalCount.objects.create(minute=timezone.now(), reason=text[:32], count=1)
    StationStatusChange.objects.all().delete()
    page = read(client)
    tags = {tag for tag, _ in page.tags}
    assert "img" not in tags
    assert len([tag for tag, found in page.tags if tag == "script" and "src" not in found]) == 0
    assert text[:32].split("<")[0] in page.text or text.startswith("<")


def test_a_searched_text_is_only_a_text(client: Client, gateway: Gateway) -> None:
    gateway.send(status())
    response = client.get(URL, {"q": EVIL})
    page = Texts(response.content.decode())
    assert page.of("input", "value").count(EVIL[:64]) == 1
    assert "img" not in {tag for tag, _ in page.tags}


# What is asked for


@pytest.fixture
def many(client: Client) -> None:
    make_fleet(120)


def test_pages_are_of_fifty(client: Client, many: None) -> None:
    assert [len(rows(client, f"?page={page}")) for page in (1, 2, 3)] == [50, 50, 20]
    everything = [serial for page in (1, 2, 3) for serial in rows(client, f"?page={page}")]
    assert everything == sorted(set(everything))


def test_the_way_to_other_pages_keeps_what_was_asked_for(client: Client, many: None) -> None:
    page = read(client, "?sort=serial&q=S00&status=online&page=2")
    links = [link for link in page.of("a", "href") if "page=" in link]
    assert "?status=online&q=S00&sort=serial&page=1" in links
    assert "?status=online&q=S00&sort=serial&page=3" in links
    assert "page 2 of 3" in page.text


@pytest.mark.parametrize(
    ("status", "serials"),
    [
        ("silent", [QUIET, lively.DARK]),
        ("offline", [SULKING]),
        ("maintenance", [RESTING]),
        ("out_of_service", []),
        ("attention", [QUIET, lively.DARK, BROKEN]),
    ],
)
def test_rows_of_one_status(client: Client, lived: None, status: str, serials: list[str]) -> None:
    assert rows(client, f"?status={status}") == serials


def test_the_rows_of_a_status_are_as_many_as_its_number(client: Client, lived: None) -> None:
    numbers = client.get(URL).context["numbers"].stations
    found = {kind: len(rows(client, f"?status={kind}")) for kind in numbers}
    assert found == numbers


def test_what_needs_attention_comes_first(client: Client, lived: None) -> None:
    get_station_model().objects.filter(serial_number=STATIONS[-1]).update(out_of_service=True)
    found = rows(client)
    assert found[:5] == [QUIET, lively.DARK, BROKEN, SULKING, RESTING]
    assert found[-1] == STATIONS[-1]
    assert sorted(found) == sorted(STATIONS)


def test_sorted_by_serial_and_by_time(client: Client, lived: None) -> None:
    assert rows(client, "?sort=serial") == sorted(STATIONS)
    get_station_model().objects.filter(serial_number=RESTING).update(last_heard_at=None)
    heard = rows(client, "?sort=heard")
    assert heard[-4:] == [QUIET, lively.DARK, SULKING, RESTING]


def test_searched_by_the_beginning_of_a_serial(client: Client, lived: None) -> None:
    assert rows(client, f"?q={QUIET}") == [QUIET]
    assert rows(client, f"?q={QUIET[:-1]}") == [QUIET, lively.DARK, SULKING]
    assert rows(client, f"?q={QUIET[1:]}") == []
    assert rows(client, f"?q=%20{QUIET}%20") == [QUIET]


def test_searched_by_the_beginning_of_a_name_if_the_host_has_names(
    client: Client, lived: None
) -> None:
    has_names = any(field.name == "name" for field in get_station_model()._meta.get_fields())
    if has_names:
        get_station_model().objects.filter(serial_number=MUTE).update(name="Main Station")
    assert rows(client, "?q=main%20s") == ([MUTE] if has_names else [])
    assert rows(client, "?q=%25") == rows(client, "?q=_") == []


@pytest.mark.parametrize(
    "query",
    [
        "?page=0",
        "?page=-1",
        "?page=zwei",
        "?page=99999999999999999999999999",
        f"?page={'9' * 5000}",
        "?page=%00",
        "?page=1&page=2",
        "?page[]=1",
        "?status=unknown",
        "?status=%00",
        "?sort=-pk",
        "?sort=serial_number__password",
        "?q=%00",
        "?q=%00%00a",
        "?q=%ED%A0%80",
        "?q=%FF%FE",
        f"?q={'x' * 3000}",
        "?q='%20OR%201=1--",
        "?q=\\",
        "?o=1.2&p=5&all=&_popup=1&e=1",
        "?station__serial_number=x",
        "?_facets=True",
        "?%00=%00",
        "?&&&=",
    ],
)
def test_no_parameter_breaks_it(client: Client, gateway: Gateway, query: str) -> None:
    gateway.send(status())
    for headers in ({}, {REFRESH: "1"}):
        assert client.get(URL + query, headers=headers).status_code == 200


def test_a_page_that_is_not_there_is_the_nearest(client: Client, many: None) -> None:
    assert rows(client, "?page=99") == rows(client, "?page=3")
    assert rows(client, "?page=x") == rows(client, "?page=1")


def test_a_station_of_48_slots_and_slot_0(client: Client, gateway: Gateway) -> None:
    payload = full(
        [{"slot_number": number, "status": "AVAILABLE"} for number in range(48)],
        [],
        at=time.time(),
    )
    gateway.send(payload)
    (row,) = client.get(URL).context["listing"].rows
    assert row.strip.words == "0 of 48 slots hold a bank"
