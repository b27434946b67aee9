"""See each call of the host's hook for returns, and make it refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import transaction

from django_iot_ingest.conf import get_sync_service
from django_iot_ingest.database import alias
from django_iot_ingest.events import PowerBankReturned

HOOK = "on_power_bank_returned"


class RefusedByTheSuite(Exception):
    """The host's hook has done its work, and the contract suite undoes it."""

    is_expected = True


class HookWatch:
    """Stand before the hook of the configured service.

    ``committed`` are the events of its calls that were committed, not of those rolled back.
    ``refusals`` is how many of the next calls raise after the host's work is done; ``inside`` is
    called before it.
    """

    def __init__(self) -> None:
        self.committed: list[PowerBankReturned] = []
        self.refusals = 0
        self.inside: Callable[[PowerBankReturned], object] = lambda event: None

    def call(self, hook: Callable[[PowerBankReturned], None], event: PowerBankReturned) -> None:
        """Call the host's hook, and count the call if it is committed."""
        transaction.on_commit(lambda: self.committed.append(event), using=alias())
        self.inside(event)
        hook(event)
        if self.refusals:
            self.refusals -= 1
            raise RefusedByTheSuite


@contextmanager
def watching() -> Iterator[HookWatch]:
    """Put a watch on the configured service's hook, in place: signals keep their sender."""
    watch = HookWatch()
    service = type(get_sync_service())
    original = getattr(service, HOOK)

    def hook(self: Any, event: PowerBankReturned) -> None:
        watch.call(lambda event: original(self, event), event)

    with mock.patch.object(service, HOOK, hook):
        yield watch
