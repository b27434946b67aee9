"""The README's first screen, run as it stands: a host in an empty folder receives a snapshot."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import walk
from tests.shell import Shell
from tests.walk import block

README = walk.ROOT / "README.md"
TOOLS = ("bash", "curl", "openssl", "base64")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Yield a shell in an empty project made by Django's own commands."""
    with Shell(tmp_path, walk.environment()) as shell:
        shell.run("python -m django startproject host .")
        yield shell


def add_app(shell: Shell, label: str, *names: str) -> None:
    """Make an app of the README's files."""
    shell.run(f"python manage.py startapp {label}")
    for name in names:
        walk.write(block(README, f"# {name}\n"), shell.folder)


def wire_up(shell: Shell, settings: str) -> None:
    """Add the README's settings and URL to those of an empty project."""
    urls = f"from django.urls import include\n{block(README, '# urls.py')}"
    walk.write(f"# host/settings.py (add)\nimport os\n{settings}", shell.folder)
    walk.write(f"# host/urls.py (add)\n{urls}", shell.folder)


def answer(shell: Shell, label: str) -> dict[str, Any]:
    """Run the README's shell block for an app of this name; return the answer that it got."""
    script = block(README, "export IOT_SYSTEM_SIGNATURE_SECRET").replace("fleet", label)
    printed = shell.run(script.replace("8000", walk.free_port()))
    # The server tells of the request on the same terminal.
    begin = printed.index('{"success"')
    received: dict[str, Any] = json.JSONDecoder().raw_decode(printed, begin)[0]
    return received


def assert_received(answer: dict[str, Any]) -> None:
    promised = json.loads(block(README, '{"success": true'))
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
def test_the_first_screen_receives_a_signed_snapshot(shell: Shell) -> None:
    add_app(shell, "fleet", "fleet/models.py", "fleet/sync.py")
    wire_up(shell, block(README, "# settings.py"))

    assert_received(answer(shell, "fleet"))


@needs_tools
def test_a_host_with_other_names_receives_it_too(shell: Shell) -> None:
    add_app(shell, "depot", "depot/models.py")
    settings = block(README, "# settings.py")
    for ours, theirs in {
        '"fleet.sync.FleetSyncService"': '"django_iot_ingest.services.StationSyncService"',
        "fleet.StationSlot": "depot.Bay",
        "fleet.Station": "depot.Locker",
        "fleet.PowerBank": "depot.Battery",
        "fleet": "depot",
    }.items():
        settings = settings.replace(ours, theirs)
    wire_up(shell, settings)

    assert_received(answer(shell, "depot"))


def test_every_python_block_compiles() -> None:
    for one in walk.blocks(README):
        if one.language == "python":
            compile(one.text, "README.md", "exec")


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
