"""Each sender is one short file that its language's own tools find no fault with."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import judges
from tests.payloads import SECRET
from tests.senders.host import PASSWORD, Host
from tests.senders.languages import CLIENTS, LANGUAGES, Built, Language
from tests.senders.scenarios import ACCOUNT, EXPIRED, SCENARIOS, live

pytestmark = [pytest.mark.once, pytest.mark.whole]

FEWER_LINES_THAN = 80


def test_every_file_is_a_sender_and_the_reverse() -> None:
    files = {str(path.relative_to(CLIENTS)) for path in CLIENTS.glob("[a-z]*/*") if path.is_file()}
    assert files == {language.file for language in LANGUAGES.values()}


@pytest.mark.parametrize("file", [language.file for language in LANGUAGES.values()])
def test_a_file_is_short(file: str) -> None:
    assert len((CLIENTS / file).read_text().splitlines()) < FEWER_LINES_THAN


def installed(name: str, **changed: Any) -> Language:
    language = LANGUAGES[name]
    if missing := language.missing():
        judges.leave_out(f"{name}: install {missing}")
    return replace(language, **changed)


def test_gofmt_would_change_nothing() -> None:
    installed("Go")
    command = ["gofmt", "-l", str(CLIENTS / "go")]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""


def test_java_runs_the_file_itself(tmp_path: Path, example_host: Host) -> None:
    java = Built(installed("Java", run="java {clients}/java/Sender.java", build=()), tmp_path)
    lived = live(java, example_host, SCENARIOS["full"], "-Java-from-source")
    assert (lived.lines, lived.code) == (["200 applied"], 0), lived.error


SHIM = """#!/bin/bash
printf '%s\\n' {name} "$@" >>{log}
exec {program} "$@"
"""

USED_BY_BASH = (
    "openssl",
    "curl",
    "od",
    "tr",
    "cat",
    "base64",
    "date",
    "grep",
    "sed",
    "cut",
    "head",
)


def test_bash_tells_no_program_a_secret_as_an_argument(tmp_path: Path, example_host: Host) -> None:
    """Arguments are what ``ps`` shows to everybody."""
    folder, log = tmp_path / "shims", tmp_path / "arguments"
    folder.mkdir()
    for name in USED_BY_BASH:
        shim = folder / name
        shim.write_text(SHIM.format(name=name, log=log, program=shutil.which(name)))
        shim.chmod(0o755)
    bash = Built(installed("bash"), tmp_path)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    watched = replace(SCENARIOS["expired"], variables={**EXPIRED, **ACCOUNT, "PATH": path})
    lived = live(bash, example_host, watched, "-bash-watched")
    assert lived.lines == SCENARIOS["expired"].lines, lived.error
    told = log.read_text()
    assert set(USED_BY_BASH) <= set(told.split())
    token = lived.heard[-1].headers["authorization"].removeprefix("Bearer ")
    signature = lived.heard[-1].headers["x-signature"]
    for secret in (SECRET, SECRET.encode().hex(), PASSWORD, token, "expired", signature):
        assert secret not in told
