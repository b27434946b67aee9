"""One row for each station: a page of them, filtered, searched and sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import CharField, Q, TextField
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from django_iot_ingest.cabinets import cabinets_of
from django_iot_ingest.conf import get_station_model
from django_iot_ingest.fleet import kinds
from django_iot_ingest.fleet.ago import Ago, ago
from django_iot_ingest.fleet.strip import Strip, strip

if TYPE_CHECKING:
    from django_iot_ingest.admin.links import Links

PER_PAGE = 50

LONGEST_SEARCH = 64

ATTENTION, HEARD, SERIAL = "attention", "heard", "serial"

STATUSES = {"": pgettext_lazy("stations", "all"), ATTENTION: _("needs attention"), **kinds.STATIONS}

SORTS = {
    ATTENTION: _("needs attention first"),
    HEARD: _("last heard"),
    SERIAL: _("serial number"),
}

SHAPES = {
    kinds.ONLINE: "●",
    kinds.OFFLINE: "■",
    kinds.SILENT: "▲",
    kinds.MAINTENANCE: "◆",
    kinds.OUT_OF_SERVICE: "×",
}
"""Of the status, which is never told by colour alone, nor by the shape alone."""

IN_ERROR = 1
"""Rank up to which a station needs attention: it is silent, or a slot of it is in error."""


@dataclass(frozen=True, slots=True)
class Query:
    """What the user asked for; whatever is not understood asks for nothing."""

    status: str
    search: str
    sort: str
    page: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Query:
        """Read the parameters of an address."""
        status, sort = parameters.get("status", ""), parameters.get("sort", "")
        search = str(parameters.get("q", "")).replace("\x00", "").strip()
        return cls(
            status if status in STATUSES else "",
            search[:LONGEST_SEARCH],
            sort if sort in SORTS else ATTENTION,
            str(parameters.get("page", ""))[:9],
        )

    def address(self, **changes: Any) -> str:
        """Return the query of an address that asks for the same, but for ``changes``."""
        asked = {"status": self.status, "q": self.search, "sort": self.sort, **changes}
        if asked["sort"] == ATTENTION:
            del asked["sort"]
        return f"?{urlencode({name: value for name, value in asked.items() if value})}"


@dataclass(frozen=True, slots=True)
class Row:
    """One station, as the page shows it."""

    pk: Any
    name: str
    serial_number: str
    url: str
    kind: str
    status: Any
    shape: str
    heard: Ago | None
    strip: Strip


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of rows, and the ways to the other pages."""

    query: Query
    page: Page[Any]
    rows: list[Row]
    total: int

    @property
    def previous(self) -> str:
        """Return where the page before is, or an empty text."""
        return self._at(self.page.number - 1) if self.page.has_previous() else ""

    @property
    def next(self) -> str:
        """Return where the page after is, or an empty text."""
        return self._at(self.page.number + 1) if self.page.has_next() else ""

    def _at(self, number: int) -> str:
        return self.query.address(page=number)


def listing(query: Query, now: datetime, links: Links) -> Listing:
    """Return the rows that were asked for."""
    found = _sorted(_found(query, now), query.sort)
    page = Paginator(found, PER_PAGE).get_page(query.page)
    stations = list(page.object_list)
    cabinets = cabinets_of(stations)
    rows = [_row(each, strip(cabinets[each.pk]), now, links) for each in stations]
    return Listing(query, page, rows, page.paginator.count)


def _found(query: Query, now: datetime) -> Any:
    stations = kinds.stations(now).filter(_search(query.search)).annotate(iot_rank=_rank(now))
    if query.status == ATTENTION:
        return stations.filter(iot_rank__lte=IN_ERROR)
    return stations.filter(iot_kind=query.status) if query.status else stations


def _sorted(stations: Any, sort: str) -> Any:
    if sort == HEARD:
        return stations.order_by(kinds.newest_first("last_heard_at"), "serial_number")
    return stations.order_by(*(["iot_rank"] if sort == ATTENTION else []), "serial_number")


def _rank(now: datetime) -> Any:
    """Return the order in which stations need attention; those out of service come last."""
    in_service, broken = Q(out_of_service=False), kinds.slots_in_error()
    return kinds.ranked(
        [
            in_service & kinds.is_silent(now),
            Q(pk__in=broken.values("station")),
            in_service & Q(status=kinds.StationStatus.OFFLINE),
            in_service & Q(status=kinds.StationStatus.MAINTENANCE),
            in_service,
        ]
    )


def _search(text: str) -> Q:
    """Return the condition that the serial number, or the host's name for it, begins so."""
    if not text:
        return Q()
    found = Q(serial_number__startswith=text)
    by_name: Any = {"name__istartswith": text}
    return found | Q(**by_name) if _has_name() else found


def _has_name() -> bool:
    """Return whether the host's model has a text of that name."""
    fields = get_station_model()._meta.concrete_fields
    return any(one.name == "name" and isinstance(one, CharField | TextField) for one in fields)


def _row(station: Any, strip: Strip, now: datetime, links: Links) -> Row:
    kind = station.iot_kind
    return Row(
        pk=station.pk,
        name=str(station),
        serial_number=station.serial_number,
        url=links.to(station),
        kind=kind,
        status=kinds.STATIONS[kind],
        shape=SHAPES[kind],
        heard=ago(station.last_heard_at, now),
        strip=strip,
    )


def choices(labels: Mapping[str, Any], chosen: str) -> Iterator[tuple[str, Any, bool]]:
    """Yield value, label and whether it is chosen."""
    for value, label in labels.items():
        yield value, label, value == chosen
