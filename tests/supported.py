"""What we say we run on: the one reading of pyproject.toml and tox.ini that tests share."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

FACTOR = re.compile(r"\{([^}]*)\}")


class Cell(NamedTuple):
    """One cell of the matrix: the versions of Python and Django, such as ``3.12`` and ``6.0``."""

    python: str
    django: str

    @property
    def interpreter(self) -> str:
        """Return the command of its Python."""
        return f"python{self.python}"


def pyproject() -> dict:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tox() -> ConfigParser:
    """Return tox.ini, in which a ``%`` and a colon mean nothing."""
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def environments() -> list[str]:
    """Return the names of tox's ``env_list``, in its order."""
    lines = tox()["tox"]["env_list"].split("\n")
    return [name for line in lines for name in expanded(line.strip()) if name]


def expanded(text: str) -> Iterator[str]:
    """Yield the names that a line of tox.ini means: ``a{b, c}`` is ``ab`` and ``ac``."""
    braces = FACTOR.search(text)
    if braces is None:
        yield text
        return
    for factor in braces[1].split(","):
        yield from expanded(text[: braces.start()] + factor.strip() + text[braces.end() :])


def cells() -> list[Cell]:
    """Return the cells of the matrix, in tox's order."""
    found = (re.fullmatch(r"py(3)(\d+)-django(\d)(\d)", name) for name in environments())
    return [Cell(f"{m[1]}.{m[2]}", f"{m[3]}.{m[4]}") for m in found if m]
