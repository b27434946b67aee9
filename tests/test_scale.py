"""The page on scale: its SQL runs, its Python compiles, and its tables are filled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests import partitions

SCALE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "scale.md"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^<!-- (\w+):begin -->\n(.*?)^<!-- \1:end -->$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the page's code blocks of one language."""
    return [text for found, text in BLOCK.findall(SCALE.read_text()) if found == language]


@pytest.fixture
def partitioned(transactional_db: None) -> Iterator[None]:
    partitions.make()
    yield
    partitions.unmake()


@pytest.mark.once
def test_every_python_block_compiles() -> None:
    texts = blocks("python")
    assert texts
    for text in texts:
        compile(text, "scale.md", "exec")


@pytest.mark.once
def test_every_table_is_filled() -> None:
    tables = dict(TABLE.findall(SCALE.read_text()))
    assert tables.keys() == {"events", "commits", "updates", "pruning", "partitions"}
    assert all(text.count("\n|") >= 3 for text in tables.values())


@pytest.mark.postgresql
@pytest.mark.one_host
@pytest.mark.django_db
def test_the_advice_on_tables_runs() -> None:
    (advice, _) = blocks("sql")
    with connection.cursor() as cursor:
        cursor.execute(advice)
        cursor.execute(
            "SELECT relname FROM pg_class WHERE reloptions::text LIKE '%fillfactor%' ORDER BY 1"
        )
        names = [name for (name,) in cursor.fetchall()]
    assert names == ["fleet_powerbank", "fleet_station", "fleet_stationslot"]


@pytest.mark.postgresql
def test_the_nightly_statements_run(partitioned: None) -> None:
    (_, nightly) = blocks("sql")
    partitions.add_days(partitions.today() - partitions.timedelta(days=31), 3)
    assert len(partitions.days()) == 10
    with connection.cursor() as cursor:
        cursor.execute(nightly)
    assert partitions.days()[0] == partitions.name_of(29)
    assert len(partitions.days()) == 8
