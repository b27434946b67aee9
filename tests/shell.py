"""One bash for a whole page: folders, variables and servers live on from block to block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 120.0
"""How long one block may take."""

GRACE = 5.0
"""Seconds that servers have to end by themselves."""

END = "end of block in "

LISTENING = """
for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done
(exec 3<>/dev/tcp/127.0.0.1/{port})
"""
"""Wait for a server in the background, up to 30 s; fail if it does not listen."""

_BACKGROUND = re.compile(r"^.*[^&]&$", re.MULTILINE)


class Failed(Exception):
    """A block ended with an error, or took too long; the text is what it printed."""


class Shell:
    """Run blocks of shell commands, each stopped at its first failure; ``folder`` is where it stands."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.script = folder / ".block.sh"
        self.folder = folder
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

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
        with suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=GRACE)
        self._signal(signal.SIGKILL)
        self.process.communicate()

    def run(self, text: str) -> str:
        """Return what a block printed, errors too; raise ``Failed`` if a command of it failed."""
        if self.process.stdin is None or self.process.stdout is None:
            raise Failed("no shell")
        self.script.write_text(with_servers_awaited(text))
        timer = threading.Timer(SECONDS, self._signal, [signal.SIGKILL])
        timer.start()
        try:
            self.process.stdin.write(f". '{self.script}' </dev/null\necho; echo \"{END}$PWD\"\n")
            self.process.stdin.flush()
            said: list[str] = []
            for line in self.process.stdout:
                if line.startswith(END):
                    self.folder = Path(line.removeprefix(END).strip())
                    return "".join(said)[:-1]
                said.append(line)
        except BrokenPipeError:
            said = ["the shell had ended before"]
        finally:
            timer.cancel()
        raise Failed("".join(said) or "nothing, and ended")

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def with_servers_awaited(text: str) -> str:
    """Return a block that stops at its first failure, and waits for each server it starts."""
    return "set -e -o pipefail\n" + _BACKGROUND.sub(_awaited, text)


def _awaited(found: re.Match[str]) -> str:
    port = re.search(r":(\d{4,5})\b", found[0])
    return found[0] + (LISTENING.format(port=port[1]) if port else "")
