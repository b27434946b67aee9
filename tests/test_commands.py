"""iot_prune and iot_replay: what an operator runs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_iot_ingest import event_types, prune
from django_iot_ingest.conf import get_power_bank_model
from django_iot_ingest.events import StationReport
from django_iot_ingest.models import IngestEvent, StationStatusChange
from django_iot_ingest.services import Outcome
from tests import hosts
from tests.flaky import FlakyHook
from tests.gateway import Gateway
from tests.payloads import BANK, STATION, full, returned, status

State = IngestEvent.State


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> FlakyHook:
    return FlakyHook(monkeypatch)


def bank() -> Any:
    return get_power_bank_model().objects.get_or_create(serial_number=BANK)[0]


def age(days: float) -> None:
    """Make everything in the inbox and the history so many days old."""
    moment = timezone.now() - timedelta(days=days)
    IngestEvent.objects.update(received_at=moment)
    StationStatusChange.objects.update(changed_at=moment)


def make_old(apart: int) -> list[datetime]:
    """Make the rows of the inbox 31 days old and more, each ``apart`` days; return their times."""
    newest = timezone.now() - timedelta(days=31)
    times = []
    for number, row in enumerate(IngestEvent.objects.order_by("-pk")):
        row.received_at = newest - timedelta(days=apart * number)
        row.save()
        times.insert(0, row.received_at)
    return times


def run(command: str, *args: str) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


def test_old_applied_events_are_pruned_and_young_ones_kept(gateway: Gateway) -> None:
    gateway.send(full())
    gateway.send(status())
    age(29)
    assert sum(prune.prune().values()) == 0
    age(31)

    assert prune.prune()["events"] == 2
    assert not IngestEvent.objects.exists()


def test_a_return_loses_its_body_and_stays_a_duplicate(gateway: Gateway, hook: FlakyHook) -> None:
    bank()
    payload = returned()
    gateway.send(payload)
    age(31)

    counts = prune.prune()

    assert (counts["bodies of returns"], counts["returns"]) == (1, 0)
    assert bytes(IngestEvent.objects.get().body) == b""
    assert gateway.send(payload)["state"] == "duplicate"
    assert hook.calls == 1
    assert prune.prune()["bodies of returns"] == 0
    age(401)
    assert prune.prune()["returns"] == 1


@pytest.mark.parametrize("state", [State.RECEIVED, State.DEFERRED, State.FAILED, State.DEAD])
def test_what_was_not_applied_is_never_pruned(gateway: Gateway, state: str) -> None:
    for payload in (full(), status(), returned()):
        gateway.send(payload)
    IngestEvent.objects.update(state=state)
    age(10_000)

    counts = prune.prune()

    assert {name: count for name, count in counts.items() if count} == {"status changes": 1}
    assert all(bytes(row.body) for row in IngestEvent.objects.all())
    assert IngestEvent.objects.count() == 3


def test_pruning_goes_in_batches(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "BATCH", 2)
    for _ in range(5):
        gateway.send(status())
    age(31)

    assert prune.prune()["events"] == 5


@pytest.mark.parametrize("apart", [0, 1], ids=["received at once", "a day apart"])
def test_a_batch_that_somebody_took_up_does_not_end_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    monkeypatch.setattr(prune, "BATCH", 2)
    for _ in range(6):
        gateway.send(status())
    make_old(apart)
    taken_up: list[int] = []

    def delete(rows: Any) -> int:
        if not taken_up:
            taken_up.extend(rows.values_list("pk", flat=True))
            IngestEvent.objects.filter(pk__in=taken_up).update(state=State.FAILED)
        return int(rows.delete()[0])

    monkeypatch.setattr(prune, "_delete", delete)

    assert prune.prune()["events"] == 4
    assert sorted(IngestEvent.objects.values_list("pk", flat=True)) == sorted(taken_up)


def test_no_batch_reads_again_what_another_has_read(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last of many batches would pass over all that was deleted before it."""
    monkeypatch.setattr(prune, "BATCH", 1)
    for _ in range(3):
        gateway.send(status())
    moments = make_old(1)

    with CaptureQueriesContext(connection) as queries:
        assert prune.prune()["events"] == 3

    looks = [query["sql"] for query in queries if "LIMIT 1" in query["sql"]]
    begins = [re.search(r"received_at\W+ >= '?([-0-9]+)", sql) for sql in looks[:4]]
    assert [found and found[1] for found in begins] == [
        None,
        *(f"{moment:%Y-%m-%d}" for moment in moments),
    ]


