"""The four plots of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.formats import number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from django_iot_ingest.fleet.charts import Chart, Series, bars, figure, lines
from django_iot_ingest.fleet.numbers import Numbers
from django_iot_ingest.models import IngestEvent

MOST_REASONS = 5
"""Reasons that are drawn by themselves, those that were given most often; the others are one."""


def plots(numbers: Numbers) -> list[Chart]:
    """Return them in the order of the page."""
    minutes = [_shown(minute) for minute in numbers.hour.minutes()]
    draw = [_events, _refusals, _latency, _backlog]
    return [plot(numbers, minutes) for plot in draw]


def _events(numbers: Numbers, minutes: list[datetime]) -> Chart:
    states = numbers.flow.states
    series = [Series(state.label, states[state], state.value) for state in IngestEvent.State]
    said = _summary(_sums(series), minutes, _events_in_hour)
    shown = [each for each in series if any(each.values)] or series[1:2]
    return bars("events", _("Events per minute, by state"), said, shown, minutes)


def _refusals(numbers: Numbers, minutes: list[datetime]) -> Chart:
    by_reason = sorted(numbers.refusals.items(), key=lambda item: (-sum(item[1]), item[0]))
    series = [
        Series(reason, counts, f"reason{place}")
        for place, (reason, counts) in enumerate(by_reason[:MOST_REASONS])
    ]
    rest = by_reason[MOST_REASONS:]
    if rest:
        sums = [sum(column) for column in zip(*(counts for _, counts in rest), strict=True)]
        series.append(
            Series(pgettext("reasons of refusals", "others"), sums, f"reason{MOST_REASONS}")
        )
    said = _summary(_sums(series), minutes, _refused_in_hour)
    return bars("refusals", _("Refusals per minute, by reason"), said, series, minutes)


def _latency(numbers: Numbers, minutes: list[datetime]) -> Chart:
    found = numbers.latencies
    series = [
        Series(_("median"), [each.median if each else None for each in found], "median"),
        Series(_("95th percentile"), [each.p95 if each else None for each in found], "p95"),
    ]
    highest = max((each.highest for each in found if each), default=None)
    said = _("Milliseconds that applying an event took, by the minute in which it came.")
    if highest is not None:
        said += " " + _("The longest took %(duration)s ms.") % {"duration": figure(highest)}
    return lines("latency", _("Latency in milliseconds"), said, series, minutes)


def _backlog(numbers: Numbers, minutes: list[datetime]) -> Chart:
    waiting = numbers.flow.backlog
    said = _summary(waiting, minutes, _waiting_now, total=waiting[-1])
    series = [Series(_("accepted and not applied"), waiting, "backlog")]
    return lines("backlog", _("Backlog of the inbox"), said, series, minutes)


def _sums(series: list[Series]) -> list[int]:
    columns = zip(*(each.values for each in series), strict=True)
    return [int(sum(value or 0 for value in column)) for column in columns]


def _events_in_hour(count: int) -> str:
    return ngettext(
        "%(count)s event in the last hour.", "%(count)s events in the last hour.", count
    )


def _refused_in_hour(count: int) -> str:
    return ngettext(
        "%(count)s request refused in the last hour.",
        "%(count)s requests refused in the last hour.",
        count,
    )


def _waiting_now(count: int) -> str:
    return ngettext("%(count)s event waits now.", "%(count)s events wait now.", count)


def _summary(
    values: Sequence[int],
    minutes: list[datetime],
    text_of: Callable[[int], str],
    total: int | None = None,
) -> str:
    """Return how many there were, and when there were most."""
    count = sum(values) if total is None else total
    said = text_of(count) % {"count": number_format(count)}
    most = max(values, default=0)
    if most:
        at = time_format(minutes[values.index(most)], "H:i")
        highest = {"most": number_format(most), "at": at}
        said += " " + _("Most in one minute: %(most)s, at %(at)s.") % highest
    return said


def _shown(minute: datetime) -> datetime:
    """Return a minute as clocks show it where the reader is, or the project without time zones."""
    return timezone.localtime(minute, timezone.get_current_timezone())
