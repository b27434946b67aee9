"""System checks: what ``manage.py check`` says about a host's settings and models.

Importing this package registers them all under the tag ``iot_ingest``. None of them raises,
whatever the settings hold, and none opens a database connection. docs/reference/checks.md lists the ids.
"""

from django_iot_ingest.checks import (
    authentication,
    columns,
    database,
    models,
    network,
    processing,
    project,
    required,
    secrets,
    service,
    settings,
)

__all__ = [
    "authentication",
    "columns",
    "database",
    "models",
    "network",
    "processing",
    "project",
    "required",
    "secrets",
    "service",
    "settings",
]
