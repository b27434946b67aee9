"""Who is calling: the client's address, the allow-list, and what hostile headers do to both."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import hostnames, network
from django_iot_ingest.hostnames import Answer, HostName, Resolver
from django_iot_ingest.network import client_address, is_allowed, parse_entry, parse_network

pytestmark = pytest.mark.once

CLIENT = "203.0.113.9"
PROXY = "10.0.0.2"
PROXIES = ["10.0.0.0/24", "2001:db8:1::/64"]

CLIENT_HEADERS = [
    "HTTP_X_REAL_IP",
    "HTTP_CLIENT_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_FORWARDED",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_REMOTE_ADDR",
    "X_FORWARDED_FOR",
    "X-FORWARDED-FOR",
    "HTTP-X-FORWARDED-FOR",
    "REMOTE-ADDR",
    "remote_addr",
    "http_x_forwarded_for",
]

IPWARE_SETTINGS = {
    "IPWARE_ALGORITHM": "legacy",
    "IPWARE_META_PRECEDENCE_ORDER": ("HTTP_X_REAL_IP", "HTTP_X_FORWARDED_FOR"),
    "IPWARE_META_PROXY_COUNT": 3,
    "IPWARE_STRICT": False,
    # Of earlier releases
    "IPWARE_META_PROXY_TRUSTED_IPS": ["0.0.0.0/0"],
    "IPWARE_META_PROXY_LIST": ["203.0.113.9"],
    "IPWARE_TRUSTED_PROXY_LIST": ["203.0.113.9"],
    "IPWARE_META_PROXY_ORDER": "right-most",
    "IPWARE_REVERSE_PROXIES": ["203.0.113.9"],
    "IPWARE_PRIVATE_IP_PREFIX": ("203.",),
    "IPWARE_NON_PUBLIC_IP_PREFIX": ("203.",),
}

NO_ADDRESS = [
    "",
    " ",
    "unknown",
    "_hidden",
    "-",
    "localhost",
    "1.2.3",
    "1.2.3.4.",
    ".1.2.3.4",
    "1.2.3.4.5",
    "1.2.3.256",
    "010.0.0.1",
    "1.2.3.08",
    "0x1.2.3.4",
    "16909060",
    "１.2.3.4",
    "١.2.3.4",
    "1.2.3.4\n",
    "1.2.3.4\x00",
    "1.2. 3.4",
    "1.2.3.4:",
    "1.2.3.4:x",
    "1.2.3.4:65536",
    "1.2.3.4:80:80",
    "1.2.3.4:123456",
    "1.2.3.4:٨٠",
    "1.2.3.4%eth0",
    "1.2.3.4/32",
    "[1.2.3.4]",
    "[1.2.3.4]:80",
    "[1.2.3.4:1:2]",
    "[::1",
    "::1]",
    "[[::1]]:80",
    "[::1]80",
    "[::1]:",
    "[::1]:65536",
    "[::1]:80:80",
    "::1%",
    "::1%eth0%eth1",
    "::1%" + "x" * 300,
    ":::",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    '"1.2.3.4"',
    "'1.2.3.4'",
    "for=1.2.3.4",
    'for="[::1]:80"',
    "x" * 8192,
    "1" * 8192,
    ":" * 8192,
    "." * 8192,
    "[" * 8192,
]


@pytest.fixture(autouse=True)
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Answer]]:
    """Answer look-ups from this table."""
    table: dict[str, Answer] = {}
    resolver = Resolver(lambda name: table[name], refresh=lambda: 60.0)
    monkeypatch.setattr(hostnames, "_resolver", resolver)
    yield table
    resolver.watch(())
    with resolver._changed:
        resolver._changed.notify_all()


def configure(settings: Any, **keys: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, **keys}


def ingest(**keys: Any) -> Any:
    """Return a context with these keys, for tests whose examples share one fixture."""
    return override_settings(IOT_INGEST={**django_settings.IOT_INGEST, **keys})


def peer(address: object, forwarded_for: object = None, **headers: object) -> dict[str, Any]:
    meta = {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": forwarded_for, **headers}
    return {key: value for key, value in meta.items() if value is not None}


def client_behind(settings: Any, forwarded_for: object, proxies: Any = PROXIES) -> str | None:
    """Return the client of a request that one of our proxies handed on."""
    configure(settings, TRUSTED_PROXIES=proxies)
    address = client_address(peer(PROXY, forwarded_for))
    return None if address is None else str(address)


# The peer


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (CLIENT, CLIENT),
        (f" \t{CLIENT} ", CLIENT),
        (f"{CLIENT}:0", CLIENT),
        (f"{CLIENT}:65535", CLIENT),
        ("0.0.0.0", "0.0.0.0"),
        ("240.0.0.1", "240.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[::1]:443", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%2", "fe80::1"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("::ffff:203.0.113.9", CLIENT),
        ("::FFFF:cb00:7109", CLIENT),
        ("[::ffff:203.0.113.9]:80", CLIENT),
        ("::203.0.113.9", "::cb00:7109"),
        ("64:ff9b::203.0.113.9", "64:ff9b::cb00:7109"),
        ("2002:cb00:7109::", "2002:cb00:7109::"),
    ],
)
def test_forms_of_an_address(settings: Any, text: str, address: str) -> None:
    assert client_address(peer(text)) == ip_address(address)
    assert client_behind(settings, text) == address


@pytest.mark.parametrize("text", [*NO_ADDRESS, "1.2.3.4, 5.6.7.8", "1.2.3.4,"])
def test_a_peer_without_an_address(settings: Any, text: str) -> None:
    configure(settings, TRUSTED_PROXIES=["0.0.0.0/0", "::/0"])
    assert client_address(peer(text, CLIENT)) is None


@pytest.mark.parametrize("value", [None, b"1.2.3.4", 16909060, ["1.2.3.4"], IPv4Address(1)])
def test_a_peer_that_is_no_text(value: object) -> None:
    assert client_address(peer(value)) is None


def test_a_zone_is_no_part_of_an_address() -> None:
    address = client_address(peer("fe80::1%eth0"))
    assert isinstance(address, IPv6Address)
    assert address.scope_id is None


# Forged headers


@pytest.mark.parametrize("header", [*CLIENT_HEADERS, "HTTP_X_FORWARDED_FOR"])
def test_a_stranger_s_headers_are_not_believed(settings: Any, header: str) -> None:
    configure(settings, TRUSTED_PROXIES=PROXIES)
    for forged in ("127.0.0.1", PROXY, f"127.0.0.1, {PROXY}"):
        assert client_address(peer(CLIENT, **{header: forged})) == ip_address(CLIENT)


@pytest.mark.parametrize("header", CLIENT_HEADERS)
def test_of_a_proxy_one_header_alone_is_believed(settings: Any, header: str) -> None:
    configure(settings, TRUSTED_PROXIES=PROXIES)
    forged = {header: "127.0.0.1"}
    assert client_address(peer(PROXY, CLIENT, **forged)) == ip_address(CLIENT)
    assert client_address(peer(PROXY, **forged)) == ip_address(PROXY)


@pytest.mark.parametrize("name", IPWARE_SETTINGS)
def test_no_setting_of_ipware_changes_the_outcome(settings: Any, name: str) -> None:
    _assert_usual_outcomes(settings)
    setattr(settings, name, IPWARE_SETTINGS[name])
    _assert_usual_outcomes(settings)


def test_all_settings_of_ipware_change_nothing(settings: Any) -> None:
    for name, value in IPWARE_SETTINGS.items():
        setattr(settings, name, value)
    _assert_usual_outcomes(settings)


def _assert_usual_outcomes(settings: Any) -> None:
    forged = {"HTTP_X_REAL_IP": "127.0.0.1", "HTTP_X_EVIL": "127.0.0.1"}
    configure(settings, TRUSTED_PROXIES=PROXIES, ALLOWED_IPS=["127.0.0.1"])
    cases = [
        (peer(CLIENT, "127.0.0.1", **forged), CLIENT),
        (peer(CLIENT, f"127.0.0.1, {PROXY}, 10.0.0.3, 10.0.0.4", **forged), CLIENT),
        (peer(PROXY, f"127.0.0.1, {CLIENT}", **forged), CLIENT),
        (peer(PROXY, **forged), PROXY),
    ]
    for meta, address in cases:
        assert client_address(meta) == ip_address(address)
        assert not is_allowed(meta)
    assert client_address(peer(PROXY, "127.0.0.1, junk", **forged)) is None
    assert is_allowed(peer("127.0.0.1", CLIENT))


# The walk


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}, 10.0.0.3", CLIENT),
        (f"{CLIENT},10.0.0.3,10.0.0.4:8080 , [2001:db8:1::7]:443", CLIENT),
        (f"{CLIENT}, ::ffff:10.0.0.3", CLIENT),
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"10.0.0.7, {CLIENT}, 10.0.0.3", CLIENT),
        (f"unknown, {CLIENT}", CLIENT),
        (f", {CLIENT}", CLIENT),
        (f"{CLIENT}, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.7, 10.0.0.3", "10.0.0.7"),
        ("10.0.0.7", "10.0.0.7"),
        (None, PROXY),
        ("", PROXY),
        (" \t", PROXY),
        (f"{CLIENT}, unknown", None),
        (f"{CLIENT}, unknown, 10.0.0.3", None),
        (f"{CLIENT}, , 10.0.0.3", None),
        (f"{CLIENT},", None),
        (",", None),
        (", 10.0.0.3", None),
        ("unknown, 10.0.0.3", None),
        (f"{CLIENT}; 10.0.0.3", None),
        (f"{CLIENT} 10.0.0.3", None),
        (["127.0.0.1"], PROXY),
        (b"127.0.0.1", PROXY),
    ],
)
def test_the_walk_goes_from_the_right_over_our_proxies(
    settings: Any, header: object, client: str | None
) -> None:
    assert client_behind(settings, header) == client


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_a_hop_that_is_no_address_ends_the_walk(settings: Any, text: str) -> None:
    expected = None if text.strip() else PROXY
    assert client_behind(settings, text) == expected
    assert client_behind(settings, f"127.0.0.1, {text}") is None
    assert client_behind(settings, f"{text}, 10.0.0.3") is None
    assert client_behind(settings, f"{text}, {CLIENT}, 10.0.0.3") == CLIENT


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (", ".join(["127.0.0.1"] * 10_000), "127.0.0.1"),
        (", ".join([CLIENT] + ["10.0.0.3"] * 10_000), CLIENT),
        (", ".join(["10.0.0.3"] * 10_000), "10.0.0.3"),
        ("," * 10_000, None),
        ("10.0.0.3," * 10_000 + CLIENT, CLIENT),
        ("unknown," + "10.0.0.3," * 10_000 + "10.0.0.3", None),
    ],
    ids=["strangers", "ours", "only ours", "commas", "forged", "unknown"],
)
def test_ten_thousand_hops(settings: Any, header: str, client: str | None) -> None:
    assert client_behind(settings, header) == client


@pytest.mark.parametrize(
    ("proxies", "client"),
    [
        ([], PROXY),
        (None, PROXY),
        ((PROXY,), CLIENT),
        ({PROXY}, CLIENT),
        ([f" {PROXY} "], CLIENT),
        (["::ffff:10.0.0.2"], CLIENT),
        (["::ffff:10.0.0.0/120"], CLIENT),
        (["10.0.0.0/8"], CLIENT),
        (["0.0.0.0/0"], CLIENT),
        (["junk", PROXY], CLIENT),
        (["::/0"], PROXY),
        (["10.0.0.2/24"], PROXY),
        (["10.0.0."], PROXY),
        (["10.0.0"], PROXY),
        (["1"], PROXY),
        (["10.0.0.20"], PROXY),
        (["localhost", "*", "", None, 167772162, b"10.0.0.2", [PROXY]], PROXY),
        (PROXY, PROXY),
        (b"10.0.0.2", PROXY),
        (True, PROXY),
        ({PROXY: 1}, PROXY),
    ],
)
def test_which_peers_are_ours(settings: Any, proxies: Any, client: str) -> None:
    assert client_behind(settings, CLIENT, proxies) == client


@given(st.lists(st.ip_addresses().map(str) | st.text(max_size=20), max_size=6))
def test_what_stands_left_of_a_stranger_never_counts(forged: list[str]) -> None:
    with ingest(TRUSTED_PROXIES=PROXIES):
        meta = peer(PROXY, ", ".join([*forged, CLIENT]))
        assert client_address(meta) == ip_address(CLIENT)


@given(st.text() | st.text(alphabet="0123456789abcdef.:[]%,/ "))
def test_no_text_raises_or_opens(text: str) -> None:
    with ingest(TRUSTED_PROXIES=PROXIES, ALLOWED_IPS=[CLIENT, text]):
        assert is_allowed(peer(CLIENT, text))
        client_address(peer(text, text))
    with ingest(TRUSTED_PROXIES=[text], ALLOWED_IPS=[CLIENT]):
        assert not is_allowed(peer("198.51.100.7", text))


@given(st.ip_addresses())
def test_every_address_is_read_back(address: IPv4Address | IPv6Address) -> None:
    expected = getattr(address, "ipv4_mapped", None) or address
    assert client_address(peer(str(address))) == expected
    brackets = "[{}]:80" if address.version == 6 else "{}:80"
    assert client_address(peer(brackets.format(address))) == expected


# Entries


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("10.0.0.5", IPv4Network("10.0.0.5/32")),
        (" 10.0.0.5\t", IPv4Network("10.0.0.5/32")),
        ("10.0.0.0/8", IPv4Network("10.0.0.0/8")),
        ("10.0.0.5/32", IPv4Network("10.0.0.5/32")),
        ("0.0.0.0/0", IPv4Network("0.0.0.0/0")),
        ("::/0", IPv6Network("::/0")),
        ("::1", IPv6Network("::1/128")),
        ("2001:DB8::/32", IPv6Network("2001:db8::/32")),
        ("::ffff:10.0.0.5", IPv4Network("10.0.0.5/32")),
        ("::ffff:10.0.0.0/104", IPv4Network("10.0.0.0/8")),
        ("::ffff:0:0/96", IPv4Network("0.0.0.0/0")),
        ("::ffff:0:0/95", None),
        ("64:ff9b::/96", IPv6Network("64:ff9b::/96")),
        ("gateway.example.com", HostName("gateway.example.com")),
        ("Gateway", HostName("gateway")),
        ("*", None),
        ("", None),
        ("   ", None),
        ("/", None),
        ("/0", None),
        ("10.0.0.5/24", None),
        ("2001:db8::1/32", None),
        ("10.0.0.0/33", None),
        ("10.0.0.0/-1", None),
        ("10.0.0.0/+8", None),
        ("10.0.0.0/08", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/0.0.0.255", None),
        ("0.0.0.0/0.0.0.0", None),
        ("10.0.0.0/8/8", None),
        ("10/8", None),
        ("10.0.0.*", None),
        ("10.0.0.1-10.0.0.9", None),
        ("10.0.0.256", None),
        ("010.0.0.1", None),
        ("１0.0.0.1", None),
        ("1.2.3", None),
        ("10.0.0.1:80", None),
        ("[::1]", None),
        ("fe80::1%eth0", None),
        ("fe80::%eth0/64", None),
        ("http://gateway", None),
        ("gateway:443", None),
        ("gate way", None),
        ("gateway\n", None),
        ("10.0.0.1\n", None),
        ("x" * 100_000, None),
    ],
)
def test_entries(text: str, meaning: object) -> None:
    if meaning is None:
        with pytest.raises(ValueError, match=" is "):
            parse_entry(text)
    else:
        assert parse_entry(text) == meaning
        assert type(parse_entry(text)) is type(meaning)


@pytest.mark.parametrize("value", [None, 1, b"10.0.0.1", b"\x0a\0\0\1", ["10.0.0.1"], object()])
def test_an_entry_that_is_no_text(value: Any) -> None:
    with pytest.raises(ValueError, match="an entry is text, not"):
        parse_entry(value)


def test_an_error_says_what_to_write_instead() -> None:
    with pytest.raises(ValueError, match=r"is 10\.0\.0\.0/24 meant"):
        parse_entry("10.0.0.5/24")
    with pytest.raises(ValueError, match="no address or network such as"):
        parse_entry("10.0.0.256")
    with pytest.raises(ValueError, match="no host name such as"):
        parse_entry("*")


def test_an_error_shows_the_text_escaped_and_shortened() -> None:
    with pytest.raises(ValueError, match="host name") as caught:
        parse_entry("é\n" + "x" * 1000)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


def test_a_host_name_is_no_network() -> None:
    with pytest.raises(ValueError, match="no address or network"):
        parse_network("gateway.example.com")


# The allow-list


@pytest.mark.parametrize("value", [[], (), set(), None])
def test_an_empty_list_is_off(settings: Any, value: Any) -> None:
    configure(settings, ALLOWED_IPS=value)
    assert is_allowed(peer(CLIENT))
    assert is_allowed(peer(""))
    assert is_allowed({})


@pytest.mark.parametrize(
    "value",
    [
        [""],
        [" "],
        ["*"],
        ["203.0.113.*"],
        ["203.0.113.9/24"],
        ["203.0.113.256", "203.0.113", None],
        [None],
        [False],
        [b"203.0.113.9"],
        [["203.0.113.9"]],
        [{}],
        [3405803785],
        [IPv4Address(CLIENT)],
        "",
        CLIENT,
        "*",
        b"203.0.113.9",
        {CLIENT: True},
        {},
        0,
        False,
        True,
        object(),
    ],
)
def test_an_unusable_list_is_closed(settings: Any, value: Any) -> None:
    configure(settings, ALLOWED_IPS=value)
    assert not is_allowed(peer(CLIENT))
    assert not is_allowed(peer(""))


@pytest.mark.parametrize(
    ("entry", "address", "allowed"),
    [
        (CLIENT, CLIENT, True),
        (CLIENT, f"::ffff:{CLIENT}", True),
        (CLIENT, "203.0.113.90", False),
        (f"::ffff:{CLIENT}", CLIENT, True),
        ("203.0.113.0/24", CLIENT, True),
        ("203.0.113.0/29", CLIENT, False),
        ("0.0.0.0/0", CLIENT, True),
        ("0.0.0.0/0", "::ffff:1.2.3.4", True),
        ("0.0.0.0/0", "::1", False),
        ("0.0.0.0/0", "", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", CLIENT, False),
        ("::/0", f"::ffff:{CLIENT}", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fe80::1", "fe80::1%eth0", True),
        ("203.0.113.9", "64:ff9b::203.0.113.9", False),
        ("64:ff9b::/96", "64:ff9b::203.0.113.9", True),
        ("240.0.0.1", "240.0.0.1", True),
    ],
)
def test_one_entry(settings: Any, entry: str, address: str, allowed: bool) -> None:
    for entries in ([entry], ["junk", entry, None], (entry, "192.0.2.77")):
        configure(settings, ALLOWED_IPS=entries)
        assert is_allowed(peer(address)) is allowed


def test_the_client_counts_and_not_the_proxy(settings: Any) -> None:
    configure(settings, ALLOWED_IPS=[CLIENT], TRUSTED_PROXIES=[PROXY])
    assert is_allowed(peer(PROXY, CLIENT))
    assert not is_allowed(peer(PROXY))
    assert not is_allowed(peer(PROXY, "198.51.100.1"))
    assert not is_allowed(peer("198.51.100.1", CLIENT))
    assert not is_allowed(peer(PROXY, f"{CLIENT}, unknown"))


def test_the_list_is_read_live(settings: Any) -> None:
    for _ in range(2):
        configure(settings, ALLOWED_IPS=[CLIENT])
        assert is_allowed(peer(CLIENT))
        configure(settings, ALLOWED_IPS=[PROXY])
        assert not is_allowed(peer(CLIENT))
        settings.IOT_INGEST["ALLOWED_IPS"].append(CLIENT)
        assert is_allowed(peer(CLIENT))


def test_a_list_is_parsed_once(settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.201"], TRUSTED_PROXIES=["192.0.2.202"])
    before = network._allow_list.cache_info().misses + network._networks.cache_info().misses
    for _ in range(10):
        is_allowed(peer(CLIENT))
    after = network._allow_list.cache_info().misses + network._networks.cache_info().misses
    assert after - before == 2


def test_unusable_entries_are_logged_once_and_never_quoted(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    configure(settings, ALLOWED_IPS=["evil\nentry", None, CLIENT], TRUSTED_PROXIES=["evil\nproxy"])
    network._allow_list.cache_clear()
    network._networks.cache_clear()
    for _ in range(3):
        assert is_allowed(peer(CLIENT))
    told = [record for record in caplog.records if "unusable" in record.message]
    assert [(r.name, r.levelno, r.message) for r in told] == [
        ("django_iot_ingest.network", logging.WARNING, message)
        for message in (
            "ALLOWED_IPS: 2 unusable, see manage.py check",
            "TRUSTED_PROXIES: 1 unusable, see manage.py check",
        )
    ]


# Host names


def test_a_host_name_lets_its_addresses_in(settings: Any, no_name_server: Any) -> None:
    no_name_server["gateway.example.com"] = frozenset({IPv4Address(CLIENT)})
    configure(settings, ALLOWED_IPS=["192.0.2.1", "Gateway.Example.com"])
    assert is_allowed(peer(CLIENT))
    assert is_allowed(peer(f"::ffff:{CLIENT}"))
    assert is_allowed(peer("192.0.2.1"))
    assert not is_allowed(peer("192.0.2.2"))
    assert not is_allowed(peer(""))


def test_a_name_without_an_answer_closes_itself_alone(settings: Any, no_name_server: Any) -> None:
    no_name_server["good.example"] = frozenset({IPv4Address(CLIENT)})
    configure(settings, ALLOWED_IPS=["bad.example", "good.example", "192.0.2.1"])
    assert is_allowed(peer(CLIENT))
    assert is_allowed(peer("192.0.2.1"))
    assert not is_allowed(peer("192.0.2.2"))


def test_names_are_warmed_up_by_the_first_request(settings: Any, no_name_server: Any) -> None:
    no_name_server["good.example"] = frozenset({IPv4Address(CLIENT)})
    configure(settings, ALLOWED_IPS=["good.example", "192.0.2.1"])
    assert is_allowed(peer("192.0.2.1"))
    assert set(hostnames._resolver._records) == {"good.example"}


@pytest.mark.parametrize("entries", [[], None, ["192.0.2.1"], "junk"])
def test_removed_names_are_forgotten(settings: Any, no_name_server: Any, entries: Any) -> None:
    no_name_server["good.example"] = frozenset({IPv4Address(CLIENT)})
    configure(settings, ALLOWED_IPS=["good.example"])
    assert is_allowed(peer(CLIENT))
    configure(settings, ALLOWED_IPS=entries)
    is_allowed(peer(CLIENT))
    assert hostnames._resolver._records == {}


def test_a_list_without_names_starts_no_thread(settings: Any) -> None:
    configure(settings, ALLOWED_IPS=["192.0.2.1", "10.0.0.256"])
    assert not is_allowed(peer(CLIENT))
    assert hostnames._resolver._thread is None


def test_a_name_is_no_trusted_proxy(settings: Any, no_name_server: Any) -> None:
    no_name_server["proxy.example"] = frozenset({IPv4Address(PROXY)})
    assert client_behind(settings, CLIENT, ["proxy.example"]) == PROXY


def test_localhost_through_the_system(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostnames, "_resolver", Resolver())
    configure(settings, ALLOWED_IPS=["localhost"])
    assert is_allowed(peer("127.0.0.1"))
    assert not is_allowed(peer("127.0.0.2"))
    hostnames.watch(())
