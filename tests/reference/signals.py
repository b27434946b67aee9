"""``signals.md``: what receivers were really sent, in a story that sends every signal."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any
from unittest import mock

from django.test import TestCase

from django_iot_ingest import signals
from django_iot_ingest.conf import get_power_bank_model, get_sync_service
from django_iot_ingest.events import StationReport
from django_iot_ingest.models import AbstractStation
from django_iot_ingest.signals import ObserverSignal
from tests.gateway import Gateway, listen
from tests.hosts import start_rental
from tests.payloads import BANK, cabinet, moment, returned, status
from tests.reference.markdown import code, table

NAMES = [name for name, one in vars(signals).items() if isinstance(one, ObserverSignal)]

Heard = dict[str, list[dict[str, Any]]]


def parts() -> dict[str, str]:
    """Return the table of arguments of each signal."""
    heard = story()
    return {name: arguments(heard[name]) for name in NAMES}


def story() -> Heard:
    """Let a gateway send what makes every signal be sent; return what receivers were sent."""
    with ExitStack() as stack:
        heard = {name: stack.enter_context(listen(getattr(signals, name))) for name in NAMES}
        stack.enter_context(TestCase.captureOnCommitCallbacks(execute=True))
        tell(Gateway.with_admin(), int(time.time()) - 1000)
    return heard


def tell(gateway: Gateway, at: int) -> None:
    """Send a status, snapshots with a bank and without it, returns, and what is refused."""
    refusing = mock.patch.object(
        type(get_sync_service()), "on_power_bank_returned", side_effect=ValueError
    )
    gateway.send(status(at=at))
    gateway.send(cabinet({2: BANK}, at=at + 10))
    start_rental(get_power_bank_model().objects.get(), moment(at + 20))
    with refusing:
        gateway.send(cabinet({2: BANK}, at=at + 100))
        gateway.post(returned(slot=2, at=at + 110))
    gateway.send(returned(slot=2, at=at + 110))
    gateway.send(cabinet({}, at=at + 200))
    gateway.send(cabinet({}, at=at + 300))
    gateway.post(status(), secret="of-somebody-else-0123456789abcdef")


def arguments(heard: list[dict[str, Any]]) -> str:
    """Return the table of what receivers are sent, the sender first."""
    told: dict[str, set[str]] = {}
    for payload in heard:
        for name, value in payload.items():
            if name != "signal":
                told.setdefault(name, set()).add(kind(name, value))
    rows = [[code(name), " or ".join(sorted(kinds))] for name, kinds in told.items()]
    return table(["argument", "what it is"], sorted(rows, key=lambda row: row[0] != "`sender`"))


def kind(name: str, value: Any) -> str:
    """Return what a value is, for whatever host."""
    if name == "sender":
        is_service = value is type(get_sync_service())
        return "your sync service's class" if is_service else code(value.__name__)
    if isinstance(value, AbstractStation):
        return "your station"
    if isinstance(value, StationReport):
        return code(type(value).__name__)
    return code(None if value is None else type(value).__name__)
