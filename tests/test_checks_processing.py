"""The checks of deferred mode: is the value one of two, and does somebody carry the work?"""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.checking import configure, ids, only_message

pytestmark = pytest.mark.once


@pytest.mark.parametrize("value", ["later", "", "Deferred"])
def test_another_way_of_processing_is_an_error(settings: Any, value: str) -> None:
    configure(settings, PROCESSING=value)
    message = only_message()

    assert ids() == ["E005"]
    assert repr(value) in message.msg
    assert "\"PROCESSING\": 'inline'" in str(message.hint)


def test_inline_asks_for_no_tasks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(settings, PROCESSING="inline")
    monkeypatch.setitem(sys.modules, "django_iot_ingest.tasks", None)
    assert ids() == []


def test_deferred_without_tasks_is_warned_of(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(settings, PROCESSING="deferred")
    monkeypatch.setitem(sys.modules, "django_iot_ingest.tasks", None)
    assert ids() == ["W100"]


def test_the_default_backend_of_tasks_has_no_workers(settings: Any) -> None:
    configure(settings, PROCESSING="deferred")
    message = only_message()

    assert ids() == ["W101"]
    assert "ImmediateBackend" in message.msg


def test_a_backend_of_the_hosts_is_trusted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django_iot_ingest import tasks

    class Backend:
        """Stand for any backend of somebody else's."""

    configure(settings, PROCESSING="deferred")
    monkeypatch.setattr(type(tasks.iot_drain), "get_backend", lambda self: Backend())
    assert ids() == []
