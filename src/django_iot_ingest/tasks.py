"""The recurring work as tasks, for a host that schedules with ``django.tasks``.

Django 6.0 and later bring it; Django 5.2 needs the ``django-tasks`` backport. The management
commands of the same names do the same work and need neither.
"""

from __future__ import annotations

from django_iot_ingest import prune, silence, sweeper

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    from django_tasks import task  # type: ignore[import-not-found,no-redef]


@task  # type: ignore[misc,unused-ignore]
def iot_sweep(limit: int = 1000) -> dict[str, int]:
    """Finish what was received and not applied; return how many events ended in which state."""
    return dict(sweeper.sweep(limit))


@task  # type: ignore[misc,unused-ignore]
def iot_mark_offline() -> int:
    """Mark silent stations OFFLINE; return how many."""
    return silence.mark_offline()


@task  # type: ignore[misc,unused-ignore]
def iot_prune() -> dict[str, int]:
    """Forget what was applied long ago; return how many rows of each kind."""
    return prune.prune()
