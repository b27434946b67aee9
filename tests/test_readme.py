"""The README's first screen, run as it stands: a host in an empty folder receives a snapshot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
TOOLS = ("bash", "curl", "openssl", "base64")

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of one language."""
    return [text for found, text in FENCE.findall(README.read_text()) if found == language]


def file_block(name: str) -> str:
    """Return the Python block that says which file it is, by its first line."""
    return next(text for text in blocks("python") if text.startswith(f"# {name}\n"))


def shell_block(word: str) -> str:
    """Return the first shell block that holds ``word``."""
    return next(text for text in blocks("bash") if word in text)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """Yield an empty project made by Django's own commands."""
    django_admin = [sys.executable, "-m", "django"]
    subprocess.run([*django_admin, "startproject", "host", "."], cwd=tmp_path, check=True)
    yield tmp_path


def add_app(host: Path, label: str, files: dict[str, str]) -> None:
    subprocess.run([sys.executable, "manage.py", "startapp", label], cwd=host, check=True)
    for name, text in files.items():
        (host / name).write_text(text)


def append(path: Path, text: str) -> None:
    path.write_text(f"{path.read_text()}\n{text}")


def wire_up(host: Path, settings: str) -> None:
    append(host / "host/settings.py", f"import os\n{settings}")
    append(host / "host/urls.py", f"from django.urls import include\n{file_block('urls.py')}")


def run_requests(host: Path) -> dict:
    """Run the README's shell block on this interpreter and return the answer it got."""
    (host / "bin").mkdir()
    (host / "bin/python").symlink_to(sys.executable)
    script = shell_block("runserver").replace("fleet", app_of(host))
    script = f"set -e\ntrap 'kill $(jobs -p)' EXIT\n{script}".replace("8000", free_port())
    environment = os.environ | {
        "PATH": f"{host / 'bin'}:{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "host.settings",
        "PYTHONPATH": os.pathsep.join(
            path for path in sys.path if "site-packages" in path or "src" in path
        ),
    }
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=host,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def app_of(host: Path) -> str:
    return "depot" if (host / "depot").exists() else "fleet"


def free_port() -> str:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def assert_received(answer: dict) -> None:
    promised = json.loads(next(text for text in blocks("json") if "station_id" in text))
    assert answer.keys() == promised.keys()
    for name in ("state", "warnings", "station_serial", "slots_updated", "powerbanks_updated"):
        assert answer["data"][name] == promised["data"][name]
    assert answer["data"].keys() == promised["data"].keys()


pytestmark = pytest.mark.once

needs_tools = pytest.mark.skipif(
    os.environ.get("CI") != "true" and not all(map(shutil.which, TOOLS)),
    reason=f"needs {', '.join(TOOLS)}",
)


@needs_tools
def test_the_first_screen_receives_a_signed_snapshot(host: Path) -> None:
    files = {name: file_block(name) for name in ("fleet/models.py", "fleet/sync.py")}
    add_app(host, "fleet", files)
    wire_up(host, file_block("settings.py"))

    assert_received(run_requests(host))


@needs_tools
def test_a_host_with_other_names_receives_it_too(host: Path) -> None:
    add_app(host, "depot", {"depot/models.py": file_block("depot/models.py")})
    settings = file_block("settings.py")
    for ours, theirs in {
        '"fleet.sync.FleetSyncService"': '"django_iot_ingest.services.StationSyncService"',
        "fleet.StationSlot": "depot.Bay",
        "fleet.Station": "depot.Locker",
        "fleet.PowerBank": "depot.Battery",
        "fleet": "depot",
    }.items():
        settings = settings.replace(ours, theirs)
    wire_up(host, settings)

    assert_received(run_requests(host))


def test_every_python_block_compiles() -> None:
    for text in blocks("python"):
        compile(text, "README.md", "exec")


def test_the_settings_table_names_every_setting_with_its_default() -> None:
    from django_iot_ingest.conf import IngestSettings

    text = README.read_text()
    for name in vars(IngestSettings):
        if name.isupper():
            row = re.search(rf"^\|[^|]*`{name}`[^|]*\|([^|]*)\|", text, re.MULTILINE)
            assert row, name
            default = vars(IngestSettings)[name]
            if isinstance(default, int):
                assert str(default) in row[1], name
