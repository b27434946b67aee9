"""The fleet page refreshes by itself, and takes nothing away from whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from django_iot_ingest.conf import get_station_model
from django_iot_ingest.fleet.page import FleetAdmin
from django_iot_ingest.models import IngestEvent
from tests.gateway import Gateway
from tests.lively import QUIET, STATIONS, bank_of
from tests.payloads import returned, status

pytestmark = pytest.mark.once

PATH = "/admin/django_iot_ingest/fleet/"


@pytest.fixture
def page(
    contexts: Callable[..., Any], live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> Page:
    """Return the fleet page, which refreshes every second."""
    monkeypatch.setattr(FleetAdmin, "refresh_seconds", 1)
    page: Page = contexts(viewport={"width": 1000, "height": 700}).new_page()
    page.goto(live_server.url + PATH)
    return page


def defer(gateway: Gateway) -> None:
    """Let one more event wait, for a bank that nobody knows."""
    gateway.send(returned("77777777", serial=STATIONS[9]))


def count(page: Page, need: str) -> Any:
    return page.locator(f"#need-{need} .count")


def test_a_number_changes_and_focus_details_and_scrolling_stay(
    page: Page, gateway: Gateway
) -> None:
    page.locator("#chart-backlog-data summary").click()
    link = page.locator("#stations tbody a").first
    link.focus()
    place = "Math.round(document.activeElement.getBoundingClientRect().top)"
    page.evaluate(f"window.before = [document.activeElement, {place}]")
    expect(count(page, "deferred")).to_have_text("1")

    defer(gateway)

    expect(count(page, "deferred")).to_have_text("2", timeout=8000)
    assert page.evaluate("document.activeElement === before[0] && document.hasFocus()")
    assert page.evaluate(f"[{place}, 0 < before[1], before[1] < innerHeight]") == [
        page.evaluate("before[1]"),
        True,
        True,
    ], "what was in sight stays where it was"
    assert page.evaluate("document.getElementById('chart-backlog-data').open")
    assert not page.evaluate("document.getElementById('chart-events-data').open")


def test_only_what_changed_is_said_and_politely(page: Page, gateway: Gateway) -> None:
    said = page.locator("#fleet-said")
    assert said.get_attribute("role") == "status"
    expect(said).to_have_text("")
    defer(gateway)
    expect(said).to_have_text("2 deferred events", timeout=8000)


def test_a_station_that_comes_back_moves_and_a_new_one_comes(page: Page, gateway: Gateway) -> None:
    first = page.locator("#stations tbody tr").first
    expect(first).to_contain_text(QUIET)
    page.evaluate("window.row = document.querySelector('#stations tbody tr')")
    gateway.send(status("ONLINE", serial=QUIET))
    gateway.send(status("ONLINE", serial="860000000000099"))
    expect(page.locator("#stations tbody tr")).to_have_count(len(STATIONS) + 1, timeout=8000)
    expect(first).not_to_contain_text(QUIET)
    assert page.evaluate("row.isConnected && row.textContent.includes('online')")


def test_what_is_gone_goes(page: Page) -> None:
    get_station_model()._default_manager.filter(serial_number=QUIET).delete()
    expect(page.locator("#stations tbody tr")).to_have_count(len(STATIONS) - 1, timeout=8000)


def test_a_pause_is_a_pause_and_is_remembered(page: Page, gateway: Gateway) -> None:
    button = page.get_by_role("button", name="Pause")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fleet-state")).to_have_text("Paused.")
    defer(gateway)
    page.wait_for_timeout(3500)
    expect(count(page, "deferred")).to_have_text("1")

    page.reload()
    expect(page.locator("#fleet-state")).to_have_text("Paused.")
    defer_again = IngestEvent.objects.filter(state="deferred").count()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#fleet-state")).to_have_text("Refreshes every 1 s.")
    expect(count(page, "deferred")).to_have_text(str(defer_again), timeout=8000)


def test_nothing_changes_under_the_hands_of_its_user(page: Page, gateway: Gateway) -> None:
    defer(gateway)
    for _ in range(8):
        page.keyboard.press("Tab")
        page.wait_for_timeout(400)
        expect(count(page, "deferred")).to_have_text("1", timeout=1)
    expect(count(page, "deferred")).to_have_text("2", timeout=8000)


def test_marked_text_is_left_alone(page: Page, gateway: Gateway) -> None:
    page.evaluate("getSelection().selectAllChildren(document.getElementById('stations-title'))")
    defer(gateway)
    page.wait_for_timeout(3000)
    expect(count(page, "deferred")).to_have_text("1")
    page.evaluate("getSelection().removeAllRanges()")
    expect(count(page, "deferred")).to_have_text("2", timeout=8000)


def test_a_hidden_page_asks_for_nothing(page: Page, gateway: Gateway) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away !== false})")
    asked: list[str] = []
    page.wait_for_timeout(1500)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []
    defer(gateway)
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(count(page, "deferred")).to_have_text("2", timeout=8000)


def test_a_failure_is_said_and_tried_more_seldom(page: Page, gateway: Gateway) -> None:
    tries: list[int] = []

    def fail(route: Any) -> None:
        tries.append(len(tries))
        route.fulfill(status=503, body="away")

    page.route(f"**{PATH}", fail)
    alarm = page.locator("#fleet-alert")
    expect(alarm).to_contain_text("Could not refresh", timeout=5000)
    expect(alarm).to_contain_text("Next try in (s): 4", timeout=8000)
    assert len(tries) == 2
    expect(count(page, "deferred")).to_have_text("1")

    page.unroute(f"**{PATH}")
    defer(gateway)
    expect(count(page, "deferred")).to_have_text("2", timeout=9000)
    expect(alarm).to_be_hidden()


def test_who_is_logged_out_is_told_so_and_asks_no_more(page: Page) -> None:
    Session.objects.all().delete()
    expect(page.locator("#fleet-alert")).to_contain_text("logged out", timeout=8000)
    expect(page.locator("#stations tbody tr")).to_have_count(len(STATIONS))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []
    expect(page.locator("#fleet-pause")).to_be_hidden()


def test_what_was_asked_for_stays_asked_for(
    contexts: Callable[..., Any], live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FleetAdmin, "refresh_seconds", 1)
    page: Page = contexts().new_page()
    page.goto(f"{live_server.url}{PATH}?status=silent")
    expect(page.locator("#stations tbody tr")).to_have_count(2)
    page.get_by_label("Begins with").fill("86")
    with page.expect_response(lambda answer: PATH in answer.url, timeout=8000):
        pass
    page.wait_for_timeout(300)
    expect(page.locator("#stations tbody tr")).to_have_count(2)
    expect(page.get_by_label("Begins with")).to_have_value("86")


def test_without_javascript_everything_is_there(
    contexts: Callable[..., Any], live_server: LiveServer, gateway: Gateway
) -> None:
    page: Page = contexts(java_script_enabled=False).new_page()
    page.goto(live_server.url + PATH)
    expect(page.locator("#stations tbody tr")).to_have_count(len(STATIONS))
    expect(page.locator("svg[role=img] title")).to_have_count(4)
    expect(page.locator("#fleet-pause")).to_be_hidden()
    expect(page.locator("#fleet-alert")).to_be_hidden()
    page.locator("#chart-events-data summary").click()
    expect(page.locator("#chart-events-data table")).to_be_visible()
    defer(gateway)
    page.get_by_role("link", name="Refresh").click()
    expect(count(page, "deferred")).to_have_text("2")
    page.get_by_label("Status").select_option("silent")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#stations tbody tr")).to_have_count(2)


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()
    wanted = page.evaluate(
        """() => {
            const all = "a[href], button, select, input, summary, [tabindex='0']";
            const found = [...document.querySelectorAll("#fleet :is(" + all + ")")]
                .filter((one) => one.checkVisibility());
            found.forEach((one, place) => { one.dataset.place = place; });
            return found.length;
        }"""
    )
    page.locator("[data-place='0']").focus()
    reached = []
    for _ in range(wanted):
        reached.append(page.evaluate("Number(document.activeElement.dataset.place)"))
        page.keyboard.press("Tab")
    assert reached == list(range(wanted))
    assert wanted > 30


def test_a_focused_control_shows_it(page: Page) -> None:
    page.locator("#stations tbody a").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"


def test_texts_of_devices_stay_texts(page: Page, gateway: Gateway) -> None:
    evil = "<img src=x onerror=document.title='broken'>"
    get_station_model()._default_manager.filter(serial_number=QUIET).update(name=evil)
    defer(gateway)
    expect(count(page, "deferred")).to_have_text("2", timeout=8000)
    expect(page.locator("#stations tbody th").first).to_contain_text(evil)
    assert page.locator("#fleet-content img").count() == 0
    assert "broken" not in page.title()


def test_the_strip_tells_with_a_mouse_what_is_in_a_slot(page: Page) -> None:
    cell = page.locator(f"[title*='{bank_of(STATIONS[0], 1)}']")
    expect(cell).to_have_text("12")
    assert cell.locator("xpath=..").get_attribute("aria-hidden") == "true"
