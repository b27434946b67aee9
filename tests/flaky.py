"""A hook of the host that fails as often as a test says."""

from __future__ import annotations

from typing import Any

import pytest

from django_iot_ingest.conf import get_sync_service


class FlakyHook:
    """Stand before a hook of the configured service: count its calls, raise ``failures`` first (None lets a call pass)."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, name: str = "on_power_bank_returned"
    ) -> None:
        service = type(get_sync_service())
        self.events: list[Any] = []
        self.failures: list[Exception | None] = []
        original = getattr(service, name)

        def hook(instance: Any, event: Any) -> None:
            self.events.append(event)
            failure = self.failures.pop(0) if self.failures else None
            if failure:
                raise failure
            original(instance, event)

        monkeypatch.setattr(service, name, hook)

    @property
    def calls(self) -> int:
        return len(self.events)
