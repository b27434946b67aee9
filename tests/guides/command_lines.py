"""The ``python manage.py`` lines of a page, run in this process against the test's own tables."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from django.core.management import ManagementUtility

MANAGE = ["python", "manage.py"]


class Ran(NamedTuple):
    """A line, its exit code, and what it printed."""

    line: str
    code: int
    printed: str


def run(text: str, meaning: Mapping[str, str]) -> list[Ran]:
    """Run each line of a shell block; ``meaning`` says what stands for a text of the page."""
    for shown, meant in meaning.items():
        text = text.replace(shown, meant)
    return [_run(line) for line in text.replace("\\\n", " ").splitlines()]


def _run(line: str) -> Ran:
    words = shlex.split(line, comments=True)
    given = b""
    if "<" in words:
        words, (_, name) = words[: words.index("<")], words[words.index("<") :]
        given = Path(name).read_bytes()
    assert words[:2] == MANAGE, f"no line of manage.py: {line}"
    printed, code = io.StringIO(), 0
    with (
        redirect_stdout(printed),
        redirect_stderr(printed),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(given))),
    ):
        try:
            ManagementUtility(words[1:]).execute()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ran(line, code, printed.getvalue())
