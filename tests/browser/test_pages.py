"""The fleet page, a station, the inbox and an event: in light, in dark, and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests import lively
from tests.browser.conftest import IMAGES
from tests.browser.looking import NAMES, faults, nameless, wider_than_the_window

pytestmark = pytest.mark.once

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 760}, "is_mobile": True, "has_touch": True},
}

TOO_LARGE = 150_000
"""Bytes of an image that no repository wants."""


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


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
    assert wider_than_the_window(page) == []


def test_the_console_is_quiet_under_a_strict_policy(opened: Callable[..., Page], name: str) -> None:
    page = opened(name)
    page.wait_for_load_state("networkidle")
    faults = [text for text in page.heard if "favicon.ico" not in text]  # type: ignore[attr-defined]
    assert faults == []


def test_every_control_has_a_name(opened: Callable[..., Page], name: str) -> None:
    page = opened(name)
    assert nameless(page) == []
