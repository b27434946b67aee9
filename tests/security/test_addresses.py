"""Client addresses: forged headers, proxies, every notation, host names"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.test import Client

from django_iot_ingest import hostnames
from django_iot_ingest.hostnames import Answer, Resolver
from tests.gateway import URL
from tests.security.cases import attack, told

pytestmark = pytest.mark.once

NOT_ALLOWED = "403 IP_NOT_ALLOWED"
ALLOWED = "415 UNSUPPORTED_MEDIA_TYPE"
"""What an allowed address comes to with a request that says nothing else: the next check."""

GATEWAY = "203.0.113.5"
GATEWAY_6 = "2001:db8::5"
STRANGER = "198.51.100.7"
FIRST, SECOND = "10.0.0.1", "10.0.0.2"
FORWARDED = "HTTP_X_FORWARDED_FOR"


def answer(settings: Any, peer: str, headers: dict[str, str], **ingest: Any) -> str:
    """Return what a request from ``peer`` is told; by default only the gateway is allowed."""
    ingest = {"ALLOWED_IPS": [GATEWAY, GATEWAY_6], **ingest}
    settings.IOT_INGEST = {**settings.IOT_INGEST, **ingest}
    said: dict[str, Any] = {"REMOTE_ADDR": peer, **headers}
    return told(Client().post(URL, b"", content_type="text/plain", **said))


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        attack("no proxy: the gateway itself", ALLOWED, GATEWAY, {}),
        attack("no proxy: a stranger", NOT_ALLOWED, STRANGER, {}),
        attack("no proxy: the gateway, naming a stranger", ALLOWED, GATEWAY, {FORWARDED: STRANGER}),
        *[
            attack(f"no proxy: a stranger forges {name}", NOT_ALLOWED, STRANGER, {header: GATEWAY})
            for name, header in {
                "X-Forwarded-For": FORWARDED,
                "X-Real-IP": "HTTP_X_REAL_IP",
                "Forwarded": "HTTP_FORWARDED",
                "Client-IP": "HTTP_CLIENT_IP",
                "X-Client-IP": "HTTP_X_CLIENT_IP",
                "True-Client-IP": "HTTP_TRUE_CLIENT_IP",
                "CF-Connecting-IP": "HTTP_CF_CONNECTING_IP",
                "Via": "HTTP_VIA",
            }.items()
        ],
        attack("no address at all (a Unix socket)", NOT_ALLOWED, "", {}),
        attack("no address, and a forged header", NOT_ALLOWED, "", {FORWARDED: GATEWAY}),
        attack("an address that is none", NOT_ALLOWED, "unix:", {FORWARDED: GATEWAY}),
        attack("a peer with a port", ALLOWED, f"{GATEWAY}:41234", {}),
        attack("a peer with two ports", NOT_ALLOWED, f"{GATEWAY}:80:80", {}),
        attack("IPv6, shortened", ALLOWED, "2001:db8::5", {}),
        attack("IPv6, written out", ALLOWED, "2001:0DB8:0:0:0:0:0:0005", {}),
        attack("IPv6 in brackets with a port", ALLOWED, "[2001:db8::5]:443", {}),
        attack("IPv6 with a zone", ALLOWED, "2001:db8::5%eth0", {}),
        attack("the gateway's IPv4, mapped into IPv6", ALLOWED, f"::ffff:{GATEWAY}", {}),
        attack("the same in hexadecimal", ALLOWED, "::ffff:cb00:7105", {}),
        attack("its IPv4 in the NAT64 prefix", NOT_ALLOWED, f"64:ff9b::{GATEWAY}", {}),
        attack("its IPv4 in the compatible notation", NOT_ALLOWED, f"::{GATEWAY}", {}),
        attack("its IPv4 with leading zeros", NOT_ALLOWED, "203.000.113.005", {}),
        attack("its IPv4 as one number", NOT_ALLOWED, "3405803781", {}),
        attack("its IPv4 in hexadecimal", NOT_ALLOWED, "0xcb.0x0.0x71.0x5", {}),
        attack("its IPv4 in other digits", NOT_ALLOWED, "२०३.०.११३.५", {}),
    ],
)
def test_without_proxies_only_the_peer_counts(
    peer: str, headers: dict[str, str], expected: str, settings: Any
) -> None:
    assert answer(settings, peer, headers) == expected


@pytest.mark.parametrize(
    ("forwarded", "proxies"),
    [
        attack("one proxy: it saw the gateway", ALLOWED, GATEWAY, [FIRST]),
        attack("one proxy: it saw a stranger", NOT_ALLOWED, STRANGER, [FIRST]),
        attack(
            "one proxy: a stranger forged an entry", NOT_ALLOWED, f"{GATEWAY}, {STRANGER}", [FIRST]
        ),
        attack(
            "one proxy: a stranger forged the proxy too",
            NOT_ALLOWED,
            f"{GATEWAY}, {FIRST}, {STRANGER}",
            [FIRST],
        ),
        attack("one proxy: no header", NOT_ALLOWED, "", [FIRST]),
        attack("one proxy: an empty last entry", NOT_ALLOWED, f"{GATEWAY}, ", [FIRST]),
        attack("one proxy: `unknown`", NOT_ALLOWED, f"{GATEWAY}, unknown", [FIRST]),
        attack("one proxy: an entry with a port", ALLOWED, f"{GATEWAY}:5123", [FIRST]),
        attack("one proxy: an IPv6 entry in brackets", ALLOWED, f"[{GATEWAY_6}]:5123", [FIRST]),
        attack("one proxy: a quoted entry", NOT_ALLOWED, f'"{GATEWAY}"', [FIRST]),
        attack("one proxy: a line break in an entry", NOT_ALLOWED, f"{GATEWAY}\n", [FIRST]),
        attack("one proxy: 5,000 entries", NOT_ALLOWED, f"{GATEWAY}, " * 5000 + STRANGER, [FIRST]),
        attack("two proxies: both saw right", ALLOWED, f"{GATEWAY}, {SECOND}", [FIRST, SECOND]),
        attack(
            "two proxies: a stranger forged an entry",
            NOT_ALLOWED,
            f"{GATEWAY}, {STRANGER}, {SECOND}",
            [FIRST, SECOND],
        ),
        attack("two proxies: the second is passed by", ALLOWED, GATEWAY, [FIRST, SECOND]),
        attack("two proxies: one is not ours", NOT_ALLOWED, f"{GATEWAY}, {SECOND}", [FIRST]),
        attack("two proxies: a network of ours", ALLOWED, f"{GATEWAY}, {SECOND}", ["10.0.0.0/24"]),
        attack(
            "two proxies: all hops are ours", NOT_ALLOWED, f"{SECOND}, {FIRST}", [FIRST, SECOND]
        ),
        attack("a proxy that is no proxy of ours", NOT_ALLOWED, GATEWAY, ["10.9.9.9"]),
        attack("an unusable list of proxies", NOT_ALLOWED, GATEWAY, ["10.0.0.1/8", "a proxy"]),
    ],
)
def test_behind_proxies_the_first_hop_that_is_not_ours_counts(
    forwarded: str, proxies: list[str], expected: str, settings: Any
) -> None:
    headers = {FORWARDED: forwarded} if forwarded else {}
    assert answer(settings, FIRST, headers, TRUSTED_PROXIES=proxies) == expected


@pytest.mark.parametrize(
    "allowed",
    [
        attack("a list of nothing usable", NOT_ALLOWED, ["*", "203.0.113.*", ""]),
        attack("one text in place of a list", NOT_ALLOWED, GATEWAY),
        attack("an entry with bits beyond its prefix", NOT_ALLOWED, ["203.0.113.5/24"]),
        attack("an entry with a netmask of all zeros", NOT_ALLOWED, ["203.0.113.5/0.0.0.0"]),
        attack("the whole of IPv6, for an IPv4 client", NOT_ALLOWED, ["::/0"]),
        attack("the client's IPv4 network, mapped into IPv6", ALLOWED, ["::ffff:203.0.113.0/120"]),
        attack("an empty list: off", ALLOWED, []),
    ],
)
def test_an_entry_opens_no_more_than_it_says(allowed: Any, expected: str, settings: Any) -> None:
    assert answer(settings, GATEWAY, {}, ALLOWED_IPS=allowed) == expected


class NameServer:
    """Answer from a table; a name that is not in it hangs until the test ends."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self.table = table
        self.ended = threading.Event()

    def lookup(self, name: str) -> Answer:
        if name not in self.table:
            self.ended.wait(10)
        return frozenset(map(ip_address, self.table.get(name, [])))


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer({"one": [GATEWAY], "two": [STRANGER, GATEWAY], "none": []})
    resolver = Resolver(server.lookup, longest_wait=0.3)
    monkeypatch.setattr(hostnames, "_resolver", resolver)
    yield server
    server.ended.set()
    resolver.watch(())


@pytest.mark.parametrize(
    ("names", "peer"),
    [
        attack("a name of one address", ALLOWED, ["one"], GATEWAY),
        attack("a name of several addresses, the first", ALLOWED, ["two"], STRANGER),
        attack("a name of several addresses, the last", ALLOWED, ["two"], GATEWAY),
        attack("a name of another address", NOT_ALLOWED, ["one"], STRANGER),
        attack("a name of no address", NOT_ALLOWED, ["none"], GATEWAY),
        attack("a name that is never answered", NOT_ALLOWED, ["slow"], GATEWAY),
        attack(
            "a name that is never answered, beside one that is", ALLOWED, ["slow", "one"], GATEWAY
        ),
        attack("a client that claims the name as its address", NOT_ALLOWED, ["one"], "one"),
    ],
)
def test_a_host_name_stands_for_its_addresses(
    names: list[str], peer: str, expected: str, settings: Any, name_server: NameServer
) -> None:
    began = time.monotonic()
    assert answer(settings, peer, {}, ALLOWED_IPS=names) == expected
    assert time.monotonic() - began < 5
