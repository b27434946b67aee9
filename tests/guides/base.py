"""The host that the tutorial has made by its fifth step, where every guide begins."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.walk import TUTORIAL, Walk

SECRET = "only-for-the-guides-0123456789abcdefghij"

NOT_HERE = ("mkdir ", "export IOT_SYSTEM_SIGNATURE_SECRET=")
"""Lines that would leave the folder, or take another secret than every guide's."""

VARIABLES = {
    "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
    "DJANGO_SUPERUSER_PASSWORD": "only-for-the-guides",
    "PYTHONWARNINGS": "",
}


def make(folder: Path) -> Path:
    """Walk the tutorial up to the gateway's account; return the folder of the host."""
    begin = TUTORIAL.read_text().partition("\n## 6.")[0]
    lines = [line for line in begin.splitlines(keepends=True) if not line.startswith(NOT_HERE)]
    folder.mkdir()
    page = folder.with_suffix(".md")
    page.write_text("".join(lines))
    Walk(page, folder, **VARIABLES).run()
    return folder


def walk(page: Path, base: Path, folder: Path, **variables: str) -> None:
    """Walk a guide in a copy of the host."""
    shutil.copytree(base, folder)
    Walk(page, folder, **{**VARIABLES, **variables}).run()
