"""The catalogues of texts: each has every text, once, with the same placeholders, and is compiled."""

from __future__ import annotations

import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.languages import LANGUAGES, LOCALE, bare, catalogue
from tests.test_admin_translate import block, run

pytestmark = pytest.mark.once

SOURCE = Path(__file__).resolve().parent.parent / "src" / "django_iot_ingest"

SAME = {
    "de": {
        *("Body", "Code", "ID", "IMEI", "Minute", "Name", "Station", "Status", "offline", "online"),
        *("%(count)s ms", "%(decision)s: %(outcome)s", "%(level)s %%", "%(lowest)s / %(mean)s %%"),
    },
    "ne": {"ID", "IMEI", "%(decision)s: %(outcome)s"},
}
"""Texts that a language has in common with English."""

PLACE = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}|</?\w+>")


@pytest.fixture(scope="module")
def fresh(gettext_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the catalogues of a copy, after what the page for contributors says was done there."""
    copy = tmp_path_factory.mktemp("texts")
    package = copy / "src" / "django_iot_ingest"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    run(block("bash", "makemessages"), copy)
    run(block("bash", "src/django_iot_ingest\ndjango-admin compilemessages"), copy)
    return package / "locale"


def entries(path: Path) -> list[str]:
    """Return the entries of a catalogue without comments, and without its header, which has dates."""
    text = re.sub(r"^#[^~].*\n", "", path.read_text(), flags=re.MULTILINE)
    return text.strip().split("\n\n")[1:]


def po(folder: Path, language: str) -> Path:
    return folder / language / "LC_MESSAGES" / "django.po"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_package_is_in_the_catalogue_and_no_other(
    fresh: Path, language: str
) -> None:
    """Whoever changes a text runs makemessages: that would change nothing now."""
    assert entries(po(fresh, language)) == entries(po(SOURCE / "locale", language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_fuzzy_obsolete_or_left_out(language: str) -> None:
    text = po(SOURCE / "locale", language).read_text()
    assert "fuzzy" not in text and "#~" not in text
    for entry in entries(po(SOURCE / "locale", language)):
        texts = re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', entry, re.MULTILINE)
        assert texts and all(texts), entry


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_there(fresh: Path, language: str) -> None:
    """Compared by what is in them: versions of msgfmt differ in a file's bytes."""
    assert catalogue(language, fresh) == catalogue(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_msgfmt_has_nothing_to_say(gettext_tools: None, language: str) -> None:
    path = po(SOURCE / "locale", language)
    command = ["msgfmt", "--check", "--output-file=/dev/null", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_is_compiled(language: str) -> None:
    """Also where there is no msgfmt: whoever changes one has to compile it."""
    written = {
        text.replace('\\"', '"').replace("\\\\", "\\")
        for entry in entries(po(SOURCE / "locale", language))
        for text in re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', entry, re.MULTILINE)
    }
    assert written == set(catalogue(language).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_of_its_text(language: str) -> None:
    texts = catalogue(language)
    for key, text in texts.items():
        # A plural's own msgid is not in the compiled file; both forms have the places of the first.
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(bare(key))), text
        assert text[:1].isspace() == bare(key)[:1].isspace()
    assert {bare(key) for key, text in texts.items() if text == bare(key)} == SAME[language]


def test_nepali_is_written_in_devanagari() -> None:
    letters = re.compile("[\u0900-\u097f]")
    for key, text in catalogue("ne").items():
        has_words = re.search("[a-z]{2}", PLACE.sub("", bare(key)))
        assert letters.search(text) or not has_words, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_and_many_are_told_apart_by_number(language: str) -> None:
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        texts = gettext.GNUTranslations(file)
    one, many = (
        texts.ngettext("%(count)s event waits now.", "%(count)s events wait now.", count)
        for count in (1, 2)
    )
    none = texts.ngettext("%(count)s event waits now.", "%(count)s events wait now.", 0)
    assert one != many == none
