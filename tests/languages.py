"""Pages as a reader of some language meets them: what is said on them, piece by piece."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import django_iot_ingest
from django_iot_ingest.admin import refused
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_station_slot_model
from django_iot_ingest.fleet.page import REFRESH, FleetAdmin
from django_iot_ingest.models import (
    Fleet,
    IngestEvent,
    RefusalCount,
    RefusedRequest,
    StationStatusChange,
)
from tests import lively
from tests.gateway import Gateway
from tests.operators import event, url

LOCALE = Path(django_iot_ingest.__path__[0]) / "locale"

LANGUAGES = ("de", "ne")

SPOKEN = ("title", "aria-label", "alt", "placeholder", "data-filter-title")
"""Attributes that people read or hear; so are ours that hold texts for the script."""

OF_THE_SCRIPT = (
    "data-pause",
    "data-resume",
    "data-every",
    "data-paused",
    "data-failed",
    "data-gone",
)

CONTEXT = "\x04"

LONG = 1_234_567
"""A number that no language writes as machines do, if a project asks for separators."""


def catalogue(language: str, folder: Path = LOCALE) -> dict[Any, str]:
    """Return the compiled texts of a language by msgid, or by msgid and number for plurals."""
    with (folder / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        texts: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {msgid: text for msgid, text in texts.items() if msgid}


def bare(key: Any) -> str:
    """Return a msgid without its context and its number."""
    msgid: str = key[0] if isinstance(key, tuple) else key
    return msgid.rpartition(CONTEXT)[2]


class Attributes(HTMLParser):
    """The tags of a page, each with what of it no language may change."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        told = {*SPOKEN, *OF_THE_SCRIPT, "data-say", "lang"}
        if found.get("type") == "submit" or found.get("name") == "csrfmiddlewaretoken":
            told.add("value")
        kept = tuple((name, value) for name, value in attrs if name not in told)
        self.found.append((tag, kept))


class Pieces(HTMLParser):
    """Texts and spoken attributes of a page, in the language of the page alone."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.languages: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = {name: value or "" for name, value in attrs}
        if "lang" in found:
            self.languages.append(found["lang"])
        names = [*SPOKEN, *OF_THE_SCRIPT, "data-say"]
        if tag == "input" and found.get("type") in ("submit", "button", "reset"):
            names.append("value")
        self.found += [found[name] for name in names if name in found]
        is_other = tag != "html" and "lang" in found
        self._open.append((tag, tag in ("script", "style", "code", "pre") or is_other))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(is_left_out for _, is_left_out in self._open):
            self.found.append(data)

    def __iter__(self) -> Iterator[str]:
        """Yield each piece, with single blanks."""
        return filter(None, (" ".join(piece.split()) for piece in self.found))


def parts(html: str) -> set[str]:
    """Return the pieces of a page, and what they are made of: sentences, and what ends in a colon."""
    found = set()
    for piece in Pieces(html):
        found |= {piece, piece.removesuffix(":"), *re.split(r"(?<=[.:;।]) ", piece)}
        found |= {part.strip(" :;,()") for part in re.split(r"[:;,()] ?", piece)}
    return found - {""}


def live(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be something of everything that a page can show, and numbers that are long.

    The fleet's numbers are read once, so that a page is the same whenever it is asked for.
    """
    monkeypatch.setattr(FleetAdmin, "kept_seconds", 3600)
    monkeypatch.setattr(refused, "PAGE_TRIES", 100)
    lively.tell(gateway, monkeypatch)
    lively.fill_the_hour()
    event(pk=LONG, state="failed", attempts=4321, device_serial=lively.BROKEN)
    RefusalCount.objects.create(minute=timezone.now(), reason="IP_NOT_ALLOWED", count=LONG)
    banks = get_power_bank_model()._default_manager
    absent = banks.filter(current_slot__isnull=False).latest("pk")
    banks.filter(pk=absent.pk).update(current_slot=None, absent_since=absent.located_at)
    slots = get_station_slot_model()._default_manager
    slots.filter(station__serial_number=lively.RESTING, slot_number=1).update(out_of_service=True)


def pages(client: Client) -> dict[str, str]:
    """Return the pages of the plugin, and of the host's three models, by a name."""
    return {name: _html(response) for name, response in _responses(client)}


def _html(response: Any) -> str:
    assert response.status_code == 200, response
    html: str = response.content.decode()
    return html


def _responses(client: Client) -> Iterator[tuple[str, Any]]:
    station, bank, slot = get_station_model(), get_power_bank_model(), get_station_slot_model()
    yield "index", client.get(reverse("admin:index"))
    yield "fleet", client.get(url(Fleet), {"q": "8600"})
    yield "none", client.get(url(Fleet), {"q": "nobody"})
    yield "refresh", client.get(url(Fleet), headers={REFRESH: "1"})
    for model in (IngestEvent, StationStatusChange, RefusedRequest, station, slot, bank):
        yield f"list {model.__name__}", client.get(url(model))
    yield "found", client.get(url(IngestEvent), {"q": str(LONG)})
    yield "searched", client.get(url(IngestEvent), {"device_serial": lively.QUIET})
    for row in _rows():
        yield f"{type(row).__name__} {row.pk}", client.get(url(type(row), "change", row.pk))
    dead = IngestEvent.objects.get(state="dead")
    for verdict in ("apply", "bury"):
        yield verdict, client.get(url(IngestEvent, verdict), {"event": [dead.pk, LONG]})
    # Nothing that changes anything: each language sees the same.
    yield "told", client.post(url(IngestEvent, "bury"), follow=True)
    wrong = {"serial_number": "no such", "imei": "no such"}
    yield "wrong", client.post(url(station, "add"), wrong)


def _rows() -> Iterator[Any]:
    stations = get_station_model()._default_manager
    yield from stations.filter(serial_number__in=(lively.BROKEN, lively.MUTE))
    banks = get_power_bank_model()._default_manager
    yield banks.filter(status="RENTED")[0]
    yield banks.filter(missing_since__isnull=False)[0]
    yield banks.filter(current_slot__isnull=False)[0]
    yield banks.filter(absent_since__isnull=False, current_station__isnull=False)[0]
    yield get_station_slot_model()._default_manager.filter(status="ERROR")[0]
    yield IngestEvent.objects.get(pk=LONG)
    for state in ("applied", "dead", "deferred", "refused"):
        yield IngestEvent.objects.filter(state=state).earliest("pk")
    yield IngestEvent.objects.filter(result__icontains="contradictory")[0]
    yield StationStatusChange.objects.latest("pk")
    yield RefusedRequest.objects.earliest("pk")
