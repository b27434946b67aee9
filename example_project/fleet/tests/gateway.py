"""What the integration tests send: the gateway's own payloads, really signed."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import TestCase

from django_iot_ingest.signing import sign

EMAIL, PASSWORD = "gateway@example.com", "only-for-these-tests"
SERIAL, BANK = "860000000000017", "12345678"


class GatewayTestCase(TestCase):
    """A client that logs in and signs as the gateway does."""

    gateway: User
    renter: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.gateway = User.objects.create_superuser("gateway", EMAIL, PASSWORD)
        cls.renter = User.objects.create_user("renter", "renter@example.com", PASSWORD)

    def post(self, path: str, body: Any, **extra: Any) -> Any:
        """Post JSON, or the bytes of it."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, data, content_type="application/json", **extra)

    def log_in(self) -> str:
        """Return an access token."""
        answer = self.post("/api/admin/login", {"email": EMAIL, "password": PASSWORD})
        self.assertEqual(answer.status_code, 200, answer.content)
        token: str = answer.json()["data"]["access_token"]
        return token

    def send(self, payload: Any, **headers: str) -> Any:
        """Post a signed payload with a new token; ``headers`` replaces what is sent."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        timestamp = str(int(time.time()))
        signed = {
            "Authorization": f"Bearer {self.log_in()}",
            "X-Timestamp": timestamp,
            "X-Signature": sign(body, timestamp, settings.IOT_INGEST["SIGNATURE_SECRETS"][0]),
        }
        return self.post("/api/internal/stations/data", body, headers=signed | headers)


def stamp(moment: datetime) -> str:
    """Return a time as the gateway writes it: nine fraction digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def status(value: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "status",
        "timestamp": int(at.timestamp()),
        "device": {"serial_number": SERIAL, "status": value},
    }


def returned(at: datetime, slot: int = 1) -> dict[str, Any]:
    return {
        "type": "returned",
        "timestamp": int(at.timestamp()),
        "device": {"serial_number": SERIAL, "last_heartbeat": stamp(at)},
        "return_event": {
            "power_bank_serial": BANK,
            "slot_number": slot,
            "battery_level": 85,
            "returned_at": stamp(at),
            "condition": "NORMAL",
            "hardware_info": {"temperature": 28, "voltage": 4800, "current": 0},
        },
    }


def full(at: datetime) -> dict[str, Any]:
    """Return a snapshot of two slots: the first is empty, the second holds the bank."""
    return {
        "type": "full",
        "timestamp": int(at.timestamp()),
        "device": {
            "serial_number": SERIAL,
            "imei": SERIAL,
            "signal_strength": "28",
            "wifi_ssid": "चार्ज घर ☕",
            "last_heartbeat": stamp(at),
            "status": "ONLINE",
            "hardware_info": {"firmware_version": "2.1.5", "protocol_version": "0xA8"},
        },
        "station": {"serial_number": SERIAL, "total_slots": 2, "pinboards": []},
        "slots": [
            {"slot_number": 1, "status": "AVAILABLE", "battery_level": 0, "slot_metadata": {}},
            {
                "slot_number": 2,
                "status": "OCCUPIED",
                "battery_level": 85,
                "power_bank_serial": BANK,
                "slot_metadata": {},
            },
        ],
        "power_banks": [
            {
                "serial_number": BANK,
                "status": "AVAILABLE",
                "battery_level": 85,
                "current_slot": 2,
                "hardware_info": {"temperature": 25, "voltage": 50},
            }
        ],
    }
