"""Client addresses: forged headers, proxies, addresses in every notation."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.gateway import URL
from tests.security.cases import attack, told

pytestmark = pytest.mark.one_host

NOT_ALLOWED = "403 IP_NOT_ALLOWED"
NEXT_CHECK = "415 UNSUPPORTED_MEDIA_TYPE"
"""What an allowed address comes to when a request says nothing else."""

GATEWAY = "203.0.113.5"
STRANGER = "198.51.100.7"
PROXY = "10.0.0.1"
SECOND_PROXY = "10.0.0.2"


def answer(settings: Any, peer: str | None, *, proxies: list[str], **headers: str) -> str:
    """Return what a request from ``peer`` is told where only ``GATEWAY`` is allowed."""
    settings.IOT_INGEST = {
        **settings.IOT_INGEST,
        "ALLOWED_IPS": [GATEWAY, "2001:db8::5"],
        "TRUSTED_PROXIES": proxies,
    }
    environ = {"REMOTE_ADDR": peer, **headers}
    said = {name: value for name, value in environ.items() if value is not None}
    client = Client()
    if peer is None:
        client.defaults["REMOTE_ADDR"] = ""
    return told(client.post(URL, b"", content_type="text/plain", **said))


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        attack("no proxy: the gateway itself", NEXT_CHECK, GATEWAY, {}),
        attack("no proxy: a stranger", NOT_ALLOWED, STRANGER, {}),
        attack(
            "no proxy: a stranger forges X-Forwarded-For",
            NOT_ALLOWED,
            STRANGER,
            {"HTTP_X_FORWARDED_FOR": GATEWAY},
        ),
    ],
)
def test_without_a_proxy_only_the_peer_counts(
    peer: str, headers: dict[str, str], expected: str, settings: Any
) -> None:
    assert answer(settings, peer, proxies=[], **headers) == expected
