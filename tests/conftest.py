"""What every test shares: which host, database and package are under test, and how we search."""

import os

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# Databases and slow machines make single examples slow; a failure must come back on the next run.
hypothesis_settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "ci", parent=hypothesis_settings.get_profile("default"), derandomize=True
)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests that no database or no host can change to fewer runs of each cell."""
    left = set()
    if os.environ.get("TEST_ONCE") == "0":
        left.add("once")
    if settings.TEST_HOST != "fleet":
        left.add("one_host")
    elsewhere = [item for item in items if left & {mark.name for mark in item.iter_markers()}]
    items[:] = [item for item in items if item not in elsewhere]
    config.hook.pytest_deselected(items=elsewhere)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what is tested, so that a saved log can be read alone."""
    import django

    import django_iot_ingest

    return (
        f"host: {settings.TEST_HOST}, database: {settings.DATABASES['default']['ENGINE']}, "
        f"Django {django.__version__}, package: {django_iot_ingest.__path__[0]}"
    )
