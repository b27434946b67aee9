"""The allow-list and the trusted proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from django_iot_ingest.checks.values import (
    TAG,
    attempt,
    example,
    is_configured,
    is_empty,
    show,
    texts,
)
from django_iot_ingest.network import parse_entry, parse_network

ALLOWED = "ALLOWED_IPS"
PROXIES = "TRUSTED_PROXIES"


@register(TAG)
def check_allow_list(**kwargs: Any) -> list[CheckMessage]:
    """Expect addresses, networks and host names; any other entry lets nobody in."""
    return [
        Error(
            f"IOT_INGEST: {name} {show(entry)} is no address, network or host name ({problem}).",
            hint=f"Write {example(ALLOWED)}: no scheme, port, path, blank or wildcard.",
            id="iot_ingest.E070",
        )
        for name, entry in texts(ALLOWED)
        if (problem := _problem(parse_entry, entry))
    ]


@register(TAG)
def check_trusted_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Expect addresses and networks: a host name is looked up in the allow-list only."""
    return [
        Error(
            f"IOT_INGEST: {name} {show(entry)} is no address or network ({problem}).",
            hint=f"Write {example(PROXIES)}: the address from which the proxy connects to us.",
            id="iot_ingest.E071",
        )
        for name, entry in texts(PROXIES)
        if (problem := _problem(parse_network, entry))
    ]


@register(TAG, deploy=True)
def check_allow_list_is_used(**kwargs: Any) -> list[CheckMessage]:
    """Warn where anybody may knock."""
    if not is_configured() or not is_empty(ALLOWED):
        return []
    return [
        Warning(
            f"IOT_INGEST: {ALLOWED} is empty, so requests from any address are looked at.",
            hint=f"Write {example(ALLOWED)}: where the gateway's requests come from.",
            id="iot_ingest.W080",
        )
    ]


@register(TAG, deploy=True)
def check_proxies_are_few(**kwargs: Any) -> list[CheckMessage]:
    """Warn where every peer is believed: then any client can say which address it has."""
    return [
        Warning(
            f"IOT_INGEST: {PROXIES} covers every address of IPv{network.version}, so any client "
            "can forge its own address.",
            hint=f"Write {example(PROXIES)}: the proxies in front of this server, nothing else.",
            id="iot_ingest.W081",
        )
        for network in _collapsed_proxies()
        if network.prefixlen == 0
    ]


def _problem(parse: Callable[[str], object], entry: str) -> str:
    """Return what ``parse`` has against the entry, or an empty text."""
    _, problem = attempt(parse, entry)
    return problem.removeprefix("ValueError: ")


def _collapsed_proxies() -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks joined: two halves of the address space are all of it."""
    parsed = [attempt(parse_network, entry)[0] for _, entry in texts(PROXIES)]
    yield from collapse_addresses([n for n in parsed if isinstance(n, IPv4Network)])
    yield from collapse_addresses([n for n in parsed if isinstance(n, IPv6Network)])
