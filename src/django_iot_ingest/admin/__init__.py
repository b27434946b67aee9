"""The admin that operators work in: mixins for the host's three models, and the plugin's own pages.

Found by ``django.contrib.admin`` where that is installed; nothing else imports it.
"""

from django.contrib import admin

from django_iot_ingest.admin.history import StationStatusChangeAdmin
from django_iot_ingest.admin.hosts import (
    PowerBankAdminMixin,
    StationAdminMixin,
    StationSlotAdminMixin,
)
from django_iot_ingest.admin.inbox import IngestEventAdmin
from django_iot_ingest.admin.refused import RefusedRequestAdmin
from django_iot_ingest.fleet.page import FleetAdmin
from django_iot_ingest.models import Fleet, IngestEvent, RefusedRequest, StationStatusChange

PAGES = {
    IngestEvent: IngestEventAdmin,
    StationStatusChange: StationStatusChangeAdmin,
    RefusedRequest: RefusedRequestAdmin,
    Fleet: FleetAdmin,
}


def register_pages(site: admin.AdminSite) -> None:
    """Register the plugin's own pages in a site, but for those that a host has registered before."""
    for model, model_admin in PAGES.items():
        if not site.is_registered(model):
            site.register(model, model_admin)


register_pages(admin.site)

__all__ = [
    "FleetAdmin",
    "IngestEventAdmin",
    "PowerBankAdminMixin",
    "RefusedRequestAdmin",
    "StationAdminMixin",
    "StationSlotAdminMixin",
    "StationStatusChangeAdmin",
    "register_pages",
]
