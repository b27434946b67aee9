"""The command of docs/reference/answers.md makes a client; its code is used by test_generated_client.py."""

from __future__ import annotations

from pathlib import Path

from tests import walk
from tests.shell import Shell
from tests.walk import ROOT, block

ANSWERS = ROOT / "docs" / "reference" / "answers.md"


def test_the_command_of_the_page_makes_a_client(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    with Shell(tmp_path, walk.environment()) as shell:
        said = shell.run(block(ANSWERS, "openapi-python-client generate"))
    assert "warning" not in said.lower(), said
    assert (tmp_path / "iot_ingest_client" / "models" / "iot_ingest_full_event.py").is_file()
