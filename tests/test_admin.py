"""The admin as a whole: only where it is installed, in any site, and wired as its page says."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import path
from django.utils import translation

from django_iot_ingest.admin import (
    PAGES,
    IngestEventAdmin,
    bodies,
    decide,
    paging,
    register_pages,
    related,
    search,
    verdicts,
)
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.models import IngestEvent, RefusedRequest, StationStatusChange
from tests.gateway import Gateway
from tests.operators import Page, event, operator, superuser, url
from tests.payloads import BANK, cabinet

PAGE = Path(__file__).resolve().parent.parent / "docs/how-to/admin.md"
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

ours = admin.AdminSite("ops")
for model, model_admin in admin.site._registry.items():
    ours.register(model, type(model_admin))

bare = admin.AdminSite("bare")
bare.register(IngestEvent, IngestEventAdmin)

urlpatterns = [path("ops/", ours.urls), path("bare/", bare.urls), path("admin/", admin.site.urls)]

WITHOUT = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x" * 50,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework",
                    "django_iot_ingest", "tests.depot"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    IOT_INGEST={
        "SIGNATURE_SECRETS": ["contract-example-secret-0123456789abcdef"],
        "STATION_MODEL": "depot.Locker", "STATION_SLOT_MODEL": "depot.Bay",
        "POWER_BANK_MODEL": "depot.Battery",
    },
    MIDDLEWARE=[], ROOT_URLCONF="django_iot_ingest.urls", USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
import django
django.setup()
from django.core.management import call_command
call_command("check")
import django_iot_ingest.views, django_iot_ingest.sweeper, django_iot_ingest.tasks
found = [name for name in sys.modules if name.startswith("django_iot_ingest.admin")]
assert not found, found
"""


@pytest.mark.once
def test_without_djangos_admin_nothing_of_ours_is_imported() -> None:
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join([str(root), *sys.path])},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_links_stay_in_the_site_in_which_a_page_is() -> None:
    Gateway.with_admin()
    client = superuser()
    station = get_station_model().objects.create(serial_number="S1")
    row = event(state=IngestEvent.State.FAILED, device_serial="S1")
    names = station._meta.app_label, station._meta.model_name
    pages = [
        f"/ops/{names[0]}/{names[1]}/{station.pk}/change/",
        f"/ops/django_iot_ingest/ingestevent/{row.pk}/change/",
        f"/ops/django_iot_ingest/ingestevent/apply/?event={row.pk}",
    ]
    for address in pages:
        read = Page.of(client.get(address))
        inside = [link for link in read.links if link.startswith("/") and link != "/"]
        assert inside and all(link.startswith("/ops/") for link in inside), address
    response = client.post("/ops/django_iot_ingest/ingestevent/bury/", {"event": row.pk})
    assert response["Location"] == f"/ops/django_iot_ingest/ingestevent/{row.pk}/change/"


@pytest.mark.once
def test_what_a_host_has_registered_before_stays() -> None:
    site = admin.AdminSite("early")
    site.register(IngestEvent, admin.ModelAdmin)
    register_pages(site)
    kinds = {model: type(own) for model, own in site._registry.items()}
    assert kinds == {**PAGES, IngestEvent: admin.ModelAdmin}


@pytest.mark.once
def test_all_pages_are_in_the_default_site() -> None:
    assert {model: type(admin.site._registry[model]) for model in PAGES} == PAGES


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_host_need_not_show_its_models() -> None:
    row = event(state=IngestEvent.State.FAILED)
    get_station_model().objects.create(serial_number=row.device_serial)
    address = f"/bare/django_iot_ingest/ingestevent/{row.pk}/change/"
    read = Page.of(superuser().get(address))
    read.check()
    assert "Not known here, or not yours to see." in read.text


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["de", "ar", "hi"])
def test_numbers_and_directions_of_other_languages_break_nothing(
    language: str, settings: Any
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = language
    Gateway.with_admin().send(cabinet({2: BANK}))
    client = superuser()
    row = event(pk=1_234_567, state=IngestEvent.State.FAILED, attempts=4321)
    with translation.override(language):
        station = get_station_model().objects.get()
        read = Page.of(client.get(url(type(station), "change", station.pk)))
        read.check()
        assert url(IngestEvent, "change", row.pk) in read.links
        assert read.of_class("iot-bar-level")[0]["width"] == "85"
        Page.of(client.get(url(IngestEvent, "change", row.pk))).check()
        asked = Page.of(client.get(f"{url(IngestEvent, 'apply')}?event={row.pk}"))
        assert "1234567" in [one.get("value") for _, one in asked.tags]


def table(heading: str) -> dict[str, str]:
    """Return the first two columns of the table under a heading of the page."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
    return {name: text.strip() for name, text in rows}


@pytest.mark.once
@pytest.mark.django_db
def test_the_table_of_permissions_names_all_there_are() -> None:
    from django.contrib.auth.models import Permission

    shown = (IngestEvent, StationStatusChange, RefusedRequest)
    names = {model._meta.model_name for model in shown}
    there = set(
        Permission.objects.filter(content_type__model__in=names).values_list("codename", flat=True)
    )
    in_use = {name for name in there if not name.startswith(("add_", "change_"))}
    useless = {"delete_ingestevent", "delete_stationstatuschange"}
    assert set(table("Who may do what")) == in_use - useless
    for verdict in verdicts.VERDICTS:
        assert verdict.permission in table("Who may do what")


@pytest.mark.once
def test_the_numbers_of_the_page_are_those_in_force() -> None:
    text = " ".join(PAGE.read_text().split())
    for said in (
        f"no more than {paging.MOST:,} rows are counted",
        f"among the newest {search.NEWEST_READ:,} events",
        f"More than {bodies.MOST_SHOWN:,} characters are cut",
        f"at most {decide.MOST} at once and for no longer than {decide.SECONDS:.0f} s",
        f"its newest {related.NEWEST} returns",
    ):
        assert said in text


@pytest.mark.once
def test_the_states_of_the_page_are_those_in_which_there_is_something_to_do() -> None:
    (row,) = re.findall(r"^\| states in .* \| (.*) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    for cell, verdict in zip(row, verdicts.VERDICTS, strict=True):
        assert set(cell.split(", ")) == set(map(str, verdict.states))


@pytest.mark.once
@pytest.mark.django_db
def test_each_permission_opens_what_the_table_says() -> None:
    row = event(state=IngestEvent.State.FAILED)
    for codename in ("view_ingestevent", "view_stationstatuschange", "view_refusedrequest"):
        client = operator(codename, name=codename)
        for model in (IngestEvent, StationStatusChange, RefusedRequest):
            may = codename == f"view_{model._meta.model_name}"
            assert client.get(url(model)).status_code == (200 if may else 403)
    assert Client().get(url(IngestEvent, "change", row.pk)).status_code == 302


@pytest.mark.once
@pytest.mark.one_host
def test_the_code_of_the_page_wires_a_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = FENCE.findall(PAGE.read_text())

    def wired(code: str) -> admin.AdminSite:
        site = admin.AdminSite()
        monkeypatch.setattr("django.contrib.admin.sites.site", site)
        (tmp_path / "admin.py").write_text(code)
        runpy.run_path(str(tmp_path / "admin.py"))
        assert [one for own in site._registry.values() for one in own.check()] == []
        return site

    assert len(wired(first)._registry) == 3
    imports = first.split("@admin.register")[0]
    (own,) = wired(imports + second)._registry.values()
    assert own.list_display[-1] == "name"
