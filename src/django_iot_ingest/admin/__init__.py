"""What the plugin adds to Django's admin."""

from django.contrib import admin

from django_iot_ingest.fleet.page import FleetAdmin
from django_iot_ingest.models import Fleet

admin.site.register(Fleet, FleetAdmin)
