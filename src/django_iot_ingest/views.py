"""The one endpoint. It holds the order of checks, and no rule of its own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import connections, transaction
from django.http import JsonResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from django_iot_ingest import (
    answers,
    captures,
    content,
    event_types,
    inbox,
    network,
    refusals,
    rehearsal,
    request_ids,
    signals,
    strict_json,
    telemetry,
)
from django_iot_ingest.authentication import SignatureAuthentication, SignedRequest
from django_iot_ingest.events import Receipt
from django_iot_ingest.exceptions import (
    InvalidJson,
    InvalidPayload,
    IpNotAllowed,
    MethodNotAllowed,
    NotAuthenticated,
    Refusal,
    TemporarilyUnavailable,
    UnknownType,
)

SERVER_ERRORS = 500
"""Status codes from here on say that it was not the client's fault."""


class StationDataInternalView(APIView):
    """Receive what a station reports. Every answer is JSON; only 200 means success.

    All that a project can change by its REST framework defaults is fixed here, so that a project's
    parsers, renderers, throttles, permissions or exception handler do not change an answer.
    """

    authentication_classes = [SignatureAuthentication]
    permission_classes = []
    throttle_classes = []
    parser_classes = []
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    metadata_class = None
    http_method_names = ["post"]

    step: telemetry.Step = telemetry.NOTHING
    """Who counts and traces is told of the request by it."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, outside ``ATOMIC_REQUESTS``: a receipt is committed before all else."""
        view = super().as_view(**initkwargs)
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(view)
        return view

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer a request, as one step."""
        route = getattr(getattr(request, "resolver_match", None), "route", None)
        with telemetry.step("request", method=request.method, route=route) as self.step:
            response = super().dispatch(request, *args, **kwargs)
            self.step.tell(status=response.status_code)
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Run the checks that come before the body is parsed, the cheapest first."""
        if request.method != "POST":
            raise MethodNotAllowed
        if not network.is_allowed(request.META):
            raise IpNotAllowed
        content.check(request.META)
        self.perform_authentication(request)

    def perform_authentication(self, request: Request) -> None:
        """Ask ours. REST framework's way makes the project's anonymous user whenever it refuses."""
        for authenticator in self.get_authenticators():
            request.user, request.auth = authenticator.authenticate(request)  # type: ignore[misc]

    def post(self, request: Request, *args: Any, **kwargs: Any) -> JsonResponse:
        """Read, keep and apply one signed event; what a host's URL captures means nothing here."""
        signed = request.auth
        if not isinstance(signed, SignedRequest):
            raise NotAuthenticated
        receipt = signed.receipt
        payload: dict[str, Any] | None = None
        try:
            with telemetry.step("read"):
                payload = strict_json.load_object(receipt.body)
                self.step.tell(event_type=event_types.label(payload.get("type")))
                event_type, report = event_types.read(payload, receipt)
        except (InvalidJson, InvalidPayload, UnknownType) as refusal:
            self.keep_refused(receipt, payload, refusal)
            raise
        answer = inbox.ingest(event_type, report, receipt, signed.arrived)
        answer.tell(self.step)
        refusals.store(signed.arrived)
        return answers.accepted(answer)

    def keep_refused(
        self, receipt: Receipt, payload: dict[str, Any] | None, refusal: Refusal
    ) -> None:
        """Keep the body, or answer 503 so that it is sent again."""
        if not rehearsal.of(self.request._request):
            inbox.refuse(receipt, payload, refusal)

    def handle_exception(self, exc: Exception) -> JsonResponse:  # type: ignore[override]
        """Return the answer for whatever was raised; what nobody expected is a 503, never a 500."""
        refusal = exc if isinstance(exc, Refusal) else TemporarilyUnavailable()
        request, request_id = self.request._request, request_ids.new(refusal.error)
        if rehearsed := rehearsal.of(request):
            rehearsed.error = exc
            return answers.refused(refusal, request_id)
        is_kept = captures.is_to_be_kept(request, refusal)
        self.tell(refusal, request_id, exc, is_kept=is_kept)
        if is_kept:
            captures.keep(request, refusal, request_id)
        arrived = captures.arrival(request)
        if arrived is not None and not isinstance(refusal, TemporarilyUnavailable):
            refusals.store(arrived)
        return answers.refused(refusal, request_id)

    def tell(self, refusal: Refusal, request_id: str, exc: Exception, *, is_kept: bool) -> None:
        """Log, trace and signal a refusal; who fails over it does not turn it into a 500."""
        with suppress(Exception):
            unexpected = None if refusal is exc else exc
            refusals.note(refusal, request_id, unexpected, is_kept=is_kept)
        with suppress(Exception):
            self.step.tell(reason=refusal.error, request_id=request_id)
            if refusal.status_code >= SERVER_ERRORS:
                self.step.fail(telemetry.code_of(exc))
        with suppress(Exception):
            signals.request_refused.send_robust(
                sender=type(self), reason=refusal.error, request_id=request_id
            )
