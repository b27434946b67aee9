"""The pages in German, whose words are long, and in Nepali, whose letters are tall."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import lively
from tests.browser.conftest import IMAGES
from tests.browser.looking import NAMES, faults, nameless, wider_than_the_window
from tests.browser.test_pages import TOO_LARGE

pytestmark = pytest.mark.once

SHOT = ("fleet", "ne")
"""Taken for the docs; with a font for Devanagari (Debian: fonts-lohit-deva)."""

WIDE = {"width": 1000, "height": 760}

SAID = {
    "de": ["1 totes Ereignis", "1 fehlgeschlagenes Ereignis", "2 verstummte Stationen"],
    "ne": ["1 मृत घटना", "1 असफल घटना", "2 मौन स्टेसनहरू"],
}
"""One and several, as they are read aloud when they change."""


@pytest.mark.parametrize("language", SAID)
def test_pages_are_in_order_in_each_language(
    opened: Callable[..., Page], language: str, request: pytest.FixtureRequest
) -> None:
    lively.fill_the_hour()
    for name in NAMES:
        page = opened(name, locale=language, viewport=WIDE)
        assert page.locator("html").get_attribute("lang") == language
        assert (faults(page), nameless(page)) == ([], []), name
        for width in (320, 390):
            page.set_viewport_size({"width": width, "height": 760})
            assert wider_than_the_window(page) == [], (name, width)
        if request.config.getoption("--screenshots", default=False) and (name, language) == SHOT:
            page.set_viewport_size(WIDE)
            page.screenshot(path=IMAGES / "fleet-ne.png")
            assert (IMAGES / "fleet-ne.png").stat().st_size < TOO_LARGE


@pytest.mark.parametrize("language", SAID)
def test_the_script_says_what_the_page_tells_it_to(
    opened: Callable[..., Page], language: str
) -> None:
    page = opened("fleet", locale=language, viewport=WIDE)
    said = page.locator("[data-say]").evaluate_all("all => all.map((one) => one.dataset.say)")
    assert set(SAID[language]) <= set(said)
    pause = page.locator("#fleet-pause")
    expect(pause).to_have_text({"de": "Anhalten", "ne": "रोक्नुहोस्"}[language])
    pause.click()
    expect(page.locator("#fleet-state")).to_have_text(
        {"de": "Angehalten.", "ne": "रोकिएको छ।"}[language]
    )
    page.route("**/fleet/", lambda route: route.fulfill(status=503, body="away"))
    pause.click()
    text = {"de": "Nächster Versuch in 30 s", "ne": "30 सेकेन्डमा फेरि प्रयास हुनेछ"}[language]
    expect(page.locator("#fleet-alert")).to_contain_text(text)
