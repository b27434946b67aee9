"""``clients/javascript/sender.mjs`` in a page of the host's own origin: it signs, and it posts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from django_iot_ingest.models import IngestEvent
from tests import leaks
from tests.gateway import URL, Gateway
from tests.payloads import SECRET, encode, full, status
from tests.security import vectors

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

FILE = Path(__file__).resolve().parents[2] / "clients" / "javascript" / "sender.mjs"
STATION = "860000000000088"

SIGN = """async (vectors) => {
  const { sign } = await import("/sender.mjs");
  const utf8 = (text) => new TextEncoder().encode(text);
  return Promise.all(vectors.map((one) => sign(utf8(one.body), one.timestamp, one.secret)));
}"""

DELIVER = """async ([url, secret, token, bodies]) => {
  const { Sender } = await import("/sender.mjs");
  const sender = new Sender(url, secret, token), delivered = [];
  for (const body of bodies) delivered.push(await sender.deliver(new TextEncoder().encode(body)));
  return delivered;
}"""


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Return an empty page of the host's origin, where the sender is served as a file."""
    context = browser.new_context()
    page = context.new_page()
    page.route("**/sender.html", lambda route: route.fulfill(body="", content_type="text/html"))
    page.route(
        "**/sender.mjs",
        lambda route: route.fulfill(body=FILE.read_text(), content_type="text/javascript"),
    )
    page.goto(f"{live_server.url}/sender.html")
    yield page
    context.close()


def test_a_page_signs_every_vector(page: Page) -> None:
    known = vectors.read("vectors")
    assert page.evaluate(SIGN, known) == [vector["signature"] for vector in known]


def test_a_page_delivers_events(page: Page, live_server: LiveServer) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    token = Gateway.with_admin().token
    leaks.are_sensitive(token, SECRET)
    bodies = [encode(full([], [], serial=STATION)), encode(status(serial=STATION)), b"{}"]
    arguments = [live_server.url + URL, SECRET, token, [body.decode() for body in bodies]]
    assert page.evaluate(DELIVER, arguments) == [True, True, False]
    assert [line for line in said if line[:3].isdigit()] == [
        "200 applied",
        "200 applied",
        "400 UNKNOWN_TYPE",
    ]
    rows = IngestEvent.objects.filter(device_serial=STATION).order_by("pk")
    assert [(row.event_type, row.state) for row in rows] == [
        ("full", "applied"),
        ("status", "applied"),
    ]


def test_a_page_follows_no_redirect(page: Page, live_server: LiveServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    moved = {"status": 307, "headers": {"Location": "/elsewhere"}}
    page.route(f"**{URL}", lambda route: route.fulfill(**moved))
    url = live_server.url + URL
    assert page.evaluate(DELIVER, [url, SECRET, "token", [json.dumps(status())]]) == [False]
    assert asked == [f"{live_server.url}/sender.mjs", url]
