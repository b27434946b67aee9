"""The page says what is so: its tables, its examples, its settings and its alerts."""

from __future__ import annotations

import ast
import json
import logging
import logging.config
import re
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from django_iot_ingest import health
from django_iot_ingest.metrics.collector import DatabaseCollector
from django_iot_ingest.metrics.recorder import ANSWERS, Recorder
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.overview import Overview
from django_iot_ingest.tracing import ATTRIBUTES
from tests import observability
from tests.observability import PAGE, masked, on_page, parts

TEXT = PAGE.read_text()

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in FENCE.findall(TEXT) if found == language]


@pytest.mark.django_db(transaction=True)
@pytest.mark.one_host
def test_every_part_is_as_it_is_made() -> None:
    """After a change: ``python -m tests.observability --write``."""
    for name, part in parts().items():
        assert masked(on_page(TEXT, name)) == masked(part), name


@pytest.mark.once
def test_masks_hide_numbers_and_nothing_else() -> None:
    line = 'iot_ingest_apply_duration_seconds_sum{event_type="full",state="applied"} 0.0123'
    assert masked(line) == line.replace("0.0123", "#")
    assert masked("iot_ingest_database_up 1.0") == "iot_ingest_database_up 1.0"
    assert masked('"dead": 3') == '"dead": 3'
    assert masked("event_id=12 attempt=2 0.31 ms") == "event_id=# attempt=2 # ms"


@pytest.mark.once
def test_a_part_is_put_between_its_marks() -> None:
    text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb"
    assert on_page(observability.written(text, "x", "new"), "x") == "new"
    with pytest.raises(LookupError, match="no marks of 'y'"):
        observability.written(text, "y", "new")


@pytest.fixture
def loggers_of_the_test() -> Iterator[None]:
    logger = logging.getLogger("django_iot_ingest")
    kept = logger.handlers[:], logger.level
    yield
    logger.handlers[:], _ = kept
    logger.setLevel(kept[1])


@pytest.mark.once
@pytest.mark.usefixtures("loggers_of_the_test")
def test_the_log_configuration_works(capsys: pytest.CaptureFixture[str]) -> None:
    (assignment,) = ast.parse(blocks("python")[0]).body
    assert isinstance(assignment, ast.Assign)
    logging.config.dictConfig(ast.literal_eval(assignment.value))
    logging.getLogger("django_iot_ingest.x").info("a\nline", extra={"event_id": 7})
    said = json.loads(capsys.readouterr().err)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "INFO",
        "logger": "django_iot_ingest.x",
        "message": "a\nline",
        "event_id": 7,
    }


@pytest.mark.once
def test_alerts_ask_for_what_there_is() -> None:
    registry = CollectorRegistry()
    Recorder(registry)
    registry.register(DatabaseCollector(lambda: Overview(0.0)))
    names = set(registry._names_to_collectors)
    alerts = next(text for text in blocks("yaml") if text.startswith("groups:"))
    asked = set(re.findall(r"iot_ingest_\w+", alerts))
    assert len(asked) == 8
    assert asked <= names
    answers = {
        one for found in re.findall(r'answer=~?"([^"]+)"', alerts) for one in found.split("|")
    }
    assert answers <= ANSWERS
    states = {one for found in re.findall(r'state=~?"([^"]+)"', alerts) for one in found.split("|")}
    assert states <= set(map(str, IngestEvent.UNAPPLIED))


@pytest.mark.once
def test_the_page_names_every_attribute_and_every_reason() -> None:
    for attribute in ATTRIBUTES.values():
        assert attribute.removeprefix("iot_ingest") in TEXT, attribute
    codes = {"silent", "no_snapshot", "received_waits", "failed_waits", "deferred_waits", "dead"}
    table = TEXT.partition("| code |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row)} == codes
    assert f"waits for {health.LATE:.0f} s" in TEXT
    assert f'_age_seconds{{state=~"received|failed"}}) > {health.LATE:.0f}' in TEXT
