"""URLs of the plugin; the host's URLconf decides the prefix. No trailing slash, no redirect."""

from django.urls import path

from django_iot_ingest.views import StationDataInternalView

app_name = "django_iot_ingest"

urlpatterns = [
    path("stations/data", StationDataInternalView.as_view(), name="station-data"),
]
