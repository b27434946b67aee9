"""What a run needs around it: a folder, an environment, and the programs of ``tables``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

EMAIL, PASSWORD = "gateway@example.com", "only-for-the-nemesis"
SECRET = "only-for-the-nemesis-0123456789abcdef"

FOREIGN = ("IOT_SYSTEM_", "SECURE_", "NEMESIS_", "GUNICORN_", "WEB_CONCURRENCY", "DEBUG", "PORT")
"""Variables of the surrounding shell that would change a run."""

STOP_SECONDS = 10


def station_serials(count: int) -> list[str]:
    """Return the serial numbers of the stations."""
    return [f"8600000000{number:05d}" for number in range(1, count + 1)]


def bank_serials(count: int) -> list[str]:
    """Return the serial numbers of the banks."""
    return [f"{number:08d}" for number in range(1, count + 1)]


@dataclass(slots=True)
class Surroundings:
    """The folder of one run and the environment of its programs."""

    folder: Path
    environment: Mapping[str, str]
    is_kept: bool = False
    """Whether somebody will want to read the folder afterwards."""

    def tables(self, *arguments: str) -> str:
        """Run one command of ``tables``; return what it prints."""
        with (self.folder / "tables.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-m", "tests.nemesis.tables", *arguments],
                cwd=self.folder,
                env=dict(self.environment),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return done.stdout

    def finish(self) -> dict[str, Any]:
        """Sweep what is left and return the tables."""
        tables: dict[str, Any] = json.loads(self.tables("finish"))
        return tables

    @contextmanager
    def sweeper(self) -> Iterator[None]:
        """Run the sweeper beside the traffic."""
        with (self.folder / "sweeper.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.nemesis.tables", "sweep"],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def surroundings(database_url: str, **nemesis: object) -> Iterator[Surroundings]:
    """Make a folder and an environment; keep the folder if anything is wrong, and say where it is.

    ``nemesis`` are the ``NEMESIS_*`` variables, without that and in small letters.
    """
    folder = Path(tempfile.mkdtemp(prefix="nemesis-"))
    around = Surroundings(folder, environment(database_url, nemesis))
    try:
        yield around
    except Exception:
        around.is_kept = True
        raise
    finally:
        if around.is_kept:
            print(f"nemesis: what the run wrote is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)


def environment(database_url: str, nemesis: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of the run's programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    paths = [str(ROOT), str(ROOT / "example_project"), *(str(Path(p).resolve()) for p in sys.path)]
    return {
        **kept,
        **{f"NEMESIS_{name.upper()}": str(value) for name, value in nemesis.items()},
        "PYTHONPATH": os.pathsep.join(paths),
        "DJANGO_SETTINGS_MODULE": "tests.nemesis.settings",
        "DATABASE_URL": database_url,
        "SECRET_KEY": "only-for-the-nemesis-and-long-enough-for-hs256-tokens",
        "ALLOWED_HOSTS": "127.0.0.1",
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
    }
