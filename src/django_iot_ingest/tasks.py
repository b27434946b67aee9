"""The work that no request waits for as tasks, for a host that has ``django.tasks``.

Django 6.0 and later bring it; Django 5.2 needs the ``django-tasks`` backport. The management
commands of the same names do the same work and need neither.
"""

from __future__ import annotations

from django_iot_ingest import bell, drain, prune, silence, sweeper

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    try:
        from django_tasks import task  # type: ignore[import-not-found,no-redef]
    except ImportError as error:
        message = "Tasks need Django 6.0 or newer, or: pip install 'django-iot-ingest[tasks]'"
        raise ImportError(message) from error


@task  # type: ignore[misc,unused-ignore]
def iot_drain(limit: int = drain.LIMIT, seconds: float = drain.SECONDS) -> dict[str, int]:
    """Apply what requests have kept; return how many events ended in which state.

    What is left when its time is over is left to one more task.
    """
    states = drain.drain(limit, seconds)
    if states and drain.is_behind():
        bell.again(iot_drain.enqueue)
    return dict(states)


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
