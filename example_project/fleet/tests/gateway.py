"""What the integration tests share: the gateway, which logs in as the real one does, and a renter."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import TestCase

from django_iot_ingest.testing import GatewayClient

EMAIL, PASSWORD = "gateway@example.com", "only-for-these-tests"


class FleetGateway(GatewayClient):
    """Get a token the way the gateway does, from this project's own log-in."""

    def log_in(self) -> str:
        answer = self.client.post(
            "/api/admin/login",
            json.dumps({"email": EMAIL, "password": PASSWORD}),
            content_type="application/json",
        )
        token: str = answer.json()["data"]["access_token"]
        return token


class GatewayTestCase(TestCase):
    """Two users, and a gateway that is one of them."""

    admin: User
    renter: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.admin = User.objects.create_superuser("gateway", EMAIL, PASSWORD)
        cls.renter = User.objects.create_user("renter", "renter@example.com", PASSWORD)

    def setUp(self) -> None:
        self.gateway = FleetGateway()

    def post(self, path: str, body: Any) -> Any:
        """Post JSON, or the bytes of it."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, data, content_type="application/json")
