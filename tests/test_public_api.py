"""The public names are those of the list, the page has them all, and each is documented."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path

import pytest

from tests import public_api
from tests.public_api import LIST, PACKAGE, PAGE, Name
from tests.public_names import PRIVATE, PUBLIC

ROOT = Path(__file__).resolve().parent.parent

IMPORT = re.compile(rf"^from {PACKAGE}([.\w]*) import (\([^)]*\)|[^\n(]+)", re.MULTILINE)

CHANGED = (
    "The public API changed. If it is meant: python -m tests.public_api --write, a line in "
    "CHANGELOG.md, and what docs/reference/deprecation.md asks for."
)

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def names() -> list[Name]:
    return public_api.all_names()


def test_no_public_name_has_changed_unnoticed(names: list[Name]) -> None:
    known = LIST.read_text(encoding="utf-8").splitlines()
    found = public_api.listing(names).splitlines()
    removed, added = sorted(set(known) - set(found)), sorted(set(found) - set(known))
    assert (removed, added) == ([], []), CHANGED
    assert found == known


@pytest.mark.parametrize("module", PUBLIC)
def test_a_new_name_in_a_public_module_is_public_or_declared_private(module: str) -> None:
    found = vars(import_module(f"{PACKAGE}.{module}".rstrip(".")))
    own = {
        name
        for name, value in found.items()
        if (isclass(value) or isfunction(value)) and value.__module__ == found["__name__"]
    }
    visible = {name for name in own if not name.startswith("_")}
    assert visible - set(PUBLIC[module]) == PRIVATE.get(module, set())


def test_the_page_has_the_list(names: list[Name]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert public_api.page(text, names) == text


def test_no_name_is_listed_twice(names: list[Name]) -> None:
    lines = [(name.section, name.name) for name in names]
    assert len(lines) == len(set(lines))


def test_every_class_and_function_says_what_it_is(names: list[Name]) -> None:
    silent = {name.name for name in names if name.section.startswith(PACKAGE) and not name.text}
    constants = {"Status", "State", "Trigger", "name", "registry", "token", "__version__"}
    constants |= {"exactly_once", "newest_counts", "refresh_seconds", "kept_seconds"}
    constants |= {"STATION", "BANK", "written_by_hooks", "receipt", "body"}
    assert {name.rpartition(".")[2] for name in silent} - set(PUBLIC["signals"]) <= constants
    assert not any("nothing is said" in name.shape for name in names)


@pytest.mark.parametrize("module", ["models", "services", "admin", "metrics", "testing"])
def test_what_a_package_exports_is_public(module: str) -> None:
    exported = set(import_module(f"{PACKAGE}.{module}").__all__)
    ours = {"install", "is_installed", "RefusalCount"}
    """What other modules of the package take from there."""
    assert exported - ours == set(PUBLIC[module])


def test_what_the_docs_import_is_public() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    imported = {
        (module.lstrip("."), name.strip().split(" as ")[0])
        for page in pages
        for module, listed in IMPORT.findall(page.read_text(encoding="utf-8"))
        for name in listed.strip("()").split(",")
        if name.strip()
    }
    public = {(module, name) for module, names in PUBLIC.items() for name in names}
    public |= {("", module) for module in PUBLIC}  # from django_iot_ingest import health
    assert len(imported) > 10
    assert imported - public == set()
