"""The admin that operators work in: mixins for the host's three models, and the plugin's own pages.

Found by ``django.contrib.admin`` where that is installed; nothing else imports it.
"""

from django_iot_ingest.admin.history import StationStatusChangeAdmin
from django_iot_ingest.admin.hosts import (
    PowerBankAdminMixin,
    StationAdminMixin,
    StationSlotAdminMixin,
)
from django_iot_ingest.admin.inbox import IngestEventAdmin
from django_iot_ingest.admin.refused import RefusedRequestAdmin

__all__ = [
    "IngestEventAdmin",
    "PowerBankAdminMixin",
    "RefusedRequestAdmin",
    "StationAdminMixin",
    "StationSlotAdminMixin",
    "StationStatusChangeAdmin",
]
