"""``hooks.md``: the service's hooks, events and reports, and what happens where a hook raises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django_iot_ingest import event_types, events, silence
from django_iot_ingest.conf import get_power_bank_model, get_station_model, get_sync_service
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.services import Outcome, StationSyncService
from django_iot_ingest.services.hooks import NAMES
from django_iot_ingest.wire import Reader
from tests.gateway import Gateway
from tests.hosts import start_rental
from tests.payloads import BANK, cabinet, moment, returned, status
from tests.reference.markdown import (
    attribute_docs,
    code,
    field_table,
    first_paragraph,
    prose,
    signature,
    table,
)

DEFAULTS = ("get_station_defaults", "get_power_bank_defaults")

REPORTS = (events.StationReport, events.FullReport, events.ReturnReport, events.StatusReport)


def parts() -> dict[str, str]:
    """Return every generated part of the page."""
    return {
        "hooks": "\n\n".join(hook_sections()),
        "raising": table(["hook", "during", "answer", "inbox row"], raising()),
        "event-type": f"{attributes(event_types.EventType)}\n\n{methods(event_types.EventType)}",
        "reader": methods(Reader),
        "outcome": field_table(Outcome),
        "reports": "\n\n".join(map(report_section, REPORTS)),
    }


def hook_sections() -> Iterator[str]:
    """Yield a section for each method that a host overrides."""
    for name in DEFAULTS:
        hook = getattr(StationSyncService, name)
        yield f"### `{signature(hook)}`\n\n{prose(hook.__doc__)}"
    for event, name in NAMES.items():
        hook = getattr(StationSyncService, name)
        told = [prose(hook.__doc__), f"`{event.__name__}`: {prose(event.__doc__)}"]
        yield "\n\n".join([f"### `{signature(hook)}`", *told, field_table(event)])


def report_section(report: Any) -> str:
    """Return what there is to say of one report: only its own fields."""
    said = f"### `{report.__name__}`\n\n{prose(report.__doc__)}"
    return f"{said}\n\n{field_table(report, own=True)}"


def attributes(owner: Any) -> str:
    """Return a table of a class's documented attributes."""
    rows = [
        [code(name), code(repr(vars(owner)[name])) if name in vars(owner) else "", doc]
        for name, doc in attribute_docs(owner).items()
    ]
    return table(["attribute", "default", ""], rows)


def methods(owner: Any) -> str:
    """Return a table of a class's own public methods."""
    rows = [
        [code(signature(one)), first_paragraph(one.__doc__)]
        for name, one in vars(owner).items()
        if callable(one) and not name.startswith("_")
    ]
    return table(["method", ""], rows)


@dataclass(frozen=True)
class Trial:
    """A hook that raises, and what makes it be called; ``before`` is the state it needs."""

    hook: str
    during: str
    act: Callable[[Gateway, int], Any]
    before: Callable[[Gateway, int], Any] = lambda gateway, at: None


def known(gateway: Gateway, at: int) -> None:
    """Make a station with one bank known."""
    gateway.send(cabinet({2: BANK}, at=at))


def rented(gateway: Gateway, at: int) -> None:
    """Rent that bank."""
    known(gateway, at)
    start_rental(get_power_bank_model().objects.get(), moment(at + 10))


def absent(gateway: Gateway, at: int) -> None:
    """Let one snapshot lack that bank."""
    known(gateway, at)
    gateway.send(cabinet({}, at=at + 100))


def silent(gateway: Gateway, at: int) -> None:
    """Let that station have been heard long ago."""
    known(gateway, at)
    get_station_model().objects.update(last_heard_at=moment(at - 10_000))


def a_snapshot(gateway: Gateway, at: int) -> Any:
    return gateway.post(cabinet({2: BANK}, at=at + 200))


TRIALS = [
    Trial("get_station_defaults", "`full`", a_snapshot),
    Trial("get_power_bank_defaults", "`full`", a_snapshot),
    Trial("on_station_created", "`full`", a_snapshot),
    Trial("on_station_created", "`status`", lambda gateway, at: gateway.post(status(at=at))),
    Trial(
        "on_station_status_changed",
        "`status`",
        lambda gateway, at: gateway.post(status("OFFLINE", at=at + 200)),
        known,
    ),
    Trial(
        "on_station_status_changed",
        "`iot_mark_offline`",
        lambda gateway, at: silence.mark_offline(),
        silent,
    ),
    Trial(
        "on_power_bank_returned",
        "`returned`",
        lambda gateway, at: gateway.post(returned(slot=2, at=at + 200)),
        rented,
    ),
    Trial("on_power_bank_returned", "`full`", a_snapshot, rented),
    Trial(
        "on_power_bank_missing",
        "`full`",
        lambda gateway, at: gateway.post(cabinet({}, at=at + 300)),
        absent,
    ),
]


def raising() -> Iterator[list[str]]:
    """Yield a row for each trial: what is answered, and in which state the event is kept."""
    gateway, at = Gateway.with_admin("hooks@example.com"), int(time.time()) - 1000
    service = type(get_sync_service())
    for trial in TRIALS:
        clear()
        trial.before(gateway, at)
        IngestEvent.objects.all().delete()
        before = rows()
        with mock.patch.object(service, trial.hook, side_effect=ValueError):
            told = answer(trial.act(gateway, at))
        assert rows() == before or "hook_refused" in told, trial
        state = ", ".join(code(row.state) for row in IngestEvent.objects.all())
        yield [code(trial.hook), trial.during, told, state or "none"]
    clear()


def clear() -> None:
    """Empty the tables of the story."""
    for model in (IngestEvent, StationStatusChange, get_power_bank_model(), get_station_model()):
        everything = model._base_manager.all()
        for row in everything:
            for related in ("rentals", "leases"):
                if hasattr(row, related):
                    getattr(row, related).all().delete()
        everything.delete()


def rows() -> list[Any]:
    """Return what hooks may undo: statuses and places, but not when a station was heard."""
    stations = get_station_model().objects.values_list("serial_number", "status")
    banks = get_power_bank_model().objects.values_list(
        "serial_number", "status", "current_station", "current_slot", "missing_since"
    )
    return [*stations.order_by("pk"), *banks.order_by("pk")]


def answer(response: Any) -> str:
    """Return an answer in a few words; a number is how many stations were marked."""
    if isinstance(response, int):
        return f"{response} stations marked"
    data = response.json().get("data", {})
    warnings = [f"`{one['code']}`" for one in data.get("warnings", ())]
    told = f" with {', '.join(warnings)}" if warnings else ""
    return f"{response.status_code}{told}"
