"""A live server with a lively fleet, and a browser that is logged in there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from django_iot_ingest.fleet.page import FleetAdmin
from tests import lively
from tests.browser.looking import address
from tests.gateway import Gateway

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", "tests.browser.policy.strict_policy"]

LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ne", "नेपाली")]

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

# Playwright's own loop runs in the thread of the tests, where Django would take us for asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write docs/images/*.png")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the Chromium that is on PATH; where nothing may be left out it has to be there."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip("chromium is not on PATH")
    assert found is not None, "chromium is not on PATH"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def live_server(django_db_setup: None) -> Iterator[LiveServer]:
    """Serve every page under a strict Content-Security-Policy.

    The database is made first: one that still seems to be in memory would be shared by threads.
    """
    middleware = [*settings.MIDDLEWARE, *MIDDLEWARE]
    with override_settings(MIDDLEWARE=middleware, LANGUAGES=LANGUAGES):
        server = LiveServer("127.0.0.1")
        yield server
        server.stop()


@pytest.fixture
def gateway(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Return the gateway that has told of the lively fleet; numbers on the page are never old."""
    monkeypatch.setattr(FleetAdmin, "kept_seconds", 0)
    gateway = Gateway.with_admin()
    lively.tell(gateway, monkeypatch)
    return gateway


@pytest.fixture
def cookies(live_server: LiveServer, gateway: Gateway) -> list[Any]:
    """Return what a browser has that is logged in as the admin."""
    client = Client()
    client.force_login(get_user_model().objects.get(email="gateway@example.com"))
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    return [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}]


@pytest.fixture
def contexts(browser: Browser, cookies: list[Any]) -> Iterator[Any]:
    """Return a function that opens a logged-in context with options of its own."""
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"locale": "en-GB", **options})
        context.add_cookies(cookies)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


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
