"""Do what a page of the docs says, block by block, in a folder of its own.

A block that begins with ``# a/path.py`` is a file; ``# a/path.py (add)`` is more of one. Shell blocks
are run by one bash. A block of ``text``, ``console`` or ``json`` behind a shell block is what that
printed, where ``…`` stands for anything. Any other block is an error: nobody would run it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.shell import Failed, Shell

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
PACKAGE = "django-iot-ingest"
SERVING = "## 6. A signed snapshot"
"""The tutorial's step that needs a server; before it the host is finished."""

OUTPUTS = ("console", "text", "json")
SHELLS = ("bash", "sh")

INSTALLING = re.compile(
    r"^(pip install|python3 -m venv|\. \.venv/bin/activate)\b.*\n", re.MULTILINE
)
"""Lines that an environment which has everything already leaves out."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_NAMED = re.compile(r"(?:#|--|//) (?P<path>[\w./-]+)(?P<more> \(add\))?\n")
_PORT = re.compile(r"\b80\d\d\b")


class Block(NamedTuple):
    """One fenced block: its language, its text, and the line of the page where it begins."""

    language: str
    text: str
    line: int

    @property
    def is_file(self) -> bool:
        """Return whether the first line names a file."""
        return self.language not in SHELLS and _NAMED.match(self.text) is not None


class Differs(AssertionError):
    """A page says something else than what happened."""


def blocks(page: Path, until: str = "") -> list[Block]:
    """Return the blocks of a page, up to the first line that is ``until``, if that is given."""
    text = page.read_text()
    text = text[: text.index(f"\n{until}\n")] if until else text
    return [
        Block(found["language"], found["text"], text.count("\n", 0, found.start()) + 1)
        for found in _FENCE.finditer(text)
    ]


def block(page: Path, first: str) -> str:
    """Return the text of the one block of a page whose first line is, or begins with, ``first``."""
    (found,) = [one.text for one in blocks(page) if one.text.startswith(first)]
    return found


class Walk:
    """One page in one folder.

    ``until`` is the line of the page before which it ends. With a ``wheel`` lines that install are run
    too, and take that file where the page names the package; without one they are left out, and the
    environment at hand serves. ``variables`` are put into the shell's environment.
    """

    def __init__(
        self,
        page: Path,
        folder: Path,
        *,
        until: str = "",
        wheel: Path | None = None,
        **variables: str,
    ) -> None:
        self.blocks = blocks(page, until)
        self.page = page
        self.folder = folder
        self.wheel = wheel
        self.environment = environment(is_new=wheel is not None) | variables
        self.ports: dict[str, str] = {}
        self.printed = ""

    def run(self) -> None:
        """Do every block; ``Differs`` says at which line of the page what was otherwise."""
        with Shell(self.folder, self.environment) as shell:
            for block in self.blocks:
                try:
                    self._do(block._replace(text=self.with_free_ports(block.text)), shell)
                except (AssertionError, Failed, OSError, ValueError) as error:
                    where = f"{self.page.name}, line {block.line}"
                    raise Differs(f"{where}\n{block.text}\ngave\n{error}") from None

    def with_free_ports(self, text: str) -> str:
        """Return a text with every port 80xx replaced, by the same free one in the whole page."""
        return _PORT.sub(lambda found: self.ports.setdefault(found[0], free_port()), text)

    def _do(self, block: Block, shell: Shell) -> None:
        if block.is_file:
            write(block.text, shell.folder)
        elif block.language in SHELLS:
            self.printed = shell.run(self._with_installation(block.text))
        elif block.language in OUTPUTS:
            compare(block, self.printed)
        else:
            raise Differs(f"nobody runs a block of {block.language or 'no language'}")

    def _with_installation(self, text: str) -> str:
        if self.wheel is None:
            return INSTALLING.sub("", text)
        return text.replace(f'"{PACKAGE}[', f'"{self.wheel}[')


def make_host(folder: Path) -> Path:
    """Make the tutorial's host in an empty folder, as its first five steps do; return where it is.

    The files of later steps are there too. Its database is SQLite, beside it; it has no server and
    no event yet, but the account of the gateway. Any secret will do: it is read from the environment.
    """
    host = Walk(TUTORIAL, folder, until=SERVING)
    host.run()
    for block in blocks(TUTORIAL):
        if block.is_file and "(add)" not in block.text.splitlines()[0]:
            write(block.text, folder / "power")
    return folder / "power"


def write(text: str, folder: Path) -> None:
    """Write the file that the first line names, or add to it."""
    named = _NAMED.match(text)
    if named is None:
        raise Differs("names no file")
    path = folder / named["path"]
    if named["more"]:
        text = f"{path.read_text()}\n{text}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    # Two files of one second and one size look the same to a cache of bytecode.
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)


def compare(block: Block, printed: str) -> None:
    """Raise ``Differs`` if something else was printed than the block says."""
    if block.language == "json":
        if not agrees(json.loads(block.text), json.loads(printed)):
            raise Differs(printed)
        return
    pattern = re.escape(block.text.strip()).replace("…", ".*?")
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    if not re.fullmatch(pattern, lines, re.DOTALL):
        raise Differs(printed)


def agrees(shown: Any, said: Any) -> bool:
    """Return whether two JSON values are one, where texts with ``…`` are patterns."""
    if isinstance(shown, str) and "…" in shown:
        return re.fullmatch(re.escape(shown).replace("…", ".*?"), str(said), re.DOTALL) is not None
    if isinstance(shown, dict) and isinstance(said, dict):
        return shown.keys() == said.keys() and all(agrees(shown[key], said[key]) for key in shown)
    if isinstance(shown, list) and isinstance(said, list):
        return len(shown) == len(said) and all(map(agrees, shown, said))
    return bool(shown == said)


def free_port() -> str:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def environment(*, is_new: bool = False) -> dict[str, str]:
    """Return an environment in which a host finds itself and, unless all is new, what is installed here."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "IOT_", "TEST_", "PYTHON", "DATABASE_")) and name != "CI"
    }
    own["PATH"] = os.pathsep.join([own["PATH"], "/usr/sbin"])
    if not is_new:
        own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
        own["PYTHONPATH"] = os.pathsep.join(_where_we_are())
    return own


def _where_we_are() -> Iterator[str]:
    """Yield the folder of the package under test, if it is not installed."""
    import django_iot_ingest

    folder = Path(django_iot_ingest.__path__[0]).parent
    if folder.name == "src":
        yield str(folder)
