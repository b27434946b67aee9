"""The host that the tutorial has made by its fifth step, which every guide begins with."""

from __future__ import annotations

from pathlib import Path

from tests.guides.walking import ROOT, Walk

SECRET = "only-for-the-guides-0123456789abcdefghij"

NOT_HERE = ("mkdir ", "python3 -m venv", ". .venv/", "pip install", "export IOT_SYSTEM_SIGNATURE")


def make(folder: Path) -> None:
    """Walk the tutorial up to the gateway's account."""
    tutorial = (ROOT / "docs/tutorial.md").read_text()
    begin = tutorial[: tutorial.index("\n## 6.")]
    lines = [line for line in begin.splitlines(keepends=True) if not line.startswith(NOT_HERE)]
    page = folder / "tutorial.md"
    page.write_text("".join(lines))
    Walk(page, folder, IOT_SYSTEM_SIGNATURE_SECRET=SECRET).run()
