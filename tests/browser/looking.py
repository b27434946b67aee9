"""What is looked at in a page: where it is, what axe finds, what is too wide, what has no name."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page

from django_iot_ingest.conf import get_station_model
from django_iot_ingest.models import IngestEvent
from tests.lively import BROKEN

NAMES = ("fleet", "station", "inbox", "event")

LOOKED_AT = {"exclude": [["#searchbar"]]}
"""All but the one control of Django's whose label is an image with a text: axe wants the text seen."""


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


def faults(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds that is serious or critical, with the elements."""
    found = Axe().run(page, context=LOOKED_AT).response["violations"]
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


def wider_than_the_window(page: Page) -> list[Any]:
    """Return by how many pixels a page scrolls sideways, and what reaches out; nothing if it does not."""
    found: list[Any] = page.evaluate(
        """() => {
            const inside = document.documentElement.clientWidth;
            const wide = [...document.querySelectorAll("main *")].filter(
                (one) => one.getBoundingClientRect().right > inside + 1);
            return [document.documentElement.scrollWidth - inside,
                    wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
        }"""
    )
    return found if found[0] > 0 else []


def nameless(page: Page) -> list[str]:
    """Return the links and buttons that have no name."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main a[href], main button, main summary")]
            .filter((one) => !one.textContent.trim() && !one.getAttribute("aria-label")
                && !one.title && !one.querySelector("img[alt], title"))
            .map((one) => one.outerHTML)"""
    )
    return found
