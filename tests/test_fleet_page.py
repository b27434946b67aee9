import re, time
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_iot_ingest.fleet import numbers
from tests import lively
from tests.gateway import Gateway


def test_x(transactional_db, monkeypatch):
    numbers.kept.clear()
    gateway = Gateway.with_admin()
    lively.tell(gateway, monkeypatch)
    c = Client()
    c.force_login(get_user_model().objects.get(email="gateway@example.com"))
    with CaptureQueriesContext(
        connection,
    ) as q:
        r = c.get("/admin/django_iot_ingest/fleet/")
    for x in q:
        print(x["sql"][:700])
        print()
    open("/tmp/fleet.html", "w").write(r.content.decode())
    print(len(q), len(r.content))
    n = numbers.read()
    print(n)
    assert 0
