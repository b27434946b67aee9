"""The how-to guides, each walked in a copy of the tutorial's host; and what they say in numbers."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core.management import get_commands

from django_iot_ingest import (
    client,
    database,
    event_types,
    ledger,
    logs,
    patience,
    times,
)
from django_iot_ingest.conf import IngestSettings
from django_iot_ingest.models.fields import SERIAL_NUMBER_LENGTH
from django_iot_ingest.services import StationSyncService
from tests.judges import leave_out
from tests.walk import ROOT, Walk, make_host

GUIDES = ROOT / "docs" / "how-to"

SECRET = "only-for-the-guides-0123456789abcdefghij"

VARIABLES = {
    "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
    "DJANGO_SUPERUSER_PASSWORD": "only-for-the-guides",
    # As on a terminal: results and troubles of one program come in order.
    "PYTHONUNBUFFERED": "1",
}

A_TOKEN = "python manage.py shell --verbosity 0 < gateway_token.py"

POSTGRESQL = "postgresql-with-several-workers"

WALKED = (
    "behind-nginx",
    "deferred-with-celery-or-another-backend",
    "move-an-existing-integration",
    "own-authentication",
    "own-event-type",
    "own-models",
    "own-sync-service",
    "rotate-a-secret",
    "troubleshoot",
)

pytestmark = [pytest.mark.once, pytest.mark.whole]


class Host(NamedTuple):
    """The tutorial's host, to be copied, and what is in a reader's environment by then."""

    folder: Path
    variables: dict[str, str]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Return the tutorial's host, with a token for the gateway."""
    folder = make_host(tmp_path_factory.mktemp("host"))
    page = folder.with_suffix(".md")
    page.write_text(f"```bash\n{A_TOKEN}\n```\n")
    last = Walk(page, folder, **VARIABLES)
    last.run()
    return Host(folder, {**VARIABLES, "IOT_TOKEN": last.printed.strip()})


def walk(name: str, host: Host, folder: Path, **variables: str) -> None:
    """Walk a guide in a copy of the host."""
    own = folder / "power"
    shutil.copytree(host.folder, own)
    Walk(GUIDES / f"{name}.md", own, **host.variables, **variables).run()


@pytest.mark.parametrize("name", WALKED)
def test_every_block_does_what_the_page_says(name: str, host: Host, tmp_path: Path) -> None:
    walk(name, host, tmp_path)


@pytest.fixture
def postgresql() -> Iterator[dict[str, str]]:
    """Yield where a database may be made, and drop it afterwards; a missing server fails in CI."""
    name = f"guides_{os.getpid()}"
    where = {"PGHOST": "127.0.0.1", "PGUSER": "postgres"}
    try:
        server = psycopg.connect(
            host=where["PGHOST"], user=where["PGUSER"], dbname="postgres", autocommit=True
        )
    except psycopg.OperationalError:
        leave_out("PostgreSQL does not answer")
    with server:
        try:
            yield {**where, "PGDATABASE": name}
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def test_twelve_copies_meet_two_workers(
    postgresql: dict[str, str], host: Host, tmp_path: Path
) -> None:
    walk(POSTGRESQL, host, tmp_path, **postgresql)


def test_the_celery_task_is_python_and_drains(tmp_path: Path) -> None:
    """Celery is not among what tests need; what the task calls is."""
    page = (GUIDES / "deferred-with-celery-or-another-backend.md").read_text()
    block = next(b for b in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "celery" in b)
    compile(block, "host/celery.py", "exec")
    from django_iot_ingest.drain import drain

    assert "from django_iot_ingest.drain import drain" in block
    assert callable(drain)


def test_each_page_here_is_named_in_the_index() -> None:
    index = (GUIDES / "index.md").read_text()
    for name in (*WALKED, POSTGRESQL):
        assert f"({name}.md)" in index, name


