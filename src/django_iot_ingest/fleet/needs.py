"""What needs a person first: how many of each kind there are, and the newest few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from django_iot_ingest.conf import (
    get_power_bank_model,
    get_station_slot_model,
)
from django_iot_ingest.fleet import kinds
from django_iot_ingest.fleet.ago import Ago, ago
from django_iot_ingest.fleet.numbers import Numbers, Some
from django_iot_ingest.fleet.standing import LATE, Event, State
from django_iot_ingest.models import IngestEvent, RefusedRequest
from django_iot_ingest.refusals import SIGNATURE_ERRORS
from django_iot_ingest.times import native

if TYPE_CHECKING:
    from django_iot_ingest.admin.links import Links

QUIET = frozenset({"NOT_AUTHENTICATED", "INVALID_JSON", "UNKNOWN_TYPE", "INVALID_PAYLOAD"})
"""Refusals that are not told among the others: a gateway logs in again after a 401, and each body
that was answered 400 is kept and told by itself."""

LABELS = {
    State.DEAD.value: ngettext_lazy("dead event", "dead events"),
    State.FAILED.value: ngettext_lazy("failed event", "failed events"),
    State.DEFERRED.value: ngettext_lazy("deferred event", "deferred events"),
    "late": ngettext_lazy(
        "event received more than 10 minutes ago and not applied",
        "events received more than 10 minutes ago and not applied",
    ),
    "refused": ngettext_lazy(
        "signed body refused in the last hour", "signed bodies refused in the last hour"
    ),
    "signature": ngettext_lazy(
        "request refused by its signature in the last hour",
        "requests refused by their signature in the last hour",
    ),
    "others": ngettext_lazy(
        "request refused for another reason in the last hour",
        "requests refused for other reasons in the last hour",
    ),
    "missing": ngettext_lazy("power bank missing", "power banks missing"),
    "contradictory": ngettext_lazy(
        "contradictory report in the last hour", "contradictory reports in the last hour"
    ),
    "slots": ngettext_lazy("slot in error", "slots in error"),
    "mute": ngettext_lazy(
        "slot that holds a power bank which does not answer",
        "slots that hold a power bank which does not answer",
    ),
    "silent": ngettext_lazy("silent station", "silent stations"),
}
"""Of each need, by its key; the number stands before it."""


@dataclass(frozen=True, slots=True)
class Named:
    """One of those that are meant."""

    text: str
    url: str = ""
    ago: Ago | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs a person if its count is not 0."""

    key: str
    count: int
    named: list[Named] = field(default_factory=list)
    url: str = ""
    """The list of all of them, if there is one."""

    note: Any = ""

    @property
    def label(self) -> str:
        """Return what there are so many of."""
        return str(LABELS[self.key] % self.count)


def needs(numbers: Numbers, links: Links) -> list[Need]:
    """Return them in a fixed order, those that are there first."""
    teller = Teller(numbers, links)
    found = [*teller.events(), *teller.refusals(), *teller.devices()]
    return sorted(found, key=lambda need: need.count == 0)


class Teller:
    """Put numbers into words and links."""

    def __init__(self, numbers: Numbers, links: Links) -> None:
        self.numbers, self.links = numbers, links
        self.since = native(numbers.hour.start).isoformat()

    def events(self) -> Iterator[Need]:
        """Tell of accepted events that were not applied."""
        for state in (State.DEAD, State.FAILED, State.DEFERRED):
            stands = self.numbers.standing[state]
            yield Need(
                state,
                stands.total,
                self._events(self.numbers.newest[state]),
                self.links.to_list(IngestEvent, state__exact=state),
                _("%(count)s of the last hour") % {"count": number_format(stands.recent)},
            )
        late = native(self.numbers.hour.now - LATE).isoformat()
        yield Need(
            "late",
            self.numbers.standing[State.RECEIVED].late,
            self._events(self.numbers.newest[State.RECEIVED]),
            self.links.to_list(IngestEvent, state__exact=State.RECEIVED, received_at__lt=late),
            _("do iot_sweep and, in deferred mode, the workers run?"),
        )

    def refusals(self) -> Iterator[Need]:
        """Tell of what was refused in the last hour."""
        lookups = {"state__exact": State.REFUSED, "received_at__gte": self.since}
        yield Need(
            "refused",
            sum(self.numbers.flow.states[State.REFUSED]),
            self._events(self.numbers.refused_bodies),
            self.links.to_list(IngestEvent, **lookups),
        )
        totals = {reason: sum(counts) for reason, counts in self.numbers.refusals.items()}
        yield Need(
            "signature",
            sum(totals.get(reason, 0) for reason in SIGNATURE_ERRORS),
            self._requests(),
            self.links.to_list(RefusedRequest, reason__in=",".join(sorted(SIGNATURE_ERRORS))),
        )
        others = {
            reason: totals[reason] for reason in sorted(totals.keys() - QUIET - SIGNATURE_ERRORS)
        }
        yield Need(
            "others",
            sum(others.values()),
            [
                Named(f"{reason}: {number_format(count)}")
                for reason, count in others.items()
                if count
            ],
        )

    def devices(self) -> Iterator[Need]:
        """Tell of banks, reports, slots and stations."""
        numbers, links, bank = self.numbers, self.links, get_power_bank_model()
        yield Need(
            "missing",
            numbers.banks[kinds.MISSING],
            [self._row(row, row.missing_since) for row in numbers.missing],
            links.to_list(bank, missing_since__isnull="False", out_of_service__exact="0"),
        )
        yield Need(
            "contradictory",
            numbers.contradictions.total,
            self._events(numbers.contradictions.newest),
        )
        slot = get_station_slot_model()
        yield Need(
            "slots",
            numbers.slots_in_error.total,
            self._slots(numbers.slots_in_error),
            links.to_list(slot, status__exact=slot.Status.ERROR, out_of_service__exact="0"),
        )
        yield Need(
            "mute",
            numbers.mute_slots.total,
            self._slots(numbers.mute_slots),
            note=_("also right after a rental, until the station tells of its slots again"),
        )
        yield Need(
            "silent",
            numbers.stations[kinds.SILENT],
            [self._row(row, row.last_heard_at) for row in numbers.silent],
            f"?status={kinds.SILENT}",
        )

    def _events(self, events: list[Event]) -> list[Named]:
        return [
            Named(
                " ".join(
                    filter(None, (event.event_type, event.device_serial, event.last_error_code))
                )
                or "?",
                self.links.to(IngestEvent(pk=event.pk)),
                self._ago(event.received_at),
            )
            for event in events
        ]

    def _requests(self) -> list[Named]:
        return [
            Named(
                " ".join(filter(None, (request.reason, request.client_address))),
                self.links.to(RefusedRequest(pk=request.pk)),
                self._ago(request.received_at),
            )
            for request in self.numbers.refused_signatures
        ]

    def _slots(self, some: Some) -> list[Named]:
        return [
            Named(
                _("%(station)s, slot %(number)s")
                % {"station": slot.station, "number": slot.slot_number},
                self.links.to(slot.station),
            )
            for slot in some.first
        ]

    def _row(self, row: Any, moment: Any) -> Named:
        return Named(str(row), self.links.to(row), self._ago(moment))

    def _ago(self, moment: Any) -> Ago | None:
        return ago(moment, self.numbers.hour.now)
