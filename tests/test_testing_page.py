"""The page for hosts, run as it stands, by pytest with the fixtures of the entry point.

Where the package is installed without its entry point - an editable install that is older than it -
a folder beside it declares what ``pyproject.toml`` declares.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from django_iot_ingest.testing import chaos, payloads
from django_iot_ingest.testing.contract.at_once import AtOnce

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/how-to/test-your-host.md"
BLOCK = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NAME = "django_iot_ingest"
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
    "pytest11"
]

OF_OURS = """
import sys

def test_nothing_of_django_was_imported():
    ours = {name for name in sys.modules if name.partition(".")[0] == "django_iot_ingest"}
    assert ours == {"django_iot_ingest", "django_iot_ingest.testing", "django_iot_ingest.testing.fixtures"}
    assert not {name.partition(".")[0] for name in sys.modules} & {"django", "rest_framework"}
"""

WITHOUT_PYTEST_DJANGO = """
from importlib import util

find = util.find_spec
util.find_spec = lambda name, *rest: None if name == "pytest_django" else find(name, *rest)
"""

pytestmark = pytest.mark.once


def has_entry_point() -> bool:
    return bool(entry_points(group="pytest11", name=NAME))


def run_pytest(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with warnings as errors and without the settings of this run."""
    paths = [folder, *(path for path in sys.path if path and Path(path) != ROOT / "tests")]
    own = {"PYTHONPATH": os.pathsep.join(map(str, paths)), **environment}
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    if not has_entry_point():
        declare_entry_point(folder)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=kept | own,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )


def declare_entry_point(folder: Path) -> None:
    about = folder / "the_entry_point-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: the-entry-point\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[pytest11]\n{NAME} = {DECLARED[NAME]}\n")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a folder with the files that the page shows."""
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == PAGE.read_text().count("```python")
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_the_built_package_has_the_entry_point() -> None:
    assert DECLARED == {NAME: "django_iot_ingest.testing.fixtures"}
    assert has_entry_point() or "TOX_ENV_NAME" not in os.environ


@pytest.mark.whole
def test_every_block_of_the_page_runs(page: Path) -> None:
    done = run_pytest(page, "-vv", DJANGO_SETTINGS_MODULE="tests.settings", TEST_HOST="fleet")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = Counter(re.findall(r"^(test_\w+\.py)::.* PASSED", done.stdout, re.MULTILINE))
    assert set(ran) == {path.name for path in page.glob("test_*.py")}
    skipped = re.findall(r"::(test_\w+) SKIPPED", done.stdout)
    assert set(skipped) == {name for name in vars(AtOnce) if name.startswith("test_")}


def test_a_project_without_django_notices_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(OF_OURS)
    done = run_pytest(tmp_path, "-p", "no:django")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_pytest_django_a_fixture_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PYTEST_DJANGO)
    (tmp_path / "test_host.py").write_text(
        "def test_one(iot_gateway): pass\ndef test_other(): pass\n"
    )
    done = run_pytest(tmp_path, "-p", "no:django")
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "pip install pytest-django" in done.stdout


def test_numbers_and_names_of_the_page_are_those_of_the_code() -> None:
    text = PAGE.read_text()
    kinds = ", ".join(f"`{kind}`" for kind in chaos.KINDS[:-1]) + f" and `{chaos.KINDS[-1]}`"
    assert f"The kinds are {kinds}," in text
    assert f"`share` of\n{chaos.SHARE} of the events" in text
    shown = payloads.full_snapshot()
    assert f"`slots` ({len(shown['slots'])})" in text
    assert shown["power_banks"][0]["current_slot"] == 2
    assert "one bank in slot 2" in text
