"""Every page in Nepali and in German; and what no language changes."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as project
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from django.utils.translation import trans_real

import django_iot_ingest
from django_iot_ingest import event_types, logs, refusals
from django_iot_ingest.admin import IngestEventAdmin, filters, spans
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_station_slot_model
from django_iot_ingest.events import WarningCode
from django_iot_ingest.fleet import charts, kinds, stations
from django_iot_ingest.models import IngestEvent, RefusalCount, RefusedRequest, StationStatusChange
from tests.gateway import Gateway
from tests.languages import (
    CONTEXT,
    LANGUAGES,
    LONG,
    Attributes,
    Pieces,
    bare,
    catalogue,
    live,
    pages,
    parts,
)
from tests.lively import report
from tests.operators import Page, superuser, url
from tests.payloads import STATION, returned, status

pytestmark = [pytest.mark.once, pytest.mark.django_db]

LOCALE_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"


@pytest.fixture
def chief(db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    live(Gateway.with_admin(), monkeypatch)
    return superuser()


@pytest.fixture
def spoken(chief: Client, settings: Any) -> Iterator[Callable[[str], dict[str, str]]]:
    """Return a function that asks for every page as a browser of some language does."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOCALE_MIDDLEWARE]
    settings.USE_THOUSAND_SEPARATOR = True

    def ask(language: str) -> dict[str, str]:
        chief.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        return pages(chief)

    with translation.override("en"):
        yield ask


def test_no_english_text_is_left_where_there_is_another(
    spoken: Callable[[str], dict[str, str]],
) -> None:
    """Of each msgid that an English page says nothing is left on the same page in German."""
    english = {name: parts(html) for name, html in spoken("en").items()}
    # “Filter” is a German word of Django's own, and a button of ours with another.
    data = {*event_types.names(), *map(str.capitalize, names_of_host()), "Filter"}
    for language in LANGUAGES:
        texts = {key: text for key, text in catalogue(language).items() if bare(key) != text}
        wanted = re.compile("|".join(f"(?:{pattern(bare(key))})" for key in texts))
        marked = {part for part in set().union(*english.values()) if wanted.fullmatch(part)}
        for name, html in spoken(language).items():
            assert Pieces(html).languages[:1] in ([language], []), name
            said = english[name] & marked
            left = (said & parts(html)) - data
            assert not {text for text in left if not is_same(text, texts)}, (language, name)
            assert said or name == "index", name


def pattern(msgid: str) -> str:
    """Return the expression for what a msgid says, whatever its numbers and names are."""
    text = re.escape(msgid.strip()).replace("%%", "%")
    return re.sub(r"%\\\(\w+\\\)[sd]", r"\\S+", text)


def is_same(text: str, texts: dict[Any, str]) -> bool:
    """Return whether a text is what the catalogue makes of one of its msgids."""
    return any(re.fullmatch(pattern(said), text) for said in texts.values())


DATA = re.compile(
    r"[0-9a-f]{32,64}|[A-Z_]+|[A-Z]\w*(-[A-Z]\w+)+|RuntimeError|chief|gateway@example\.com|"
    r"True|False|Search|"
    + "|".join([*event_types.names(), *IngestEvent.State.values, *map(str, WarningCode)])
)
"""Words that are the same in every language: digests, codes, headers, users, event types, the states
in a row's own name; and what Django has not marked."""


class Marked(NullTranslations):
    """Put every text that was marked into brackets."""

    def language(self) -> str:
        return "ne"

    to_language = language

    def gettext(self, message: str) -> str:
        return f"⟦{message.rpartition(CONTEXT)[2]}⟧"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


