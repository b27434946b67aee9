"""docs/reference/fleet.md: its code runs, its images and links are there, its numbers are the page's."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import path

from django_iot_ingest.fleet.page import FleetAdmin
from django_iot_ingest.models import Fleet
from tests import test_fleet_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "fleet.md"

TEXT = PAGE.read_text(encoding="utf-8")

FLAGS = re.MULTILINE | re.DOTALL

TABLE = re.compile(r"^<!-- fleet_page:begin -->\n(.*?)^<!-- fleet_page:end -->$", FLAGS)

pytestmark = pytest.mark.once


@pytest.fixture
def registry() -> Iterator[None]:
    """Put the fleet page's own admin back."""
    yield
    admin.site.unregister(Fleet)
    admin.site.register(Fleet, FleetAdmin)


def test_a_host_can_have_another_rhythm(
    registry: None, db: None, settings: Any, tmp_path: Path
) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, FLAGS)
    (tmp_path / "admin.py").write_text(block)
    runpy.run_path(str(tmp_path / "admin.py"))
    # A site's URLs are made once; whatever test came before has made those of the project.
    settings.ROOT_URLCONF = (path("admin/", admin.site.urls),)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("chief"))
    response = client.get(test_fleet_page.URL)
    assert b'data-refresh="60"' in response.content


def test_every_image_and_page_that_is_named_is_there() -> None:
    names = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(names) >= 7
    for name in names:
        assert (PAGE.parent / name).is_file(), name


def test_no_image_is_too_large() -> None:
    images = list((PAGE.parent.parent / "images").glob("*.png"))
    assert images
    assert [image.name for image in images if image.stat().st_size >= 150_000] == []


def test_the_table_is_filled_and_says_as_many_statements_as_are_asserted() -> None:
    (table,) = TABLE.findall(TEXT)
    rows = [line.split("|")[1:3] for line in table.splitlines() if re.match(r"\| [\d,]+ \|", line)]
    assert [stations.strip() for stations, _ in rows] == ["10", "1,000", "10,000"]
    assert {int(statements) for _, statements in rows} == {test_fleet_page.STATEMENTS}
    assert f"\n{test_fleet_page.STATEMENTS} statements" in TEXT
