"""The example's URLs, the endpoint in the design under test, and a counter that rents banks."""

from django.conf import settings
from django.urls import path

from example_project.urls import urlpatterns as example_urlpatterns
from tests.nemesis.counter import rent_out
from tests.nemesis.designs import VIEWS

urlpatterns = [
    path("api/internal/stations/data", VIEWS[settings.NEMESIS_DESIGN].as_view()),
    path("rent/<int:number>/<str:serial>", rent_out),
    *example_urlpatterns,
]