def test_every_text_was_marked(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not in brackets is a name, a code, a number or the host's."""
    monkeypatch.setitem(trans_real._translations, "ne", Marked())
    with translation.override("ne"):
        found = pages(chief)
    hosts = names_of_host()
    unmarked = {
        (name, rest)
        for name, html in found.items()
        for piece in Pieces(html)
        if (rest := unmarked_words(piece)) and rest.lower() not in hosts
    }
    assert unmarked == set()


def names_of_host() -> set[str]:
    """Return the words by which the host's app, its models and their columns are named."""
    app = apps.get_app_config(project.TEST_HOST)
    names = {app.verbose_name}
    for model in app.get_models():
        names |= {field.verbose_name for field in model._meta.fields}
        names |= {model._meta.verbose_name, model._meta.verbose_name_plural}
    return {str(name).lower() for name in names}


def unmarked_words(piece: str) -> str:
    """Return what is left of a piece without what is in brackets, and without data."""
    before = ""
    while before != piece:
        before, piece = piece, re.sub(r"⟦[^⟦⟧]*⟧|\{.*\}|New station", "", piece)
    words = [word.strip(":,.()") for word in piece.split()]
    return " ".join(
        word for word in words if re.search(r"[A-Za-z]{2}", word) and not DATA.fullmatch(word)
    )


def test_no_language_changes_what_is_for_machines(
    spoken: Callable[[str], dict[str, str]], settings: Any
) -> None:
    """Addresses, ids, values and the numbers of drawings: no separator, no comma, no translation.

    In whatever order: Django sorts apps by their translated names.
    """
    settings.USE_THOUSAND_SEPARATOR = False
    english = {name: Counter(Attributes(html).found) for name, html in spoken("en").items()}
    settings.USE_THOUSAND_SEPARATOR = True
    german = spoken("de")
    for name, html in german.items():
        found = Counter(Attributes(html).found)
        assert (found - english[name], english[name] - found) == ({}, {}), name
    assert "1.234.567" in german["fleet"], "a number for people"
    for name in ("found", "list IngestEvent", "apply"):
        assert f">{LONG}</a>" in german[name], "an id as the search takes it"


# What operators do


def test_a_decision_is_stored_in_english_and_shown_in_any_language(
    chief: Client, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOCALE_MIDDLEWARE]
    rows = IngestEvent.objects.filter(state="failed").order_by("pk")
    one, other = rows[0], rows[1]
    with translation.override("en"):
        told = [decide(chief, "ne", [one.pk]), decide(chief, "de", [other.pk])]
        page = {language: read(chief, one, language) for language in (*LANGUAGES, "en")}
    assert "1 घटना मृत भयो।" in told[0] and "1 Ereignis ist tot." in told[1]
    stored = LogEntry.objects.values_list("change_message", flat=True)
    assert set(stored) == {"Mark dead: dead"}
    assert "Als tot markieren: tot" in page["de"]
    assert "मृत चिन्ह लगाउनुहोस्: मृत" in page["ne"]
    assert "Mark dead: dead" in page["en"]


def test_what_others_have_logged_is_shown_as_it_is(chief: Client) -> None:
    row = IngestEvent.objects.get(state="dead")
    user = get_user_model().objects.get(username="chief")
    LogEntry.objects.log_actions(user.pk, [row], 2, "Called the shop.", single_object=True)
    assert "Called the shop." in read(chief, row, "de")


def test_several_are_told_in_the_plural(chief: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOCALE_MIDDLEWARE]
    ids = list(IngestEvent.objects.filter(state="failed").values_list("pk", flat=True)[:2])
    with translation.override("en"):
        assert "2 Ereignisse sind tot." in decide(chief, "de", ids)


def decide(client: Client, language: str, ids: list[int]) -> str:
    """Mark events dead, and return the text of the page that follows."""
    headers = {"Accept-Language": language}
    data = {"event": ids}
    return Page.of(client.post(url(IngestEvent, "bury"), data, follow=True, headers=headers)).text


def read(client: Client, row: IngestEvent, language: str) -> str:
    address = url(IngestEvent, "change", row.pk)
    return Page.of(client.get(address, headers={"Accept-Language": language})).text


def test_names_choices_and_actions_are_lazy() -> None:
    """What was read at import would stay in the language of that moment."""
    said = {}
    for language in ("en", *LANGUAGES):
        with translation.override(language):
            said[language] = {
                *map(str, IngestEvent.State.labels),
                *map(str, get_station_model().Status.labels),
                *map(str, kinds.STATIONS.values()),
                *map(str, kinds.BANKS.values()),
                *map(str, stations.SORTS.values()),
                *(str(text) for _, text in filters.SPANS.values()),
                str(IngestEventAdmin.apply_again.short_description),  # type: ignore[attr-defined]
                str(IngestEventAdmin.mark_dead.short_description),  # type: ignore[attr-defined]
                *(
                    str(field.verbose_name)
                    for field in IngestEvent._meta.fields
                    if field.name != "dedup_key"
                ),
                str(IngestEvent._meta.verbose_name_plural),
                str(apps.get_app_config("django_iot_ingest").verbose_name),
            }
    assert said["en"] & said["ne"] == {"ID"}
    assert said["en"] & said["de"] == {"ID", "online", "offline"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_spans_of_time_are_told_in_words(language: str) -> None:
    told = {
        "de": ["0 Sekunden", "1 Sekunde", "1 Minute", "2 Stunden, 5 Minuten", "1 Jahr, 1 Monat"],
        "ne": ["0 सेकेन्ड", "1 सेकेन्ड", "1 मिनेट", "2 घण्टा, 5 मिनेट", "1 वर्ष, 1 महिना"],
    }
    with translation.override(language):
        words = [spans.in_words(seconds) for seconds in (0, 1, 60, 7500, 34_300_000)]
    # Django's own comma between two of them has a blank after it in some languages only.
    assert [re.sub(r", ?", ", ", each) for each in words] == told[language]


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    with translation.override("de"):
        assert [charts.figure(number) for number in (0.5, 12.25, 1234.5)] == ["0,5", "12,2", "1234"]
    assert [charts.figure(number) for number in (0.5, 12.25, 1234.5)] == ["0.5", "12.2", "1234"]


# What no language changes


def test_answers_logs_and_rows_are_the_same_in_every_language(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway.with_admin()
    at = time.time()
    english = traffic(gateway, at, caplog)
    for language in LANGUAGES:
        settings.LANGUAGE_CODE = language
        settings.USE_THOUSAND_SEPARATOR = True
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOCALE_MIDDLEWARE]
        with translation.override(language):
            assert traffic(gateway, at, caplog, HTTP_ACCEPT_LANGUAGE=language) == english


def traffic(
    gateway: Gateway, at: float, caplog: pytest.LogCaptureFixture, **headers: str
) -> dict[str, Any]:
    """Return what is answered, logged and stored of a few requests, and forget the rows."""
    caplog.clear()
    logs.throttle.clear()
    odd = {"type": "status", "device": {"serial_number": "?", "status": 7}}
    answers = [
        gateway.post(report(STATION, at=at), **headers),
        gateway.post(report(STATION, at=at - 60), **headers),
        gateway.post(status("OFFLINE"), **headers),
        gateway.post(returned("99999999"), **headers),
        gateway.post(odd, **headers),
        gateway.post(status(), secret="another-secret-of-somebody-0123456789", **headers),
        gateway.post(status(), timestamp=int(at) - 900, **headers),
    ]
    reasons = {reason for _, reason in refusals.tally.unstored()}
    reasons |= set(RefusalCount.objects.values_list("reason", flat=True))
    refusals.tally.clear()
    found = {
        "answers": [(answer.status_code, steady(answer.content.decode())) for answer in answers],
        "logs": [steady(record.getMessage()) for record in caplog.records],
        "events": list(
            IngestEvent.objects.order_by("pk").values_list(
                "event_type", "state", "last_error_code", "device_serial"
            )
        ),
        "changes": list(
            StationStatusChange.objects.order_by("pk").values_list(
                "from_status", "to_status", "trigger"
            )
        ),
        "refused": list(RefusedRequest.objects.order_by("pk").values_list("reason", flat=True)),
        "counted": sorted(reasons),
        "stations": list(get_station_model().objects.values_list("status", flat=True)),
        "slots": list(get_station_slot_model().objects.values_list("status", flat=True)),
    }
    models = (IngestEvent, StationStatusChange, RefusedRequest, RefusalCount)
    hosts = (get_power_bank_model(), get_station_slot_model(), get_station_model())
    for model in (*models, *hosts):
        model._default_manager.all().delete()
    return found


def steady(text: str) -> str:
    """Return a text without what differs from one request to the next."""
    text = re.sub(r"[0-9a-f]{32}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.+]+", "TIME", text)
    return re.sub(r'(?<![\w.-])"?\d{1,10}"?(?![\w.])', "N", text)


def test_permissions_are_stored_in_english() -> None:
    """They are rows, made once, in whatever language that is done."""
    Permission.objects.filter(content_type__app_label="django_iot_ingest").delete()
    with translation.override("ne"):
        create_permissions(apps.get_app_config("django_iot_ingest"), verbosity=0)
    names = Permission.objects.filter(content_type__app_label="django_iot_ingest")
    assert all(name.isascii() for name in names.values_list("name", flat=True))
    assert names.filter(name="Can mark ingest events dead").exists()


@pytest.mark.parametrize("language", ["en", "en-us", "ar", *LANGUAGES])
def test_no_language_asks_for_a_migration(language: str, settings: Any) -> None:
    settings.LANGUAGE_CODE = language
    with translation.override(language):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_migrations_hold_english() -> None:
    folder = Path(django_iot_ingest.__path__[0]) / "migrations"
    texts = "".join(path.read_text() for path in folder.glob("0*.py"))
    assert texts and "gettext" not in texts
    assert texts.replace("“", "").replace("”", "").isascii()
