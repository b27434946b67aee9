"""The URLs of the example project. What the gateway calls has no trailing slash."""

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import include, path

from fleet.views import HealthView, LoginView, RefreshView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/admin/login", LoginView.as_view(), name="login"),
    path("api/admin/refresh", RefreshView.as_view(), name="refresh"),
    path("api/internal/", include("django_iot_ingest.urls")),
    path("healthz", HealthView.as_view(), name="healthz"),
]

if settings.SERVE_STATIC:
    urlpatterns += [path("static/<path:path>", serve, {"insecure": True})]
