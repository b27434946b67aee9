"""The fleet page, a station, the inbox and an event: in light, in dark, and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from django_iot_ingest.conf import get_station_model
from django_iot_ingest.models import IngestEvent
from tests import lively
from tests.browser.conftest import IMAGES
from tests.lively import BROKEN

pytestmark = pytest.mark.once

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 760}, "is_mobile": True, "has_touch": True},
}

NAMES = ("fleet", "station", "inbox", "event")

LOOKED_AT = {"exclude": [["#searchbar"]]}
"""All but the one control of Django's whose label is an image with a text: axe wants the text seen."""

TOO_LARGE = 150_000
"""Bytes of an image that no repository wants."""


def address(name: str) -> str:
    """Return where a page is."""
    if name == "fleet":
        return reverse("admin:django_iot_ingest_fleet_changelist")
    if name == "inbox":
        return reverse("admin:django_iot_ingest_ingestevent_changelist")
    if name == "event":
        row = IngestEvent.objects.get(state="dead")
        return reverse("admin:django_iot_ingest_ingestevent_change", args=[row.pk])
    station = get_station_model()
    meta = station._meta
    row_of = station._default_manager.get(serial_number=BROKEN)
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row_of.pk])


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def opened(contexts: Callable[..., Any], live_server: LiveServer) -> Callable[..., Page]:
    """Return a function that opens a page, which has to be there, and listens to its console."""

    def goto(name: str, **options: Any) -> Page:
        page: Page = contexts(**options).new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.heard = heard  # type: ignore[attr-defined]
        answer = page.goto(live_server.url + address(name))
        assert answer is not None and answer.ok, name
        return page

    return goto


def faults(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds that is serious or critical, with the elements."""
    found = Axe().run(page, context=LOOKED_AT).response["violations"]
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(
    opened: Callable[..., Page], name: str, look: str, request: pytest.FixtureRequest
) -> None:
    lively.fill_the_hour()
    page = opened(name, **LOOKS[look])
    assert faults(page) == []
    if request.config.getoption("--screenshots", default=False):
        _shoot(page, f"{name}-{look}")


def _shoot(page: Page, title: str) -> None:
    """Write what is seen without scrolling, of the fleet's page twice the rest of it too."""
    _write(page, title)
    if title in ("fleet-light", "fleet-phone"):
        for part in ("hour", "stations"):
            page.evaluate("id => document.getElementById(id).scrollIntoView()", part)
            _write(page, title.replace("fleet", f"fleet_{part}"))


def _write(page: Page, title: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    target = IMAGES / f"{title}.png"
    page.screenshot(path=target)
    assert target.stat().st_size < TOO_LARGE, title


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_theme_of_the_switch(
    opened: Callable[..., Page], name: str, theme: str
) -> None:
    """The switch of the admin wins over what the browser prefers."""
    other = {"light": "dark", "dark": "light"}[theme]
    page = opened(name, viewport={"width": 1000, "height": 760}, color_scheme=other)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == theme
    assert faults(page) == []


@pytest.mark.parametrize("width", [320, 390])
def test_no_page_scrolls_sideways(opened: Callable[..., Page], name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 700})
    widest = page.evaluate(
        """() => {
            const inside = document.documentElement.clientWidth;
            const wide = [...document.querySelectorAll("main *")].filter(
                (one) => one.getBoundingClientRect().right > inside + 1);
            return [document.documentElement.scrollWidth - inside,
                    wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
        }"""
    )
    assert widest[0] <= 0, widest


def test_the_console_is_quiet_under_a_strict_policy(opened: Callable[..., Page], name: str) -> None:
    page = opened(name)
    page.wait_for_load_state("networkidle")
    faults = [text for text in page.heard if "favicon.ico" not in text]  # type: ignore[attr-defined]
    assert faults == []


def test_every_control_has_a_name(opened: Callable[..., Page], name: str) -> None:
    page = opened(name)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("main a[href], main button, main summary")]
            .filter((one) => !one.textContent.trim() && !one.getAttribute("aria-label")
                && !one.title && !one.querySelector("img[alt], title"))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
