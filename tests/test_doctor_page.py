"""docs/reference/doctor.md says what the doctor prints."""

from __future__ import annotations

import re

import pytest

from django_iot_ingest.doctor.deployment.check import report_of
from django_iot_ingest.doctor.deployment.looks import Question
from django_iot_ingest.doctor.show import text
from tests import doctor_page
from tests.gateway import Gateway

pytestmark = pytest.mark.once


def test_every_mistake_is_in_the_page_with_its_output() -> None:
    page = doctor_page.PAGE.read_text(encoding="utf-8")
    assert doctor_page.page(page) == page


def masked(line: str) -> str:
    """Return a line without what differs between machines and projects."""
    line = re.sub(r"(django-iot-ingest|Django|SQLite) [0-9][0-9.a-z]*[0-9a-z]", r"\1 N", line)
    return re.sub(r"[0-9]+ s for a lock", "N s for a lock", line)


def test_the_deployment_in_the_page_is_what_is_printed(
    db: None, settings: pytest.FixtureRequest
) -> None:
    shown = doctor_page.PAGE.read_text(encoding="utf-8").split(
        "$ python manage.py iot_doctor --host"
    )
    block = shown[1].partition("\n")[2].partition("\n```")[0]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]  # type: ignore[attr-defined]
    question = Question("127.0.0.1:8000", "10.0.0.1", "192.0.2.1", token=Gateway.with_admin().token)
    printed = [line for line, _ in text(report_of(question))]
    assert list(map(masked, block.splitlines())) == list(map(masked, printed))
