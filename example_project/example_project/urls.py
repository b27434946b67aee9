"""The URLs of the example project. What the gateway calls has no trailing slash."""

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.urls import include, path

from django_iot_ingest import health, metrics
from fleet.views import HealthView, LoginView, RefreshView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/admin/login", LoginView.as_view(), name="login"),
    path("api/admin/refresh", RefreshView.as_view(), name="refresh"),
    path("api/internal/", include("django_iot_ingest.urls")),
    path("healthz", HealthView.as_view(), name="healthz"),
    path(
        "healthz/ingest",
        health.HealthView.as_view(token=settings.METRICS_TOKEN),
        name="healthz-ingest",
    ),
]

# The extra ``metrics`` may not be installed.
if metrics.is_installed():
    metrics_view = metrics.MetricsView.as_view(token=settings.METRICS_TOKEN)
    urlpatterns += [path("metrics", metrics_view, name="metrics")]

if settings.SERVE_STATIC:
    urlpatterns += [path("static/<path:path>", serve, {"insecure": True})]
