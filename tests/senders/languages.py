"""The senders in ``clients/``, and what it takes to run each."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "clients"
SIGNS = Path(__file__).with_name("signs")
SECONDS = 120
"""How long a compiler, or a sender, may take on a busy machine."""


@dataclass(frozen=True)
class Language:
    """A sender: ``shown`` is what a reader types, ``run`` what we run, ``signs`` what signs lines.

    ``{clients}``, ``{signs}`` and ``{built}`` stand for folders. ``build`` are commands that are run
    once, ``check`` those that find fault with the file.
    """

    name: str
    file: str
    shown: str
    run: str
    signs: str
    programs: Mapping[str, str]
    build: tuple[str, ...] = ()
    check: tuple[str, ...] = ()

    def missing(self) -> str:
        """Return what is not installed, with its package; an empty text if all is there."""
        lacking = [f"{name} ({package})" for name, package in self.programs.items()]
        return ", ".join(text for text in lacking if shutil.which(text.split()[0]) is None)


PYTHON = sys.executable

LANGUAGES = {
    language.name: language
    for language in [
        Language(
            "Java",
            "java/Sender.java",
            "java clients/java/Sender.java",
            # As a class and not from the source, whose compilation would cost each start a second.
            run="java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp {built} Sender",
            signs="java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp {built} Signs",
            build=(
                "javac -Xlint:all -Werror -d {built} {clients}/java/Sender.java {signs}/Signs.java",
            ),
            programs={"java": "default-jdk-headless", "javac": "default-jdk-headless"},
        ),
        Language(
            "JavaScript",
            "javascript/sender.mjs",
            "node clients/javascript/sender.mjs",
            run="node {clients}/javascript/sender.mjs",
            signs="node {signs}/signs.mjs {clients}/javascript/sender.mjs",
            check=("node --check {clients}/javascript/sender.mjs",),
            programs={"node": "nodejs"},
        ),
        Language(
            "Python",
            "python/sender.py",
            "python3 clients/python/sender.py",
            run=f"{PYTHON} -W error {{clients}}/python/sender.py",
            signs=f"{PYTHON} {{signs}}/signs.py {{clients}}/python/sender.py",
            programs={},
        ),
        Language(
            "Python with httpx",
            "python/httpx_auth.py",
            "python3 send.py",
            run=f"{PYTHON} -W error {{signs}}/../with_httpx.py",
            signs=f"{PYTHON} {{signs}}/signs.py {{clients}}/python/httpx_auth.py",
            programs={},
        ),
        Language(
            "PHP",
            "php/sender.php",
            "php clients/php/sender.php",
            run="php -d error_reporting=-1 -d display_errors=stderr {clients}/php/sender.php",
            signs="php {signs}/signs.php {clients}/php/sender.php",
            check=("php -l {clients}/php/sender.php",),
            programs={"php": "php-cli"},
        ),
        Language(
            "Go",
            "go/sender.go",
            "go run clients/go/sender.go",
            run="{built}/sender",
            signs="{built}/signs",
            build=(
                "cp {clients}/go/sender.go {signs}/signs.go {built}",
                "go build -o {built}/sender {built}/sender.go",
                "go build -o {built}/signs {built}/sender.go {built}/signs.go",
            ),
            programs={"go": "golang-go", "gofmt": "golang-go"},
        ),
        Language(
            "bash",
            "bash/sender.sh",
            "bash clients/bash/sender.sh",
            run="bash {clients}/bash/sender.sh",
            signs="bash {signs}/signs.sh {clients}/bash/sender.sh",
            check=("bash -n {clients}/bash/sender.sh",),
            programs={"bash": "bash", "curl": "curl", "openssl": "openssl"},
        ),
    ]
}


class Built:
    """A sender that is ready to run."""

    def __init__(self, language: Language, folder: Path) -> None:
        self.language = language
        self.folder = folder

        for command in (*language.build, *language.check):
            done = self._run(command)
            assert done.returncode == 0, done.stdout + done.stderr

    def sign(self, entries: Iterable[Mapping[str, str]]) -> list[str]:
        """Return the signatures of entries with a secret, a body and a timestamp: one process."""
        words = ("secret", "body", "timestamp")
        lines = [" ".join(base64_or_dash(entry[word]) for word in words) for entry in entries]
        done = self._run(self.language.signs, input="\n".join([*lines, ""]))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def send(
        self, url: str, file: Path, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run the sender, with nothing in its environment that we do not say."""
        return self._run(self.language.run, url, str(file), env=variables)

    def _run(
        self, command: str, *arguments: str, input: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        folders = {"clients": CLIENTS, "signs": SIGNS, "built": self.folder}
        words = [word.format(**folders) for word in command.split()]
        surrounding = {
            name: value for name, value in os.environ.items() if not name.startswith("IOT_")
        }
        return subprocess.run(
            [*words, *arguments],
            input=input,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=self.folder,
            env={**surrounding, **toolchain(self.folder), **(env or {})},
        )


def toolchain(folder: Path) -> dict[str, str]:
    """Return variables under which no tool asks the network or writes into somebody's home."""
    return {
        "GOCACHE": str(folder / "cache"),
        "GO111MODULE": "off",
        "PYTHONPATH": str(CLIENTS / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }


def base64_or_dash(text: str) -> str:
    """Return a text in one word."""
    return base64.b64encode(text.encode()).decode() or "-"
