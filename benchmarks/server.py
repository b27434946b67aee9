"""gunicorn with two workers on the measurement's database, and what its workers need of memory."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORKERS = 2


class Server:
    """A running server: its port, and the processes of its workers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def memory(self) -> tuple[float, float]:
        """Return the mean of the workers' resident and unshared memory, in MB."""
        found = [_memory(pid) for pid in self.workers()]
        resident, own = (sum(values) / len(found) for values in zip(*found, strict=True))
        return resident, own


def _memory(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {
        name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)
    }
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return kilobytes["Rss"] / 1024, own / 1024


@contextmanager
def running(database: str, **environment: str) -> Iterator[Server]:
    """Serve ``benchmarks.wsgi`` on a free port until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "--backlog", "2048"]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *options, *quiet, "benchmarks.wsgi"]
    settings = {"BENCH_DATABASE_NAME": database, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    process = subprocess.Popen(command, env={**os.environ, **settings, **environment})
    try:
        _wait_for(port, process)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("gunicorn did not start")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("gunicorn does not answer")