FACTS: list[tuple[str, str, Any]] = [
    ("own-models", r"up to (\d+) characters", SERIAL_NUMBER_LENGTH),
    ("own-sync-service", r"waits more than (\d+) s for a lock", database.LOCK_TIMEOUT),
    ("own-sync-service", r"runs more than (\d+) s", database.STATEMENT_TIMEOUT),
    ("own-sync-service", r"hangs up after (\d+) s", client.TIMEOUT),
    ("own-sync-service", r"up to (\d+) times", database.MAX_ATTEMPTS),
    ("own-event-type", r"at most (\d+) characters", event_types.MAX_NAME_LENGTH),
    ("own-event-type", r"gateway try (\w+) times", len(client.PAUSES)),
    ("own-authentication", r"asking again: (\d+) s with", IngestSettings.PRINCIPAL_CACHE_SECONDS),
    ("own-authentication", r"recorded it for (\d+) s", IngestSettings.SIGNATURE_TIMEOUT),
    ("behind-nginx", r"`MAX_BODY_BYTES` \((\d+)\)", IngestSettings.MAX_BODY_BYTES),
    ("behind-nginx", r"gateway waits (\d+) s", client.TIMEOUT),
    ("behind-nginx", r"lost after (\w+) tries", len(client.PAUSES)),
    (
        "rotate-a-secret",
        r"after at most (\d+) s",
        sum(client.PAUSES) + len(client.PAUSES) * client.TIMEOUT,
    ),
    ("rotate-a-secret", r"logs, once a (minute)", logs.QUIET_SECONDS),
    (POSTGRESQL, r"waits longer than (\d+) s for a lock", database.LOCK_TIMEOUT),
    (POSTGRESQL, r"runs longer than (\d+) s", database.STATEMENT_TIMEOUT),
    (POSTGRESQL, r"is held for up to (\d+) s", patience.HOLD_SECONDS),
    (POSTGRESQL, r"A return waits for up to (\d+) s", patience.HOLD_SECONDS),
    (POSTGRESQL, r"table's lock for longer than (\d+) s", database.LOCK_TIMEOUT),
    ("troubleshoot", r"may be off by (\d+) s", IngestSettings.SIGNATURE_TIMEOUT),
    ("troubleshoot", r"Up to the (\d+) s", IngestSettings.SIGNATURE_TIMEOUT),
    ("troubleshoot", r"off by more than (\d+) s", times.SKEW_TOLERANCE),
    ("troubleshoot", r"SECONDS`, (\d+) by default", IngestSettings.PRINCIPAL_CACHE_SECONDS),
    ("troubleshoot", r"failed (\d+) times", IngestSettings.SWEEP_MAX_ATTEMPTS),
    ("troubleshoot", r"after (\d+) s at first", ledger.FIRST_BACK_OFF.total_seconds()),
    ("troubleshoot", r"every (hour) at last", ledger.MAX_BACK_OFF.total_seconds()),
    ("troubleshoot", r"fell silent for (\d+) s", IngestSettings.OFFLINE_AFTER),
    ("move-an-existing-integration", r"more than (\d+) s old", IngestSettings.SIGNATURE_TIMEOUT),
    ("move-an-existing-integration", r"keeps it (\d+) days", IngestSettings.KEEP_EVENTS_DAYS),
]
"""What a page says, and what the code says of it."""

WORDS = {"three": 3, "minute": 60, "hour": 3600}


@pytest.mark.parametrize(("name", "pattern", "value"), FACTS)
def test_a_number_is_the_code_s(name: str, pattern: str, value: Any) -> None:
    text = " ".join((GUIDES / f"{name}.md").read_text().split())
    found = re.search(pattern, text)
    assert found, pattern
    assert float(WORDS.get(found[1], found[1])) == float(value)


def test_an_answer_comes_within_what_the_pages_say() -> None:
    """Ten seconds: the last transaction ends a little before."""
    assert database.ANSWER_WITHIN < 10 < client.TIMEOUT
    for name in ("behind-nginx", POSTGRESQL):
        assert re.search(r"within 10\b", (GUIDES / f"{name}.md").read_text()), name


@pytest.mark.parametrize("name", [*WALKED, POSTGRESQL])
def test_every_command_that_a_page_names_exists(name: str) -> None:
    text = (GUIDES / f"{name}.md").read_text()
    assert set(re.findall(r"manage\.py (iot_\w+)", text)) <= set(get_commands())


def test_every_hook_is_in_the_table() -> None:
    hooks = [n for n in vars(StationSyncService) if n.startswith(("get_", "on_"))]
    page = (GUIDES / "own-sync-service.md").read_text()
    assert len(hooks) == 6
    for hook in hooks:
        assert f"| `{hook}(" in page, hook
