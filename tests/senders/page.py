"""The generated parts of ``docs/how-to/senders.md``: what each sender prints before the example host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.observability import fenced, on_page, written
from tests.senders.languages import LANGUAGES, ROOT
from tests.senders.scenarios import Lived

PAGE = ROOT / "docs" / "how-to" / "senders.md"

SHOWN = {
    "full": ("an applied snapshot", "full.json"),
    "expired": ("a 401", "full.json"),
    "trouble": ("a 503", "full.json"),
    "lost": ("a lost answer", "returned.json"),
}
"""Scenarios that the page shows: what they are about, and which file is sent."""


def transcript(shown: str, lived: Mapping[str, Lived]) -> str:
    """Return what one sender printed, each time below its command."""
    lines = []
    for name, (about, file) in SHOWN.items():
        lines += [f"# {about}", f'$ {shown} "$URL" {file}', *lived[name].lines]
        lines += [f"$ echo $?\n{lived[name].code}"]
    return fenced("console", "\n".join(lines))


def parts(lived: Mapping[str, Mapping[str, Lived]]) -> dict[str, str]:
    """Return the parts of the page, by what each language's sender has lived through."""
    transcripts = [
        f"### {name}\n\n{transcript(LANGUAGES[name].shown, told)}\n" for name, told in lived.items()
    ]
    program = Path(__file__).with_name("with_httpx.py").read_text()
    return {
        "transcripts": "\n".join(["", *transcripts]),
        "httpx": fenced("python", program.strip()),
    }


def shown_of(text: str, language: str) -> str:
    """Return the transcript of a language that stands on the page."""
    _, _, rest = on_page(text, "transcripts").partition(f"### {language}\n\n")
    return rest.partition("\n\n### ")[0].strip("\n")


def renewed(text: str, made: Mapping[str, str]) -> str:
    """Return the page with its parts anew."""
    for name, part in made.items():
        text = written(text, name, part)
    return text
