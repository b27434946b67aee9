"""What every test shares: which host, database and package are under test, and how we search."""

import logging
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from django_iot_ingest import captures, event_types, logs, overview, principals, refusals
from django_iot_ingest.fleet import numbers
from tests import cells, leaks, partitions
from tests.judges import leave_out
from tests.lines import lines

SECURITY = Path(__file__).parent / "security"
NEWEST = {Path(__file__).parent / "guides", Path(__file__).parent / "senders"}
"""Folders of long tests that no Django or Python changes much: the newest cell alone has them."""

FOR_PEOPLE = (
    *("test_admin", "test_deployment", "test_doctor", "test_fleet", "test_health"),
    *("test_iot_simulate", "test_metrics", "test_observability", "test_overview"),
    *("test_sending", "test_simulator", "test_tracing"),
)
"""Files of tests about pages, commands and numbers, which together take as long as all others do:
each database has them once, for one host."""

GETTEXT = ("xgettext", "msgattrib", "msgfilter", "msgfmt", "msgmerge", "msguniq")

TOOLS = {"client": "openapi_python_client", "browser": "playwright", "site": "sphinx"}
"""Folders of tests that have a tox environment of their own, and the tool that only it has."""

collect_ignore = [folder for folder, tool in TOOLS.items() if find_spec(tool) is None]

# Databases and slow machines make single examples slow; a failure must come back on the next run.
hypothesis_settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "ci", parent=hypothesis_settings.get_profile("default"), derandomize=True
)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests that no database, host or Django can change to fewer runs."""
    left = set()
    if os.environ.get("TEST_ONCE") == "0":
        left.add("once")
    if not cells.is_long():
        left.add("newest")
    if os.environ.get("TEST_WHOLE") == "0":
        left.add("whole")
    if os.environ.get("TEST_PEOPLE") == "0":
        left.add("people")
    if settings.TEST_HOST != "fleet":
        left.add("one_host")
    if connection.vendor != "postgresql":
        left.add("postgresql")
    elsewhere = [item for item in items if left & marks(item)]
    items[:] = [item for item in items if item not in elsewhere]
    config.hook.pytest_deselected(items=elsewhere)


def marks(item: pytest.Item) -> set[str]:
    """Return the names of an item's marks, and of the groups that it is in by its file."""
    own = {mark.name for mark in item.iter_markers()}
    if item.path.name.startswith(FOR_PEOPLE):
        return own | {"whole", "people"}
    if NEWEST & set(item.path.parents):
        return own | {"newest"}
    return own | {"whole"} if SECURITY in item.path.parents else own


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the test database; with ``TEST_INBOX=partitions`` its inbox is of partitions."""
    if os.environ.get("TEST_INBOX") == "partitions":
        with django_db_blocker.unblock():
            partitions.make()


@pytest.fixture(scope="session")
def gettext_tools() -> None:
    """Need GNU gettext, which is no package of Python's."""
    missing = [tool for tool in GETTEXT if shutil.which(tool) is None]
    if missing:
        leave_out(f"not on PATH: {', '.join(missing)} (Debian: apt-get install gettext)")


@pytest.fixture
def registered() -> Iterator[None]:
    """Keep the event types that a test registers from the tests after it."""
    before = dict(event_types._registry)
    yield
    event_types._registry.clear()
    event_types._registry.update(before)


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let each test see its own first line of a kind, and find nothing in its log at DEBUG level
    that must not be there, nor a field that is not documented."""
    logs.throttle.clear()
    refusals.tally.clear()
    principals.cache.clear()
    captures.allowance.clear()
    overview.clear()
    numbers.kept.clear()
    leaks.ears.begin()
    lines.begin()
    # All is logged, and heard; a test sees what it asks for.
    caplog.handler.setLevel(logging.WARNING)
    yield
    assert leaks.ears.heard() == []
    assert lines.odd() == []


def pytest_configure(config: pytest.Config) -> None:
    """Hear all that is logged, at any level."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(leaks.ears)
    root.addHandler(lines)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is tested, so that a saved log can be read alone."""
    import django

    import django_iot_ingest

    return (
        f"host: {settings.TEST_HOST}, database: {settings.DATABASES['default']['ENGINE']}, "
        f"Django {django.__version__}, package: {django_iot_ingest.__path__[0]}"
    )
