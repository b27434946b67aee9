"""The how-to page shows what the senders print; after a change: ``python -m tests.senders --write``."""

from __future__ import annotations

import pytest

from tests.observability import on_page
from tests.senders import page
from tests.senders.conftest import Sender
from tests.senders.languages import CLIENTS, LANGUAGES
from tests.senders.test_vectors import KNOWN_ANSWER, VECTORS

pytestmark = [pytest.mark.once, pytest.mark.whole]


def test_a_transcript_is_what_the_sender_prints(sender: Sender) -> None:
    shown = page.shown_of(page.PAGE.read_text(), sender.name)
    assert shown == page.transcript(LANGUAGES[sender.name].shown, sender.lived)


def test_the_program_with_httpx_is_the_one_that_runs() -> None:
    assert on_page(page.PAGE.read_text(), "httpx") == page.parts({})["httpx"]


def test_the_readme_names_every_sender_and_how_it_is_run() -> None:
    readme = (CLIENTS / "README.md").read_text()
    for language in LANGUAGES.values():
        assert f"]({language.file})" in readme
        if "clients/" in language.shown:
            assert f"`{language.shown} URL FILE`" in readme


def test_the_readme_has_the_known_answer() -> None:
    readme = (CLIENTS / "README.md").read_text()
    for text in (KNOWN_ANSWER, *(VECTORS[0][name] for name in ("secret", "timestamp", "body"))):
        assert text in readme
