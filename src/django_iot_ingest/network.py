"""Who is calling, and may it call: the client's address and the allow-list (contract, section 6).

django-ipware's own answer cannot be used: its defaults believe any client header, its list of
trusted proxies is positional and never looks at ``REMOTE_ADDR``, and ``IPWARE_*`` settings change
both. So its engine is called with every choice made here, for one hop at a time, in a mapping of
our own: it can see neither a header nor a setting. Which hop counts is decided here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_interface,
    ip_network,
)
from typing import Any, NamedTuple, TypeVar

from ipware.ip import IpWare  # type: ignore[attr-defined]  # the engine under it

from django_iot_ingest import hostnames
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.hostnames import HostName

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Entry = TypeVar("Entry")

logger = logging.getLogger(__name__)

BLANKS = " \t"
"""What HTTP calls optional white space."""

HOP_SHAPE = re.compile(
    r"""
    (?P<v4>[0-9.]{7,15}) (?: :(?P<v4_port>[0-9]{1,5}) )?
    |
    (?P<open>\[)? (?P<v6>[0-9A-Fa-f:.]{2,45}) (?: %[0-9A-Za-z._~-]{1,64} )?
    (?(open) \] (?: :(?P<v6_port>[0-9]{1,5}) )? )
    """,
    re.ASCII | re.VERBOSE,
)
"""``v4``, ``v4:port``, ``v6``, ``[v6]`` or ``[v6]:port``; a zone id means nothing to other hosts."""

NETWORK_SHAPE = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:/(?:0|[1-9][0-9]{0,2}))?", re.ASCII)
"""An address or a CIDR network: no zone, and no mask, since ``/0.0.0.255`` and ``/0.0.0.0`` pass."""

HIGHEST_PORT = 65_535

MAPPED = IPv6Network("::ffff:0:0/96")
"""IPv4-mapped IPv6, which is IPv4 here."""

# The frozen algorithm: the modern one also reads NAT64 as IPv4, and no address of 240.0.0.0/4.
READER = IpWare(
    precedence=("REMOTE_ADDR",), leftmost=True, proxy_count=0, proxy_list=[], algorithm="legacy"
)


class AllowList(NamedTuple):
    """The usable entries of ``ALLOWED_IPS``."""

    networks: tuple[Network, ...]
    names: tuple[HostName, ...]


def is_allowed(meta: Mapping[str, Any]) -> bool:
    """Return whether the client of a request with this ``META`` may use the endpoint.

    An empty list, or None, allows everybody. An unusable entry matches nobody, so a list of nothing
    else is closed; so is a value that is no list, such as a single text.
    """
    entries = ingest_settings.ALLOWED_IPS
    if entries is None or _is_empty_list(entries):
        hostnames.watch(())
        return True
    allowed = _allow_list(_texts(entries))
    hostnames.watch(allowed.names)
    address = client_address(meta)
    if address is None:
        return False
    return _is_within(address, allowed.networks) or hostnames.resolves_to(allowed.names, address)


def client_address(meta: Mapping[str, Any]) -> Address | None:
    """Return the address the request came from, or None if that cannot be said.

    That is ``REMOTE_ADDR``, unless it is one of ``TRUSTED_PROXIES``: each hop of
    ``X-Forwarded-For`` was written by the one to its right, so the first from the right that is not
    ours is the client. If all are ours, it is the leftmost. IPv4-mapped IPv6 is returned as IPv4.
    """
    client = read_address(meta.get("REMOTE_ADDR"))
    proxies = _networks(_texts(ingest_settings.TRUSTED_PROXIES))
    for hop in reversed(_forwarded_for(meta)):
        if client is None or not _is_within(client, proxies):
            break
        client = read_address(hop)
    return client


def parse_entry(text: str) -> Network | HostName:
    """Return what one entry of ``ALLOWED_IPS`` means.

    ``ValueError`` says what is wrong with it; blanks around it are ignored.
    """
    text = _stripped(text)
    return parse_network(text) if _looks_numeric(text) else HostName.parse(text)


def parse_network(text: str) -> Network:
    """Return the network of an address or a CIDR network, or raise ``ValueError``.

    Bits set beyond the prefix are an error: ``10.0.0.5/24`` may mean one host or 256.
    An IPv4-mapped network is returned as IPv4; a wider one, such as ``::/0``, holds IPv6 only.
    """
    text = _stripped(text)
    if not _is_network(text):
        raise ValueError(f"{text[:64]!a} is no address or network such as 192.0.2.0/24")
    network = ip_network(text, strict=False)
    if ip_interface(text).ip != network.network_address:
        raise ValueError(f"{text} has bits set beyond its prefix: is {network} meant?")
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        base = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((base, network.prefixlen - MAPPED.prefixlen))
    return network


def read_address(text: object) -> Address | None:
    """Return the address in ``REMOTE_ADDR`` or in one hop of a header, or None if there is none."""
    shape = HOP_SHAPE.fullmatch(text.strip(BLANKS)) if isinstance(text, str) else None
    if shape is None or int(shape["v4_port"] or shape["v6_port"] or 0) > HIGHEST_PORT:
        return None
    # In this form the engine does not take "192.0.2.1:80:80" for an IPv4 address with a port.
    return _address(shape["v4"] or f"[{shape['v6']}]:0")


def _forwarded_for(meta: Mapping[str, Any]) -> list[str]:
    """Return the hops as they are written, the client's side first; several headers are one."""
    header = meta.get("HTTP_X_FORWARDED_FOR")
    return header.split(",") if isinstance(header, str) and header.strip(BLANKS) else []


def _is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _is_empty_list(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and not value


def _texts(value: object) -> tuple[str, ...]:
    """Return the entries of a list; what is no text, or no list, becomes an unusable entry."""
    if not isinstance(value, list | tuple | set | frozenset):
        return () if value is None else ("",)
    return tuple(entry if isinstance(entry, str) else "" for entry in value)


def _stripped(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError(f"an entry is text, not {type(text).__name__}")  # noqa: TRY004 - as for all
    return text.strip(BLANKS)


def _is_network(text: str) -> bool:
    if NETWORK_SHAPE.fullmatch(text) is None:
        return False
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


def _looks_numeric(text: str) -> bool:
    """Return whether only an address can be meant, so that the error speaks of addresses."""
    return ":" in text or "/" in text or re.fullmatch(r"[0-9.]*", text, re.ASCII) is not None


@lru_cache(maxsize=256)
def _address(host: str) -> Address | None:
    """Ask the engine; a gateway calls from one address, or a few."""
    address: Address | None = READER.get_client_ip({"REMOTE_ADDR": host}, strict=True)[0]
    return address


@lru_cache(maxsize=32)
def _allow_list(entries: tuple[str, ...]) -> AllowList:
    parsed = _usable(entries, "ALLOWED_IPS", parse_entry)
    return AllowList(
        networks=tuple(entry for entry in parsed if not isinstance(entry, HostName)),
        names=tuple(entry for entry in parsed if isinstance(entry, HostName)),
    )


@lru_cache(maxsize=32)
def _networks(entries: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(_usable(entries, "TRUSTED_PROXIES", parse_network))


def _usable(entries: Sequence[str], key: str, parse: Callable[[str], Entry]) -> list[Entry]:
    """Return what the entries mean; warn, once per list, of those that mean nothing."""
    usable: list[Entry] = []
    for entry in entries:
        with suppress(ValueError):
            usable.append(parse(entry))
    if len(usable) < len(entries):
        unusable = len(entries) - len(usable)
        logger.warning("%s: %d unusable, see manage.py check", key, unusable)
    return usable
