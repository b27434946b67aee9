"""The URLconf of the test projects: the endpoint, where the gateway expects it, and the admin."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/internal/", include("django_iot_ingest.urls")),
]

# Some of the projects have none.
if apps.is_installed("django.contrib.admin"):
    urlpatterns += [path("admin/", admin.site.urls)]
