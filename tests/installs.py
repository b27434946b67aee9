"""Install the wheel into empty environments, for each Python and each Django, and use it there.

Not for every pair of them: the whole suite runs on the wheel in each cell of the matrix.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.matrix import certificates, starts
from tests.supported import ROOT, Cell, cells, pyproject

SCRIPT = ROOT / "tests" / "installed_host.py"
FENCE = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SQLITE = 'DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 8}'
"""What ``iot_ingest.W090`` asks of a host on SQLite."""

LONGEST = 600
"""Seconds that one command may take."""

NOT_PASSED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Variables of ours: another package than the installed one, and bytecode compiled again and again."""

WITHOUT_JWT = """
from host.settings import *

DATABASES["default"]["NAME"] = BASE_DIR / "without_jwt.sqlite3"
INSTALLED_APPS += ["rest_framework.authtoken"]
IOT_INGEST["AUTHENTICATION_CLASSES"] = ["host.bearer.Bearer"]
"""
BEARER = """
from rest_framework.authentication import TokenAuthentication


class Bearer(TokenAuthentication):
    keyword = "Bearer"
"""


def main(wheel: Path, folder: Path) -> None:
    """Try each Python that is here and each Django; with ``CI=true`` no Python may be missing."""
    started = time.monotonic()
    pythons = {cell.interpreter for cell in cells()}
    missing = {name for name in pythons if not starts(name)}
    print(f"left out: {', '.join(sorted(missing)) or 'nothing'}")
    if missing == pythons or (missing and os.environ.get("CI") == "true"):
        sys.exit("an interpreter is missing")
    chosen = some(cell for cell in sorted(cells()) if cell.interpreter not in missing)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = [pool.submit(try_lowest, wheel, folder / "lowest", chosen[0])]
        tried += [pool.submit(try_cell, wheel, folder / name_of(cell), cell) for cell in chosen]
        for one in tried:
            print(one.result(), flush=True)
    print(f"installed into {len(tried)} environments in {time.monotonic() - started:.0f}s")


def some(present: Iterable[Cell]) -> list[Cell]:
    """Return as few cells as hold each Python and each Django; first those new in both."""
    left, chosen = list(present), list[Cell]()
    for enough in (2, 1):
        for cell in left:
            old = {one.python for one in chosen} | {one.django for one in chosen}
            if len(set(cell) - old) >= enough:
                chosen.append(cell)
    return chosen


def try_cell(wheel: Path, folder: Path, cell: Cell) -> str:
    """Use the wheel without an extra, with ``jwt``, and in the oldest and newest cell with all."""
    python = empty(folder / "env", cell)
    django = f"Django~={cell.django}.0"
    own = cell.interpreter == f"python{sys.version_info.major}.{sys.version_info.minor}"
    install = with_pip if own else with_uv
    choices = [[], ["jwt"]]
    if cell in (min(cells()), max(cells())):  # tasks are a package here, and Django's there
        choices.append(sorted(pyproject()["project"]["optional-dependencies"]))
    said = ""
    for extras in choices:
        install(python, f"{wheel}[{','.join(extras)}]" if extras else str(wheel), django)
        if not extras:
            make_host(python, folder / "project")
        said += use(python, folder / "project", extras)
    return f"{name_of(cell)}, empty environment:\n{said}"


def try_lowest(wheel: Path, folder: Path, cell: Cell) -> str:
    """Use the wheel with the lowest version of each dependency that pyproject.toml allows."""
    python = empty(folder / "env", cell)
    with_uv(python, "--resolution", "lowest-direct", "--all-extras", "-r", "pyproject.toml")
    with_uv(python, "--no-deps", str(wheel))
    make_host(python, folder / "project")
    extras = sorted(pyproject()["project"]["optional-dependencies"])
    return f"lowest versions, {cell.interpreter}:\n{use(python, folder / 'project', extras)}"


def empty(folder: Path, cell: Cell) -> str:
    """Make an environment without any package, and return its Python."""
    run("uv", "venv", "--quiet", "--no-project", "--python", cell.interpreter, str(folder))
    return str(folder / "bin" / "python")


def with_uv(python: str, *what: str) -> None:
    """Install as uv does."""
    run("uv", "pip", "install", "--quiet", "--python", python, *what)
    run("uv", "pip", "check", "--quiet", "--python", python)


def with_pip(python: str, *what: str) -> None:
    """Install as pip does, from outside: the environment stays empty but for that."""
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-compile", *what)
    run(*pip, "check")


def make_host(python: str, folder: Path) -> None:
    """Make a project by Django's own commands, with the README's blocks in it."""
    folder.mkdir(parents=True)
    run(python, "-m", "django", "startproject", "host", ".", cwd=folder)
    run(python, "manage.py", "startapp", "fleet", cwd=folder)
    blocks = dict(FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    for name in ("fleet/models.py", "fleet/sync.py"):
        (folder / name).write_text(blocks[name], encoding="utf-8")
    append(folder / "host" / "settings.py", f"import os\n{blocks['settings.py']}{SQLITE}\n")
    append(folder / "host" / "urls.py", f"from django.urls import include\n{blocks['urls.py']}")
    (folder / "host" / "settings_without_jwt.py").write_text(WITHOUT_JWT, encoding="utf-8")
    (folder / "host" / "bearer.py").write_text(BEARER, encoding="utf-8")


def use(python: str, folder: Path, extras: Iterable[str]) -> str:
    """Run the script there, from nothing, and return what it says."""
    for database in folder.glob("*.sqlite3"):
        database.unlink()
    return run(python, "-P", "-W", "error", str(SCRIPT), *extras, cwd=folder)


def append(path: Path, text: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")


def name_of(cell: Cell) -> str:
    return f"python{cell.python}-django{cell.django}"


def run(*command: str, cwd: Path = ROOT) -> str:
    """Return what a command prints; ``SystemExit`` with all of it if it fails."""
    own = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        env=certificates() | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
    )
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout
