"""The pages on which an operator decides about events: what will be done, then that it was done."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from django_iot_ingest import ledger
from django_iot_ingest.admin.base import AdminBase
from django_iot_ingest.admin.decisions import noted
from django_iot_ingest.admin.outcomes import GONE, LEFT, told
from django_iot_ingest.admin.verdicts import APPLY, BURY, VERDICTS, Verdict
from django_iot_ingest.models import IngestEvent

MOST = 100
"""Events of one request: ``iot_replay`` has no such limit."""

SECONDS = 15.0
"""After so long no further event is begun: a web server ends what takes much longer."""

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class DecideMixin(AdminBase):
    """Actions of the list, and pages of their own outside ``ATOMIC_REQUESTS``: what becomes of an
    event is committed with that event, not with the request."""

    actions = ("apply_again", "mark_dead")

    def has_apply_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may apply events again."""
        return self.may_decide(request, APPLY)

    def has_bury_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may mark events dead."""
        return self.may_decide(request, BURY)

    @admin.action(permissions=["apply"], description=APPLY.label)
    def apply_again(self, request: HttpRequest, queryset: QuerySet[IngestEvent]) -> Any:
        """Ask for confirmation before the chosen events are applied again."""
        return self._ask_about(request, APPLY, queryset)

    @admin.action(permissions=["bury"], description=BURY.label)
    def mark_dead(self, request: HttpRequest, queryset: QuerySet[IngestEvent]) -> Any:
        """Ask for confirmation before the chosen events are marked dead."""
        return self._ask_about(request, BURY, queryset)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks, one for each verdict."""
        own = [
            path(f"{verdict.name}/", self._view(verdict), name=self._url_name(verdict))
            for verdict in VERDICTS
        ]
        return [*own, *super().get_urls()]

    def may_decide(self, request: HttpRequest, verdict: Verdict) -> bool:
        """Return whether the user may do this to events that he sees."""
        permission = f"{self.opts.app_label}.{verdict.permission}"
        # The site logs in whoever has a session; this is about the permission alone.
        return self.has_view_permission(request) and request.user.has_perm(permission)  # type: ignore[union-attr]

    def possible_verdicts(self, request: HttpRequest, row: IngestEvent) -> list[dict[str, Any]]:
        """Return what the user may decide about a row now: a label, and where that is asked."""
        return [
            {"label": verdict.label, "url": f"{self._url(verdict)}?event={row.pk}"}
            for verdict in VERDICTS
            if row.state in verdict.states and self.may_decide(request, verdict)
        ]

    def decide_view(self, request: HttpRequest, verdict: Verdict) -> HttpResponse:
        """Ask by GET; do it by POST."""
        if not self.may_decide(request, verdict):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        asked = request.POST if request.method == "POST" else request.GET
        ids = _ids(asked.getlist("event"))
        if not 0 < len(ids) <= MOST:
            self.message_user(request, _nothing_to_do(len(ids)), messages.ERROR)
            return HttpResponseRedirect(self._back(asked.get("back", ""), []))
        if request.method != "POST":
            return self._confirmation(request, verdict, _rows(ids))
        self._carry_out(request, verdict, ids)
        return HttpResponseRedirect(self._back(asked.get("back", ""), ids))

    def _ask_about(
        self, request: HttpRequest, verdict: Verdict, queryset: QuerySet[IngestEvent]
    ) -> HttpResponse | None:
        """Answer a choice in the list with the page that asks; with a message if it is too much."""
        ids = list(queryset.order_by("-pk").values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            self.message_user(request, _nothing_to_do(len(ids)), messages.ERROR)
            return None
        return self._confirmation(request, verdict, _rows(ids), request.GET.urlencode())

    def _confirmation(
        self, request: HttpRequest, verdict: Verdict, rows: Sequence[IngestEvent], back: str = ""
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": verdict.title,
            "verdict": verdict,
            "action_url": self._url(verdict),
            "rows": [row for row in rows if row.state in verdict.states],
            "others": [row for row in rows if row.state not in verdict.states],
            "back": back,
            "back_url": self._back(back, [row.pk for row in rows]),
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return TemplateResponse(request, "django_iot_ingest/admin/decide.html", context)

    def _carry_out(self, request: HttpRequest, verdict: Verdict, ids: Sequence[int]) -> None:
        """Decide about the events in turn, the oldest first, and tell what became of how many."""
        rows = _rows(ids)
        outcomes = Counter({GONE: len(ids) - len(rows)})
        ends = time.monotonic() + SECONDS
        for row in rows:
            if time.monotonic() > ends:
                outcomes[LEFT] += 1
                continue
            outcome = verdict.act(row.pk)
            outcomes[outcome] += 1
            self.log_change(request, row, noted(verdict, outcome))
        for outcome, count in outcomes.items():
            if count:
                level, text = told(outcome, count)
                self.message_user(request, text, level)

    def _back(self, filters: str, ids: Sequence[int]) -> str:
        """Return where the operator came from: an event's page, or the list as it was filtered."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        site = self.admin_site.name
        if len(ids) == 1 and not filters:
            return reverse(f"{name}_change", args=(ids[0],), current_app=site)
        address = reverse(f"{name}_changelist", current_app=site)
        return f"{address}?{QueryDict(filters).urlencode()}" if filters else address

    def _view(self, verdict: Verdict) -> Callable[..., Any]:
        def view(request: HttpRequest) -> HttpResponse:
            return self.decide_view(request, verdict)

        return outside_transactions(self.admin_site.admin_view(view))

    def _url(self, verdict: Verdict) -> str:
        return reverse(f"admin:{self._url_name(verdict)}", current_app=self.admin_site.name)

    def _url_name(self, verdict: Verdict) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{verdict.name}"


def outside_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Keep a view out of ``ATOMIC_REQUESTS`` on every database."""
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(view)
    return view


def _ids(texts: Iterable[str]) -> list[int]:
    """Return the ids that were asked for, each once; what is no number is nobody's."""
    return list(dict.fromkeys(int(text) for text in texts if _ID.fullmatch(text)))


def _rows(ids: Sequence[int]) -> list[IngestEvent]:
    """Return the rows of these ids, the oldest event first."""
    rows = ledger.rows().filter(pk__in=ids).defer("body", "result")
    return list(rows.order_by("event_time", "pk"))


def _nothing_to_do(count: int) -> str:
    if not count:
        return _("No event was chosen: nothing was done.")
    return _(
        "More than %(most)d events are chosen: nothing was done. Choose fewer, or use"
        " “python manage.py iot_replay”."
    ) % {"most": MOST}
