"""The designs that are compared: ours, and two simpler ones that look right at first sight.

All stand behind the same authentication, its patience with an absent database included, and use the
same sync service with its locks; they differ in how they know what was applied already.
"""

from __future__ import annotations

from django.db import transaction
from django.http import JsonResponse
from rest_framework.request import Request

from django_iot_ingest import event_types
from django_iot_ingest.authentication import SignedRequest
from django_iot_ingest.conf import get_sync_service
from django_iot_ingest.events import Receipt
from django_iot_ingest.views import StationDataInternalView
from tests.nemesis.models import SeenDigest, UniqueDigest


class SimplerView(StationDataInternalView):
    """Apply the event if its body is new, all in one transaction; answer 200 either way."""

    def post(self, request: Request) -> JsonResponse:
        signed = request.auth
        assert isinstance(signed, SignedRequest)
        with transaction.atomic():
            is_new = self.apply_once(signed.receipt)
        return JsonResponse({"success": True, "data": {"is_new": is_new}})

    def apply_once(self, receipt: Receipt) -> bool:
        """Apply the event unless that was done; return whether it was not."""
        raise NotImplementedError


class CheckThenActView(SimplerView):
    """SELECT the digest; if there is none, apply and insert it. No constraint keeps copies apart."""

    def apply_once(self, receipt: Receipt) -> bool:
        if SeenDigest.objects.filter(digest=receipt.sha256).exists():
            return False
        apply(receipt)
        SeenDigest.objects.create(digest=receipt.sha256)
        return True


class OneTransactionView(SimplerView):
    """Insert the unique digest, then apply. A failure takes the receipt back with the rest."""

    def apply_once(self, receipt: Receipt) -> bool:
        is_new: bool
        _, is_new = UniqueDigest.objects.get_or_create(digest=receipt.sha256)
        if is_new:
            apply(receipt)
        return is_new


VIEWS: dict[str, type[StationDataInternalView]] = {
    "ours": StationDataInternalView,
    "check_then_act": CheckThenActView,
    "one_transaction": OneTransactionView,
}


def apply(receipt: Receipt) -> None:
    """Apply an event by the plugin's own sync service."""
    event_type, report = event_types.read_receipt(receipt)
    event_type.apply(get_sync_service(), report)
