"""CONTRIBUTING.md: what it names is there. Its commands run this very suite, so none is run by it."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.walk import ROOT, blocks

PAGE = ROOT / "CONTRIBUTING.md"

pytestmark = [pytest.mark.once, pytest.mark.whole]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the page: the program and its words, without variables before it."""
    for block in blocks(PAGE):
        if block.language != "console":
            continue
        for line in block.text.splitlines():
            for part in line.partition("#")[0].split(";"):
                words = shlex.split(part)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    del words[0]
                if words:
                    yield words[0], words[1:]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_target_of_make_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [word for program, words in commands() if program == "make" for word in words]
    assert {"lint", "test"} <= set(targets)
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_tool_is_there() -> None:
    """Of the tools those are, that ``make`` puts into its environment; modules are in the repository."""
    groups = project()["dependency-groups"]
    included = [one["include-group"] for one in groups["dev"] if isinstance(one, dict)]
    wanted = [one for name in ("dev", *included) for one in groups[name] if isinstance(one, str)]
    names = {re.split(r"[^\w-]", one)[0] for one in wanted} | {"python", "make", "git"}
    tools = {program.removeprefix(".venv/bin/") for program, _ in commands()}
    assert {"pytest", "tox"} <= tools <= names
    modules = [rest[rest.index("-m") + 1] for _, rest in commands() if "-m" in rest]
    assert [name for name in modules if find_spec(name) is None] == []


def test_every_file_and_every_environment_is_there() -> None:
    words = [word for program, rest in commands() if program != "make" for word in rest]
    files = [word for word in words if word.startswith("tests/")]
    cells = [word for word in words if re.fullmatch(r"py3\d+-django\d+", word)]
    assert files and cells
    assert [name for name in files if not (ROOT / name).exists()] == []
    tox = (ROOT / "tox.ini").read_text()
    for cell in cells:
        python, _, django = cell.partition("-django")
        assert re.search(rf"{python}-django\S*{django}|{python}-django{{.*{django}.*}}", tox), cell
