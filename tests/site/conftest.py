"""The site under test: the folder of ``--site``, or one that is built for the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.pages import Page, pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
STRICT = ("--fail-on-warning", "--keep-going", "--nitpicky", "-q")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--site", metavar="FOLDER", help="the built site; without it, one is built")


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the site lies."""
    told = request.config.getoption("--site", default=None)
    if told:
        return Path(told).resolve()
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", *STRICT, "-b", "html", str(DOCS), str(built)]
    subprocess.run(command, check=True, timeout=300)
    return built


@pytest.fixture(scope="session")
def site(folder: Path) -> dict[Path, Page]:
    """Return every page by its path."""
    return pages(folder)
