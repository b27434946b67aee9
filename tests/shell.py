"""One bash for a whole page: folders, variables and servers live on from block to block."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 120.0
"""How long one block may take."""

GRACE = 5.0
"""Seconds that servers have to end by themselves."""

END = "\nend of block in "

FAREWELL = """trap 'trap "" TERM; kill 0' EXIT\n"""
"""End the servers with the shell, which ends with its input: when whoever walks is killed, too."""

LISTENING = """
for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done
(exec 3<>/dev/tcp/127.0.0.1/{port})
"""
"""Wait for a server in the background, up to 30 s; fail if it does not listen."""

_BACKGROUND = re.compile(r"^.*[^&]&$", re.MULTILINE)


class Failed(Exception):
    """A block ended with an error, or took too long; the text is what it printed."""


class Shell:
    """Run blocks of shell commands, each stopped at its first failure.

    ``folder`` is where the shell stands. What is printed goes to a file: a server that outlives its
    block could block a pipe, or keep it open.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.aside = tempfile.TemporaryDirectory()
        self.script = Path(self.aside.name) / "block.sh"
        self.printed = Path(self.aside.name) / "printed"
        with self.printed.open("ab") as printed:
            self.process = subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
                bufsize=1,
                start_new_session=True,
            )
        self._tell(FAREWELL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the shell and every server that a block started: they are its process group."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        while self._signal(0) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._signal(signal.SIGKILL)
        self.process.wait(GRACE)
        if self.process.stdin:
            self.process.stdin.close()
        self.aside.cleanup()

    def run(self, text: str) -> str:
        """Return what a block printed, errors too; raise ``Failed`` if a command of it failed."""
        begin = self.printed.stat().st_size
        self.script.write_text(with_servers_awaited(text))
        self._tell(f". {shlex.quote(str(self.script))} </dev/null\nprintf '{END}%s\\n' \"$PWD\"\n")
        deadline = time.monotonic() + SECONDS
        while True:
            is_over = self.process.poll() is not None or time.monotonic() > deadline
            printed = self.printed.read_bytes()[begin:].decode(errors="replace")
            said, end, folder = printed.partition(END)
            if end and folder.endswith("\n"):
                self.folder = Path(folder.splitlines()[0])
                return said
            if is_over:
                raise Failed(printed or "nothing, and the shell has ended")
            time.sleep(0.01)

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            if self.process.stdin:
                self.process.stdin.write(line)

    def _signal(self, number: int) -> bool:
        """Send a signal to all of the group; return whether there is anybody left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
            return True
        return False


def with_servers_awaited(text: str) -> str:
    """Return a block that stops at its first failure, and waits for each server it starts."""
    return "set -e -o pipefail\n" + _BACKGROUND.sub(_awaited, text)


def _awaited(found: re.Match[str]) -> str:
    port = re.search(r":(\d{4,5})\b", found[0])
    return found[0] + (LISTENING.format(port=port[1]) if port else "")