def test_a_dry_run_only_counts(gateway: Gateway) -> None:
    gateway.send(status())
    age(401)

    assert run("iot_prune", "--dry-run").splitlines()[0] == "1 events to be pruned"
    assert IngestEvent.objects.count() == 1
    assert run("iot_prune").splitlines() == [
        "1 events pruned",
        "0 returns pruned",
        "0 bodies of returns pruned",
        "1 status changes pruned",
        "0 refusals pruned",
    ]


def dead_return(gateway: Gateway, hook: FlakyHook) -> IngestEvent:
    hook.failures = [RuntimeError("no")]
    gateway.post(returned())
    IngestEvent.objects.update(state=State.DEAD)
    return IngestEvent.objects.get()


def test_an_operator_replays_a_dead_return(gateway: Gateway, hook: FlakyHook) -> None:
    rental = hosts.start_rental(bank(), timezone.now() - timedelta(minutes=5))
    row = dead_return(gateway, hook)

    assert run("iot_replay", str(row.pk)) == "1 applied\n"
    assert hosts.ended_at(rental) is not None
    assert run("iot_replay", str(row.pk)) == "nothing to replay\n"
    assert hook.calls == 2


@pytest.mark.parametrize(
    ("filters", "is_found"),
    [
        (["--state", "dead"], True),
        (["--state", "failed"], False),
        (["--type", "returned"], True),
        (["--type", "full"], False),
        (["--station", STATION], True),
        (["--station", "other"], False),
        (["--power-bank", BANK], True),
        (["--power-bank", "other"], False),
        (["--since", "2020-01-01"], True),
        (["--since", "2100-01-01T00:00:00Z"], False),
        (["--until", "2100-01-01 12:00"], True),
        (["--until", "2020-01-01"], False),
        (["--all"], True),
    ],
    ids=str,
)
def test_events_are_chosen_by_a_filter(
    gateway: Gateway, hook: FlakyHook, filters: list[str], is_found: bool
) -> None:
    bank()
    row = dead_return(gateway, hook)

    listed = f"{row.pk} dead returned {STATION}\n" if is_found else ""
    assert run("iot_replay", *filters, "--dry-run") == listed
    assert run("iot_replay", *filters) == ("1 applied\n" if is_found else "nothing to replay\n")


@pytest.mark.parametrize("arguments", [[], ["--since", "yesterday"], ["--state", "applied"]])
def test_a_replay_has_to_be_asked_for_rightly(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("iot_replay", *arguments)


def test_a_refused_body_stays_refused_until_it_can_be_read(gateway: Gateway) -> None:
    assert gateway.post({**status(), "type": "alarm"}).status_code == 400
    assert run("iot_replay", "--all") == "1 refused\n"

    class Alarm(event_types.EventType):
        name = "alarm"

        def read(self, reader: Any) -> StationReport:
            return StationReport(**reader.common())

        def apply(self, service: Any, report: Any) -> Outcome:
            return Outcome()

    event_types.register(Alarm)
    try:
        assert run("iot_replay", "--all") == "1 applied\n"
    finally:
        event_types.unregister("alarm")
    row = IngestEvent.objects.get()
    assert (row.event_type, row.device_serial, row.dedup_key) == ("alarm", STATION, None)
