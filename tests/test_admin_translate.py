"""The page about translation, run as it stands."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import trans_real

import django_iot_ingest
from django_iot_ingest.fleet import kinds
from tests import walk
from tests.languages import LANGUAGES

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/how-to/translate.md"
BLOCKS = [(block.language, block.text) for block in walk.blocks(PAGE)]


def block(language: str, word: str) -> str:
    """Return the one block of a language that holds a word."""
    (found,) = (text for name, text in BLOCKS if name == language and word in text)
    return found


def run(script: str, folder: Path) -> None:
    """Run a block in a folder, with this interpreter and its Django, and nobody's settings."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(Path(django_iot_ingest.__path__[0]).parent)
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def host(tmp_path: Path, settings: Any, gettext_tools: None) -> Iterator[Path]:
    """Yield the folder of a project whose settings end as the page says."""
    names: dict[str, Any] = {"MIDDLEWARE": list(settings.MIDDLEWARE), "BASE_DIR": tmp_path}
    (tmp_path / "settings.py").write_text(block("python", "LOCALE_PATHS"))
    names = runpy.run_path(str(tmp_path / "settings.py"), names)
    for name in ("MIDDLEWARE", "LANGUAGES", "LOCALE_PATHS"):
        setattr(settings, name, names[name])
    yield tmp_path
    settings.LOCALE_PATHS = []
    forget()


def forget() -> None:
    """Let Django read its catalogues again."""
    trans_real._translations.clear()
    trans_real._default = None


def test_every_block_is_run_here_or_with_the_catalogues() -> None:
    assert [name for name, _ in BLOCKS] == ["python", "po", "bash", "bash", "bash", "bash"]


def test_a_host_replaces_texts(host: Path) -> None:
    text = block("po", "Bitte")
    name = text.splitlines()[0].removeprefix("# ")
    (host / name).parent.mkdir(parents=True)
    (host / name).write_text(text)
    run(compiling(), host)
    forget()
    with translation.override("de"):
        assert translation.gettext("Needs a person") == "Bitte kümmern"
        assert str(kinds.STATIONS["silent"]) == "still"
        assert str(kinds.STATIONS["maintenance"]) == "in Wartung", "all else is the package's"


def test_a_host_adds_a_language(host: Path) -> None:
    run(block("bash", "msgfilter"), host)
    catalogue = host / "locale/fr/LC_MESSAGES/django.po"
    empty = catalogue.read_text()
    assert empty.count('msgid "') > 300
    assert not re.findall(r'^msgstr.* ".+"$', empty.split("\n\n", 1)[1], re.MULTILINE)
    catalogue.write_text(
        empty.replace("Language: de", "Language: fr").replace(
            'msgid "Needs a person"\nmsgstr ""', 'msgid "Needs a person"\nmsgstr "À voir"'
        )
    )
    run(compiling(), host)
    forget()
    with translation.override("fr"):
        assert translation.gettext("Needs a person") == "À voir"
        assert translation.gettext("The last hour") == "The last hour"


def compiling() -> str:
    """Return the block that compiles a host's catalogues."""
    blocks = [text for _, text in BLOCKS if text == "django-admin compilemessages\n"]
    assert len(blocks) == 1
    return blocks[0]


@pytest.mark.django_db
def test_the_browsers_language_counts(host: Path, client: Any) -> None:
    with translation.override("en"):
        for language in (*LANGUAGES, "en"):
            html = client.get("/admin/login/", headers={"Accept-Language": language})
            assert f'<html lang="{language}"' in html.content.decode()


def test_the_page_names_the_languages_that_are_there() -> None:
    folder = Path(django_iot_ingest.__path__[0]) / "locale"
    assert {path.name for path in folder.iterdir()} == set(LANGUAGES)
    first = PAGE.read_text().split("\n## ")[0]
    assert set(re.findall(r"\(`(\w+)`\)", first)) == set(LANGUAGES)


def test_the_example_takes_its_language_from_the_environment(tmp_path: Path) -> None:
    for given, expected in (("ne", "ne"), ("", "en-us")):
        environment = {**os.environ, "LANGUAGE_CODE": given}
        environment |= dict.fromkeys(
            ("SECRET_KEY", "IOT_SYSTEM_SIGNATURE_SECRET"), "0123456789" * 5
        )
        environment["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "example_project"), *sys.path])
        command = [
            sys.executable,
            "-c",
            "from django.conf import settings as s; print(s.LANGUAGE_CODE)",
        ]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
