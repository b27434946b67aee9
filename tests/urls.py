"""The URLconf of the test projects: the endpoint, where the gateway expects it."""

from django.urls import include, path

urlpatterns = [
    path("api/internal/", include("django_iot_ingest.urls")),
]
