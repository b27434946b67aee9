"""Walk a page: write the files that it names, run its shell blocks, compare what they print."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:#|--|//) (?P<path>[\w./-]+\.?\w+)(?P<add> \(add\))?\n")
PORT = re.compile(r"\b80\d\d\b")
SERVER = re.compile(r"&\s*$", re.MULTILINE)
SECONDS = 60


class Block(NamedTuple):
    """One fenced block: its language, its text, the line where it begins."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


class Walk:
    """One page in one folder."""

    def __init__(self, page: Path, folder: Path, **variables: str) -> None:
        self.page, self.folder = page, folder
        self.ports: dict[str, str] = {}
        self.said = ""
        self.seconds: list[tuple[int, float]] = []
        (folder / "bin").mkdir(exist_ok=True)
        for name in ("python", "gunicorn", "django-admin", "rqworker"):
            source = Path(sys.executable).parent / name
            (folder / "bin" / name).unlink(missing_ok=True)
            (folder / "bin" / name).symlink_to(sys.executable if name == "python" else source)
        environment = {
            **os.environ,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin",
            "DJANGO_SETTINGS_MODULE": "host.settings",
            "PYTHONPATH": os.pathsep.join(
                [str(folder), *(path for path in sys.path if "site-packages" in path or "src" in path)]
            ),
            "PYTHONWARNINGS": "",
            **variables,
        }
        environment.pop("CI", None)
        self.bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self) -> None:
        try:
            for block in blocks(self.page):
                started = time.monotonic()
                self.do(block)
                self.seconds.append((block.line, time.monotonic() - started))
        finally:
            os.killpg(self.bash.pid, signal.SIGTERM)
            time.sleep(0.1)
            self.bash.wait(SECONDS)
        if os.environ.get("WALK_TIMES"):
            print(self.page.name, [(line, round(t, 1)) for line, t in self.seconds if t > 0.2])

    def do(self, block: Block) -> None:
        where = f"{self.page.name}:{block.line}"
        text = self.localized(block.text)
        named = NAMED.match(text)
        if block.language == "bash":
            self.said = self.shell(text, where)
        elif block.language in ("console", "text", "json") and not named:
            self.compare(block, text, where)
        elif named:
            self.write(named, text)
        else:
            raise AssertionError(f"{where}: nobody runs {block.language}")

    def localized(self, text: str) -> str:
        def port(found: re.Match[str]) -> str:
            if found[0] not in self.ports:
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    self.ports[found[0]] = str(listener.getsockname()[1])
            return self.ports[found[0]]

        return PORT.sub(port, text)

    def write(self, named: re.Match[str], text: str) -> None:
        path = self.folder / named["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() + "\n" if named["add"] else ""
        path.write_text(before + text)
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)

    def shell(self, text: str, where: str) -> str:
        script = self.folder / ".block"
        waits = ""
        for line in text.splitlines():
            if line.rstrip().endswith("&"):
                for port in set(self.ports.values()):
                    if port in line:
                        waits += (
                            f"\nfor i in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null"
                            " && break; sleep 0.05; done"
                        )
        script.write_text(text.replace("&\n", f"&{waits}\n") if waits else text)
        out, over = self.folder / ".said", self.folder / ".over"
        over.unlink(missing_ok=True)
        assert self.bash.stdin
        self.bash.stdin.write("exec >.said 2>&1\nset -e\n. ./.block </dev/null\nset +e\ntouch .over\n")
        self.bash.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while not over.exists():
            ended = self.bash.poll() is not None or time.monotonic() > deadline
            assert not ended, f"{where}\n{text}\n{out.read_text()}"
            time.sleep(0.01)
        return out.read_text()

    def compare(self, block: Block, text: str, where: str) -> None:
        if block.language == "json":
            assert agrees(json.loads(text), json.loads(self.said)), f"{where}: {self.said}"
            return
        pattern = re.escape(text.strip()).replace("…", ".*?")
        assert re.fullmatch(pattern, self.said.strip(), re.DOTALL), f"{where}:\n{self.said}"


def agrees(shown: object, said: object) -> bool:
    if isinstance(shown, str) and "…" in shown:
        pattern = re.escape(shown).replace("…", ".*?")
        return re.fullmatch(pattern, str(said), re.DOTALL) is not None
    if isinstance(shown, dict) and isinstance(said, dict):
        return shown.keys() == said.keys() and all(agrees(shown[k], said[k]) for k in shown)
    if isinstance(shown, list) and isinstance(said, list):
        return len(shown) == len(said) and all(map(agrees, shown, said))
    return shown == said


if __name__ == "__main__":
    page, base = Path(sys.argv[1]), Path(sys.argv[2])
    folder = Path(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    Walk(page, folder, IOT_SYSTEM_SIGNATURE_SECRET="only-for-the-guides-0123456789abcdefghij").run()
