"""One version, and one word on what we run on, wherever it is said."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import metadata
from typing import Any

import pytest
import yaml

import django_iot_ingest
from tests import matrix, released
from tests.supported import ROOT, Cell, cells, environments, pyproject, tox

PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")
SHELL = re.compile(r"\$\{\{")

pytestmark = pytest.mark.once


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(read(f".github/workflows/{name}"))
    return loaded


def classifiers(prefix: str) -> list[str]:
    """Return the versions that classifiers of a kind name."""
    found = (re.fullmatch(rf"{prefix} :: (\d+\.\d+)", one) for one in project()["classifiers"])
    return [match[1] for match in found if match]


def project() -> dict[str, Any]:
    found: dict[str, Any] = pyproject()["project"]
    return found


def lowest(name: str, requirements: list[str]) -> str:
    """Return the lowest version of a dependency, as it is written."""
    (found,) = (re.match(rf"{name}>=([\d.]+)", one) for one in requirements if name in one)
    assert found
    return found[1]


PYTHONS = sorted({cell.python for cell in cells()}, key=lambda it: tuple(map(int, it.split("."))))
DJANGOS = sorted({cell.django for cell in cells()})


# --- one version


def test_the_package_says_the_version_once() -> None:
    assert "version" in project()["dynamic"]
    assert released.version() == django_iot_ingest.__version__
    assert metadata("django-iot-ingest")["Version"] == django_iot_ingest.__version__


def test_the_changelog_has_it_under_its_date_and_nothing_newer() -> None:
    first, second, *_ = sections = released.sections()
    assert (first, second) == (released.UNRELEASED, django_iot_ingest.__version__)
    for name, (rest, text) in list(sections.items())[1:]:
        assert released.DATE.fullmatch(rest) and text, name


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v{}", []),
        ("{}", ["the tag is"]),
        ("v{}.post1", ["the tag is"]),
        ("v9.9.9", ["the tag is"]),
    ],
)
def test_only_its_own_tag_is_released(
    tag: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {**released.sections(), released.UNRELEASED: ("", "")}
    monkeypatch.setattr(released, "sections", lambda: sections)
    found = released.problems(tag.format(django_iot_ingest.__version__))
    assert [problem[:10] for problem in found] == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found | {released.UNRELEASED: ("", "### Added\n\n- More.")},
        lambda found: found | {django_iot_ingest.__version__: ("", "- Undated.")},
        lambda found: {released.UNRELEASED: ("", "")},
    ],
)
def test_what_the_changelog_has_not_got_is_not_released(
    change: Callable[[dict], dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = change({**released.sections(), released.UNRELEASED: ("", "")})
    monkeypatch.setattr(released, "sections", lambda: sections)
    assert len(released.problems(f"v{django_iot_ingest.__version__}")) == 1


@pytest.mark.parametrize("tag", [f"v{django_iot_ingest.__version__}", "v0.0.0"])
def test_the_command_ends_as_it_found(tag: str) -> None:
    command = [sys.executable, "-m", "tests.released", tag]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode == 0) == (released.problems(tag) == []) == (done.stderr == "")


def test_no_other_file_holds_the_version() -> None:
    """Two show it: a document that is generated, and what a command prints."""
    said = re.compile(rf"(?<![\d.]){re.escape(django_iot_ingest.__version__)}(?![\d.])")
    names = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", "tox.ini"]
    folders = ("src", "docs", "example_project", ".github", ".ci")
    paths = [ROOT / name for name in names]
    paths += [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = {path: path.read_bytes().decode(errors="replace") for path in paths}
    found = {path.relative_to(ROOT).as_posix() for path, text in texts.items() if said.search(text)}
    found = {name for name in found if "__pycache__" not in name}
    shown = {"docs/reference/openapi.json", "docs/reference/doctor.md"}
    assert found == {"src/django_iot_ingest/__init__.py", *shown}


# --- one word on Python, Django and the rest


def test_the_classifiers_are_the_matrix() -> None:
    assert classifiers("Programming Language :: Python") == PYTHONS
    assert classifiers("Framework :: Django") == DJANGOS


def test_the_bounds_are_the_matrix() -> None:
    assert project()["requires-python"] == f">={PYTHONS[0]}"
    assert lowest("Django", project()["dependencies"]) == DJANGOS[0]
    assert pyproject()["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"


def test_tox_gives_each_cell_its_django() -> None:
    for line in tox()["testenv"]["deps"].strip().split("\n"):
        match = re.fullmatch(r"django(\d)(\d): Django~=\1\.\2\.0", line)
        assert match, line
    assert len(tox()["testenv"]["deps"].strip().split("\n")) == len(DJANGOS)


def test_the_matrix_has_no_hole() -> None:
    """Each Python runs each Django that its oldest and its newest neighbour run."""
    assert len(cells()) == len(set(cells()))
    for python in PYTHONS[1:]:
        assert {cell.django for cell in cells() if cell.python == python} == set(DJANGOS)
    assert Cell(PYTHONS[0], DJANGOS[0]) in cells()


def test_the_long_tests_run_in_the_oldest_and_the_newest_cell() -> None:
    for cell in (min(cells()), max(cells())):
        name = f"py{cell.python.replace('.', '')}-django{cell.django.replace('.', '')}"
        assert name in matrix.WHOLE_CELLS and name in environments()


def test_the_readme_says_the_same() -> None:
    text = " ".join(read("README.md").split())
    *older, newest = DJANGOS
    drf = lowest("djangorestframework", project()["dependencies"])
    assert (
        f"Python {PYTHONS[0]} to {PYTHONS[-1]}, Django {', '.join(older)} and {newest}, "
        f"Django REST framework {drf} or newer."
    ) in text
    assert f"Python {PYTHONS[0]} or newer" in text


def test_makefile_and_contributing_ask_for_the_same_python() -> None:
    minor = PYTHONS[0].removeprefix("3.")
    assert f"sys.version_info < (3, {minor})" in read("Makefile")
    assert all(f"python{python}" in read("Makefile") for python in PYTHONS)
    for name in ("Makefile", "CONTRIBUTING.md"):
        assert f"Python {PYTHONS[0]} or newer" in read(name), name


# --- the workflows do what .ci/run does


def test_ci_runs_every_environment_on_every_python() -> None:
    job = workflow("ci.yml")["jobs"]["tox"]
    assert job["strategy"]["matrix"] == {"environment": environments()}
    (setup,) = (step for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"]["python-version"].split() == PYTHONS
    assert job["steps"][-1]["run"] == 'tox run -e "$ENVIRONMENT"'
    assert workflow("ci.yml")["env"] == {"CI": "true"}


def test_ci_has_the_services_and_programs_of_the_local_one() -> None:
    local, job = read(".ci/run"), workflow("ci.yml")["jobs"]["tox"]
    (line,) = re.findall(r"^for service in (.+); do$", local, re.MULTILINE)
    services = dict(each.split(":") for each in line.split())
    ports = {name: one["ports"] for name, one in job["services"].items()}
    assert ports == {name.lower(): [f"{port}:{port}"] for name, port in services.items()}
    (script,) = (step["run"] for step in job["steps"] if "programs" in step.get("name", ""))
    needed = re.findall(r"^have\w* (\S+) (\S+)$", local, re.MULTILINE)  # a program, its package
    assert len(needed) >= 5
    assert [each for each in needed if not set(each) & set(re.findall(r"[\w-]+", script))] == []
    assert {"JSON_TEST_SUITE", "WYCHEPROOF"} <= job["steps"][-1]["env"].keys()
    assert "make demo ONCE=1" in local
    assert workflow("ci.yml")["jobs"]["demo"]["steps"][-1]["run"] == "make demo ONCE=1"


def test_a_release_needs_the_tests_and_no_secret() -> None:
    text, jobs = read(".github/workflows/release.yml"), workflow("release.yml")["jobs"]
    assert jobs["publish"]["needs"] == ["test", "build"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "release"
    assert "secrets." not in text and "password" not in text
    others = [job["permissions"] for name, job in jobs.items() if name != "publish"]
    assert others == [{"contents": "read"}] * 2
    assert any("tests.released" in step.get("run", "") for step in jobs["build"]["steps"])


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_the_workflows_trust_commits_and_no_text_from_outside(name: str) -> None:
    loaded = workflow(name)
    assert loaded["permissions"] == {}
    steps = [step for job in loaded["jobs"].values() for step in job.get("steps", [])]
    assert steps
    for step in steps:
        assert "uses" not in step or PINNED.fullmatch(step["uses"]), step
        assert not SHELL.search(step.get("run", "")), step
