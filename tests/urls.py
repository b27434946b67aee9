"""The URLconf of the test projects: the endpoint, where the gateway expects it, and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/internal/", include("django_iot_ingest.urls")),
]
