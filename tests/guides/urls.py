"""The test projects' URLs, and the example host's log-in."""

from django.urls import path

from fleet.views import LoginView
from tests.urls import urlpatterns as of_the_tests

urlpatterns = [*of_the_tests, path("api/admin/login", LoginView.as_view())]
