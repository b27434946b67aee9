"""Real HTTP: bytes on a socket"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler

from django_iot_ingest.models import IngestEvent
from tests.gateway import URL
from tests.line import Line
from tests.payloads import SECRET, encode, status
from tests.security.cases import attack, case
from tests.security.server import (
    GATEWAY,
    PROXY,
    STRANGER,
    Answer,
    RealServer,
    Value,
    answers,
    as_bytes,
    pairs,
    real_server,
    receive,
    send,
    told,
)

pytestmark = pytest.mark.once

APPLIED = "200 applied"
BAD_REQUEST = "400 by the server"
TOO_MUCH = "431 by the server"
NOT_IMPLEMENTED = "501 by the server"
BAD_HOST = "400 by the host"
NOT_FOUND = "404 by the host"
NOT_ALLOWED = "403 IP_NOT_ALLOWED"
BAD_SIGNATURE = "403 INVALID_SIGNATURE"
NO_TOKEN = "401 NOT_AUTHENTICATED"
NO_LENGTH = "411 LENGTH_REQUIRED"
TOO_LARGE = "413 PAYLOAD_TOO_LARGE"
UNSUPPORTED = "415 UNSUPPORTED_MEDIA_TYPE"
OTHER_METHOD = "405 METHOD_NOT_ALLOWED"

TAIL = (
    f"POST {URL} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
).encode()
"""A second request, hidden behind a first one whose authority it hopes to have."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with real_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def heard(server: RealServer, data: Any, source: str = GATEWAY) -> str:
    """Return what bytes are answered; only an event that is applied leaves a row."""
    return in_words(server, lambda: server.ask(data, source))


def in_words(server: RealServer, ask: Callable[[], list[Answer]]) -> str:
    before = server.rows()
    words = [told(answer) for answer in ask()]
    assert server.rows() - before == words.count(APPLIED)
    return " then ".join(words) or "nothing"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def with_trailer(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\nX-Signature: %s\r\n\r\n" % (len(body), body, b"A" * 43 + b"=")


def nothing(body: bytes) -> bytes:
    return b""


def cut(body: bytes) -> bytes:
    return body[:-10]


def gzipped(body: bytes) -> bytes:
    return zlib.compress(body, wbits=31)


def twice(good: str) -> list[str]:
    return [good, good]


def respelled(good: str) -> str:
    return good


CHUNKS = {"Content-Length": None, "Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(
    ("headers", "framed"),
    [
        attack("HTTP: the gateway's own request", APPLIED, {}, bytes),
        attack("HTTP: a chunked body", NO_LENGTH, CHUNKS, chunked),
        attack(
            "HTTP: a chunked body whose trailer signs",
            NO_LENGTH,
            {**CHUNKS, "X-Signature": None},
            with_trailer,
        ),
        attack("HTTP: chunks that are no chunks", NO_LENGTH, CHUNKS, bytes),
        attack(
            "HTTP: chunks, in other letter case",
            NO_LENGTH,
            {**CHUNKS, "Transfer-Encoding": "CHUNKED"},
            chunked,
        ),
        attack(
            "HTTP: gzip and chunks",
            NO_LENGTH,
            {**CHUNKS, "Transfer-Encoding": "gzip, chunked"},
            chunked,
        ),
        attack(
            "HTTP: chunks twice",
            BAD_REQUEST,
            {**CHUNKS, "Transfer-Encoding": ["chunked", "chunked"]},
            chunked,
        ),
        attack(
            "HTTP: chunks first, and identity",
            BAD_REQUEST,
            {**CHUNKS, "Transfer-Encoding": "chunked, identity"},
            chunked,
        ),
        attack(
            "HTTP: an unknown transfer coding",
            NOT_IMPLEMENTED,
            {**CHUNKS, "Transfer-Encoding": "xchunked"},
            chunked,
        ),
        attack(
            "HTTP: chunks behind a vertical tab",
            BAD_REQUEST,
            {**CHUNKS, "Transfer-Encoding": "\x0bchunked"},
            chunked,
        ),
        attack(
            "HTTP: a blank before the colon of Transfer-Encoding",
            BAD_REQUEST,
            {"Content-Length": None, "Transfer-Encoding ": "chunked"},
            chunked,
        ),
        attack(
            "HTTP: Content-Length and Transfer-Encoding, a chunked body",
            BAD_REQUEST,
            {"Transfer-Encoding": "chunked"},
            chunked,
        ),
        attack(
            "HTTP: Content-Length and Transfer-Encoding, a plain body",
            BAD_REQUEST,
            {"Transfer-Encoding": "chunked"},
            bytes,
        ),
        attack(
            "HTTP: Content-Length and `Transfer-Encoding: identity`",
            BAD_REQUEST,
            {"Transfer-Encoding": "identity"},
            bytes,
        ),
        attack(
            "HTTP: Content-Length and `Transfer_Encoding`",
            APPLIED,
            {"Transfer_Encoding": "chunked"},
            bytes,
        ),
        attack("HTTP: no Content-Length", NO_LENGTH, {"Content-Length": None}, bytes),
        attack("HTTP: no Content-Length and no body", NO_LENGTH, {"Content-Length": None}, nothing),
        attack("HTTP: Content-Length twice, equal", BAD_REQUEST, {"Content-Length": twice}, bytes),
        attack(
            "HTTP: Content-Length twice, the second 0",
            BAD_REQUEST,
            {"Content-Length": lambda good: [good, "0"]},
            bytes,
        ),
        attack(
            "HTTP: Content-Length as a list",
            BAD_REQUEST,
            {"Content-Length": lambda good: f"{good}, {good}"},
            bytes,
        ),
        *[
            attack(f"HTTP: Content-Length {name}", answer, {"Content-Length": value}, bytes)
            for name, answer, value in [
                ("empty", BAD_REQUEST, ""),
                ("negative", BAD_REQUEST, "-1"),
                ("+5", BAD_REQUEST, "+5"),
                ("in hexadecimal", BAD_REQUEST, lambda good: hex(int(good))),
                ("with an underscore", BAD_REQUEST, lambda good: f"{good[0]}_{good[1:]}"),
                ("as a float", BAD_REQUEST, lambda good: f"{good}.0"),
                ("in Devanagari digits", BAD_REQUEST, "१०५"),
                ("in superscript digits", BAD_REQUEST, "²".encode("latin-1")),
                ("with leading zeros", APPLIED, lambda good: f"000{good}"),
                ("one above our limit", TOO_LARGE, "262145"),
                ("above 64 bits", TOO_LARGE, "18446744073709551617"),
                ("of 5,000 digits", BAD_REQUEST, "9" * 5000),
            ]
        ],
        attack("HTTP: a body shorter than announced, and an end", BAD_SIGNATURE, {}, cut),
        attack("HTTP: no body where one is announced, and an end", BAD_SIGNATURE, {}, nothing),
        attack("HTTP: a body longer than announced", APPLIED, {}, lambda body: body + b"{}"),
        attack("HTTP: a length of 0 before a body", BAD_SIGNATURE, {"Content-Length": "0"}, bytes),
        attack(
            "HTTP: a gzip body that says so",
            UNSUPPORTED,
            {"Content-Encoding": "gzip", "Content-Length": "262144"},
            gzipped,
        ),
        attack(
            "HTTP: a gzip body that does not say so",
            BAD_SIGNATURE,
            {"Content-Length": "262144"},
            gzipped,
        ),
    ],
)
def test_a_body_has_one_length(
    headers: dict[str, Any], framed: Any, expected: str, server: RealServer
) -> None:
    assert heard(server, server.message(headers, framed=framed)) == expected


@pytest.mark.parametrize(
    ("headers", "framed"),
    [
        attack(
            "a second request behind a body",
            f"{APPLIED} then {BAD_SIGNATURE}",
            {},
            lambda body: body + TAIL,
        ),
        attack(
            "a second request in place of a body of length 0",
            f"{BAD_SIGNATURE} then {BAD_SIGNATURE}",
            {"Content-Length": "0"},
            lambda body: TAIL,
        ),
        attack(
            "a second request behind no length",
            f"{NO_LENGTH} then {BAD_SIGNATURE}",
            {"Content-Length": None},
            lambda body: TAIL,
        ),
        attack(
            "a second request behind the last chunk",
            f"{NO_LENGTH} then {BAD_SIGNATURE}",
            CHUNKS,
            lambda body: chunked(body) + TAIL,
        ),
        attack(
            "a second request behind chunks and a length",
            BAD_REQUEST,
            {"Transfer-Encoding": "chunked"},
            lambda body: b"0\r\n\r\n" + TAIL,
        ),
        attack(
            "a second request as the body of a refused one",
            NO_TOKEN,
            {"Authorization": None, "Content-Length": str(len(TAIL))},
            lambda body: TAIL,
        ),
        attack(
            "a second request as the body of one with a wrong signature",
            BAD_SIGNATURE,
            {"Content-Length": str(len(TAIL))},
            lambda body: TAIL,
        ),
    ],
)
def test_what_follows_a_request_has_checks_of_its_own(
    headers: dict[str, Any], framed: Any, expected: str, server: RealServer
) -> None:
    data = server.message(headers, framed=framed, closes=False)
    assert heard(server, data) == expected


@case("two good requests in one go", f"{APPLIED} then {APPLIED}")
def test_requests_may_follow_each_other_without_waiting(server: RealServer, expected: str) -> None:
    assert heard(server, server.message(closes=False) + server.message()) == expected


@case("a good request behind a refused one", f"{NO_TOKEN} then {APPLIED}")
def test_a_refusal_leaves_the_connection_in_step(server: RealServer, expected: str) -> None:
    refused = server.message({"Authorization": None}, closes=False)
    assert heard(server, refused + server.message()) == expected


SIGNED = {
    "X-Signature": BAD_SIGNATURE,
    "X-Timestamp": BAD_SIGNATURE,
    "Authorization": NO_TOKEN,
    "Content-Type": UNSUPPORTED,
}
"""The headers that we read, and what each answers when it is not usable."""

SHAPES: dict[str, tuple[str | None, Any]] = {
    "absent": (None, None),
    "empty": (None, ""),
    "with a letter of Latin-1": (None, lambda good: good[:-1].encode() + b"\xe9"),
    "with a letter of UTF-8": (None, lambda good: f"{good[:-1]}é"),
    "with a digit that is none of ASCII": (None, lambda good: f"{good[:-1]}７"),
    "with bytes of no encoding": (None, lambda good: good.encode() + b"\xff\xfe"),
    "with a NUL": (BAD_REQUEST, lambda good: f"{good}\x00"),
    "with DEL": (BAD_REQUEST, lambda good: f"{good}\x7f"),
    "with a bare CR": (BAD_REQUEST, lambda good: f"{good[:5]}\r{good[5:]}"),
    "with a bare LF": (BAD_REQUEST, lambda good: f"{good[:5]}\n{good[5:]}"),
    "folded into two lines": (BAD_REQUEST, lambda good: f"{good[:5]}\r\n {good[5:]}"),
    "of 100 KB": (TOO_MUCH, "A" * 100_000),
    "between blanks and tabs": (APPLIED, lambda good: f" \t {good}\t "),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        attack(f"HTTP: {name} {shape}", answer or unusable, name, value)
        for name, unusable in SIGNED.items()
        for shape, (answer, value) in SHAPES.items()
    ],
)
def test_each_header_is_one_line_of_ascii(
    name: str, value: Any, expected: str, server: RealServer
) -> None:
    assert heard(server, server.message({name: value})) == expected


@pytest.mark.parametrize(
    "headers",
    [
        attack("HTTP: X-Signature twice, equal", BAD_SIGNATURE, {"X-Signature": twice}),
        attack(
            "HTTP: X-Signature twice, the first wrong",
            BAD_SIGNATURE,
            {"X-Signature": lambda good: ["A" * 43 + "=", good]},
        ),
        attack("HTTP: X-Timestamp twice, equal", BAD_SIGNATURE, {"X-Timestamp": twice}),
        attack(
            "HTTP: X-Timestamp twice, the last empty",
            BAD_SIGNATURE,
            {"X-Timestamp": lambda good: [good, ""]},
        ),
        attack("HTTP: Authorization twice, equal", NO_TOKEN, {"Authorization": twice}),
        attack(
            "HTTP: Authorization twice, Basic first",
            NO_TOKEN,
            {"Authorization": lambda good: ["Basic YTpi", good]},
        ),
        attack(
            "HTTP: `X_Signature` in place of X-Signature",
            BAD_SIGNATURE,
            {"X-Signature": None, "X_Signature": respelled},
        ),
        attack(
            "HTTP: `X_Timestamp` in place of X-Timestamp",
            BAD_SIGNATURE,
            {"X-Timestamp": None, "X_Timestamp": respelled},
        ),
        attack("HTTP: `X_Signature` beside X-Signature", APPLIED, {"X_Signature": "A" * 44}),
        attack("HTTP: `X_Timestamp` beside X-Timestamp", APPLIED, {"X_Timestamp": "0" * 10}),
        attack("HTTP: `Content_Length` beside Content-Length", APPLIED, {"Content_Length": "0"}),
        attack(
            "HTTP: `Content_Type` in place of Content-Type",
            UNSUPPORTED,
            {"Content-Type": None, "Content_Type": respelled},
        ),
        attack(
            "HTTP: X-Signature in lower case letters",
            APPLIED,
            {"X-Signature": None, "x-signature": respelled},
        ),
        attack("HTTP: a header of another 100 KB", TOO_MUCH, {"X-Other": "a" * 100_000}),
        attack("HTTP: 200 headers", TOO_MUCH, {f"X-{number}": "1" for number in range(200)}),
        attack("HTTP: a header name with a blank", BAD_REQUEST, {"X Other": "1"}),
        attack("HTTP: a header name of no letters", BAD_REQUEST, {"": "1"}),
        attack("HTTP: a header name beyond ASCII", BAD_REQUEST, {"X-Öther": "1"}),
        attack("HTTP: SCRIPT_NAME as a header", APPLIED, {"SCRIPT_NAME": "/elsewhere"}),
        attack("HTTP: PATH_INFO as a header", APPLIED, {"PATH_INFO": "/elsewhere"}),
        attack("HTTP: REMOTE_ADDR as a header", APPLIED, {"REMOTE_ADDR": STRANGER}),
        attack("HTTP: Host of somebody else", BAD_HOST, {"Host": "elsewhere.example"}),
        attack("HTTP: Host empty", BAD_HOST, {"Host": ""}),
        attack("HTTP: Host with a user", BAD_HOST, {"Host": "127.0.0.1@elsewhere.example"}),
        attack("HTTP: Host beyond ASCII", BAD_HOST, {"Host": "127.0.0.1é"}),
        attack("HTTP: Host twice", BAD_REQUEST, {"Host": twice}),
        attack("HTTP: X-Forwarded-Host", APPLIED, {"X-Forwarded-Host": "elsewhere.example"}),
        attack("HTTP: Expect of something", "417 by the server", {"Expect": "a-miracle"}),
        attack("HTTP: Expect: 100-continue", f"100 then {APPLIED}", {"Expect": "100-continue"}),
        attack(
            "HTTP: an upgrade to HTTP/2",
            APPLIED,
            {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMA"},
        ),
        attack(
            "HTTP: an upgrade to a web socket",
            APPLIED,
            {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        ),
        attack(
            "HTTP: Connection names the signed headers",
            APPLIED,
            {"Connection": "close, X-Signature, X-Timestamp, Authorization"},
        ),
        *[
            attack(f"HTTP: {name}: {value}", APPLIED, {name: value})
            for name, value in {
                "Accept": "text/html",
                "Accept-Language": "ne",
                "Accept-Encoding": "gzip",
                "If-None-Match": "*",
                "If-Match": '"none"',
                "If-Modified-Since": "Mon, 23 Nov 2026 16:52:58 GMT",
                "Range": "bytes=0-1",
                "Prefer": "return=minimal",
                "Origin": "https://elsewhere.example",
                "X-HTTP-Method-Override": "DELETE",
                "X-Original-URL": "/admin/",
                "X-Forwarded-Proto": "https",
            }.items()
        ],
    ],
)
def test_no_header_is_more_than_it_is(
    headers: dict[str, Any], expected: str, server: RealServer
) -> None:
    assert heard(server, server.message(headers)) == expected


@pytest.mark.parametrize(
    "method",
    [
        *[
            attack(f"HTTP: method {name}", OTHER_METHOD, name)
            for name in (
                *("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"),
                *("PROPFIND", "QUERY", "BREW"),
            )
        ],
        attack("HTTP: method HEAD", "405, no body", "HEAD"),
    ],
)
def test_only_post_is_a_method(method: str, expected: str, server: RealServer) -> None:
    (answer,) = server.ask(server.message(method=method))
    assert told(answer) == expected
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("header", "method"),
    [
        attack(f"HTTP: method GET, {header}: POST", OTHER_METHOD, header, "GET")
        for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    ],
)
def test_no_header_makes_it_post(
    header: str, method: str, expected: str, server: RealServer
) -> None:
    assert heard(server, server.message({header: "POST"}, method=method)) == expected


@pytest.mark.parametrize(
    "first",
    [
        attack("HTTP: method in lower case", BAD_REQUEST, {"method": "post"}),
        attack("HTTP: method with a NUL", BAD_REQUEST, {"method": "POST\x00"}),
        attack("HTTP: no version", BAD_REQUEST, {"version": ""}),
        attack("HTTP: HTTP/0.9", BAD_REQUEST, {"version": "HTTP/0.9"}),
        attack("HTTP: HTTP/1.0", APPLIED, {"version": "HTTP/1.0"}),
        attack("HTTP: HTTP/2.0", BAD_REQUEST, {"version": "HTTP/2.0"}),
        attack("HTTP: version in lower case", BAD_REQUEST, {"version": "http/1.1"}),
        attack("HTTP: a trailing slash", NOT_FOUND, {"target": f"{URL}/"}),
        attack("HTTP: a double slash first", NOT_FOUND, {"target": f"/{URL}"}),
        attack("HTTP: a double slash inside", NOT_FOUND, {"target": URL.replace("/st", "//st")}),
        attack("HTTP: a dot segment", NOT_FOUND, {"target": URL.replace("/st", "/./st")}),
        attack("HTTP: a way out and in again", NOT_FOUND, {"target": f"/elsewhere/..{URL}"}),
        attack("HTTP: the path in capitals", NOT_FOUND, {"target": URL.upper()}),
        attack("HTTP: a path parameter", NOT_FOUND, {"target": f"{URL};x=1"}),
        attack("HTTP: a NUL behind the path", NOT_FOUND, {"target": f"{URL}%00"}),
        attack("HTTP: a line break behind the path", NOT_FOUND, {"target": f"{URL}%0a"}),
        attack("HTTP: a path that is no UTF-8", NOT_FOUND, {"target": f"{URL}%ff"}),
        attack("HTTP: a path of raw Latin-1", BAD_REQUEST, {"target": f"{URL}é"}),
        attack("HTTP: a path with a blank", BAD_REQUEST, {"target": f"{URL} x"}),
        attack("HTTP: a letter of the path encoded", APPLIED, {"target": f"{URL[:-1]}%61"}),
        attack("HTTP: the same, encoded twice", NOT_FOUND, {"target": f"{URL[:-1]}%2561"}),
        attack("HTTP: a query string", APPLIED, {"target": f"{URL}?format=xml&_method=GET"}),
        attack("HTTP: a query string that is no UTF-8", APPLIED, {"target": f"{URL}?%ff=%00"}),
        attack("HTTP: 2,000 query fields", APPLIED, {"target": f"{URL}?{'a&' * 2000}"}),
        attack("HTTP: a target of 9 KB", "414 by the server", {"target": f"{URL}?{'a' * 9000}"}),
        attack("HTTP: a fragment", APPLIED, {"target": f"{URL}#x"}),
        attack(
            "HTTP: the whole URL of somebody else",
            APPLIED,
            {"target": f"http://elsewhere.example{URL}"},
        ),
        attack("HTTP: a target without a slash", BAD_REQUEST, {"target": URL[1:]}),
        attack("HTTP: a target `*`", BAD_REQUEST, {"target": "*"}),
    ],
)
def test_the_first_line_says_post_and_one_path(
    first: dict[str, str], expected: str, server: RealServer
) -> None:
    assert heard(server, server.message(**first)) == expected


@pytest.mark.parametrize(
    ("source", "headers"),
    [
        attack("HTTP: a stranger", NOT_ALLOWED, STRANGER, {}),
        *[
            attack(f"HTTP: a stranger says {name}", NOT_ALLOWED, STRANGER, {name: value})
            for name, value in {
                "X-Forwarded-For": GATEWAY,
                "Forwarded": f"for={GATEWAY}",
                "X-Real-IP": GATEWAY,
                "Client-IP": GATEWAY,
                "True-Client-IP": GATEWAY,
                "CF-Connecting-IP": GATEWAY,
                "Remote_Addr": GATEWAY,
                "Remote-Addr": GATEWAY,
                "Host": "127.0.0.1",
            }.items()
        ],
        attack(
            "HTTP: a stranger says PROXY first, in the header's place",
            NOT_ALLOWED,
            STRANGER,
            {"PROXY": f"TCP4 {GATEWAY} {GATEWAY} 1 1"},
        ),
        attack(
            "HTTP: whom the server believes says X-Forwarded-For",
            APPLIED,
            PROXY,
            {"X-Forwarded-For": STRANGER},
        ),
        attack(
            "HTTP: whom the server believes contradicts himself",
            BAD_REQUEST,
            PROXY,
            {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"},
        ),
        attack(
            "HTTP: whom the server believes moves the path",
            "500 by the server",
            PROXY,
            {"SCRIPT_NAME": "/elsewhere"},
        ),
    ],
)
def test_the_client_is_who_connects(
    source: str, headers: dict[str, Any], expected: str, server: RealServer
) -> None:
    assert heard(server, server.message(headers), source) == expected


@pytest.mark.parametrize(
    "headers",
    [
        attack(
            "HTTP: a superuser's session",
            NO_TOKEN,
            lambda known: {"Cookie": f"sessionid={known.session}"},
        ),
        attack(
            "HTTP: a superuser's session and CSRF token",
            NO_TOKEN,
            lambda known: {
                "Cookie": f"sessionid={known.session}; csrftoken={known.csrf}",
                "X-CSRFToken": known.csrf,
            },
        ),
        attack(
            "HTTP: the token in a cookie",
            NO_TOKEN,
            lambda known: {"Cookie": f"access_token={known.token}; jwt={known.token}"},
        ),
        attack(
            "HTTP: the token in Proxy-Authorization",
            NO_TOKEN,
            lambda known: {"Proxy-Authorization": f"Bearer {known.token}"},
        ),
        attack(
            "HTTP: the token in X-Authorization",
            NO_TOKEN,
            lambda known: {"X-Authorization": f"Bearer {known.token}"},
        ),
        attack(
            "HTTP: the token as `Token`",
            NO_TOKEN,
            lambda known: {"Authorization": f"Token {known.token}"},
        ),
        attack(
            "HTTP: the token without a scheme",
            NO_TOKEN,
            lambda known: {"Authorization": known.token},
        ),
        attack(
            "HTTP: Basic authentication",
            NO_TOKEN,
            lambda known: {"Authorization": "Basic Z2F0ZXdheUBleGFtcGxlLmNvbTp4"},
        ),
        attack(
            "HTTP: Remote-User",
            NO_TOKEN,
            lambda known: {"Remote-User": "gateway@example.com"},
        ),
    ],
)
def test_a_bearer_token_is_the_only_way_in(headers: Any, expected: str, server: RealServer) -> None:
    said = {"Authorization": None, **headers(server.known)}
    assert heard(server, server.message(said)) == expected


@case("HTTP: the token in the query string", NO_TOKEN)
def test_the_query_string_is_no_header(server: RealServer, expected: str) -> None:
    target = f"{URL}?access_token={server.known.token}"
    assert heard(server, server.message({"Authorization": None}, target=target)) == expected


def spoiled(found: bytes, put: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(found, put)


@pytest.mark.parametrize(
    "spoil",
    [
        attack("HTTP: line ends without CR", BAD_REQUEST, spoiled(b"\r\n", b"\n")),
        attack("HTTP: an empty line first", APPLIED, lambda data: b"\r\n" + data),
        attack("HTTP: several empty lines first", BAD_REQUEST, lambda data: b"\r\n" * 3 + data),
        attack("HTTP: a header without a colon", BAD_REQUEST, spoiled(b"Host:", b"Host")),
        attack(
            "HTTP: a line of blanks among headers", BAD_REQUEST, spoiled(b"Host:", b" \r\nHost:")
        ),
        attack("HTTP: no empty line behind the headers", "nothing", spoiled(b"\r\n\r\n", b"\r\n")),
        attack("HTTP: headers that break off", "nothing", lambda data: data[:100]),
        attack("HTTP: no bytes at all", "nothing", lambda data: b""),
        attack("HTTP: 1,000 zeros", "nothing", lambda data: bytes(1000)),
        attack("HTTP: the greeting of TLS", "nothing", lambda data: b"\x16\x03\x01\x00\x05" * 20),
        attack(
            "HTTP: the preface of HTTP/2",
            BAD_REQUEST,
            lambda data: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
        attack(
            "HTTP: the PROXY protocol",
            BAD_REQUEST,
            lambda data: f"PROXY TCP4 {GATEWAY} {GATEWAY} 1 1\r\n".encode() + data,
        ),
    ],
)
def test_bytes_that_are_no_request_reach_nobody(
    spoil: Callable[[bytes], bytes], expected: str, server: RealServer
) -> None:
    assert heard(server, spoil(server.message())) == expected


@pytest.mark.parametrize(
    "headers",
    [
        attack("a stranger's body that never comes", NO_TOKEN, {}),
        attack("a stranger's length without end", TOO_LARGE, {"Content-Length": "9" * 15}),
        attack("a stranger's chunks that never come", NO_LENGTH, CHUNKS),
        attack(
            "a stranger who asks whether to send",
            f"100 then {NO_TOKEN}",
            {"Expect": "100-continue"},
        ),
    ],
)
def test_a_stranger_is_answered_before_his_body_comes(
    headers: dict[str, Any], expected: str, server: RealServer
) -> None:
    said = {"Authorization": None, "Content-Length": "262144", **headers}
    data = server.message(said, framed=nothing)
    assert in_words(server, lambda: server.ask_and_wait(data)) == expected


@case("a stranger who sends 5 MB whatever he is told", TOO_LARGE)
def test_a_flood_of_bytes_is_cut_off(server: RealServer, expected: str) -> None:
    said = {"Authorization": None, "Content-Length": "5000000"}
    data = server.message(said, framed=lambda body: bytes(5_000_000))
    assert heard(server, data) == expected


@case("a good request in single bytes", APPLIED)
def test_a_request_may_come_slowly(server: RealServer, expected: str) -> None:
    data = server.message()
    assert heard(server, (data[at : at + 1] for at in range(len(data)))) == expected


@case("a good request while others do not end theirs", f"{APPLIED}, and they later: {APPLIED}")
def test_who_is_slow_holds_nobody_up(server: RealServer, expected: str) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(4)]
        messages = [server.message() for _ in slow]
        halves = [len(messages[0]) // 2, len(messages[0]) - 20] * 2
        for connection, data, half in zip(slow, messages, halves, strict=True):
            send(connection, data[:half])
        quick = heard(server, server.message())
        later = {end(*one) for one in zip(slow, messages, halves, strict=True)}
    assert f"{quick}, and they later: {', '.join(later)}" == expected


def end(connection: socket.socket, data: bytes, half: int) -> str:
    """Send the rest of a request, hang up, and return what it was answered."""
    with connection:
        send(connection, data[half:])
        (answer,) = answers(receive(connection))
    return told(answer)


@pytest.mark.parametrize(
    "headers",
    [
        attack("a connection that is reset in the middle of a body", "503, heard by nobody", {}),
        attack(
            "a stranger's connection that is reset in the middle of a body",
            "401, heard by nobody",
            {"Authorization": None},
        ),
    ],
)
def test_a_body_that_breaks_off_leaves_nothing(
    headers: dict[str, Any], expected: str, server: RealServer, request: pytest.FixtureRequest
) -> None:
    agent, before = request.node.name, server.rows()
    agent = re.sub(r"\W+", "-", agent)
    server.drop(server.message({"User-Agent": agent, **headers}, framed=cut))
    assert f"{server.answered(agent)}, heard by nobody" == expected
    assert server.rows() == before


def test_after_all_of_this_the_same_worker_answers_and_has_told_nothing(
    server: RealServer,
) -> None:
    assert heard(server, server.message()) == APPLIED
    log = server.log()
    assert log.count("Booting worker") == 1
    assert not re.findall(r"ERROR django_iot_ingest.*|ERROR django.request.*|Error handling.*", log)
    for word in (SECRET, *server.known):
        assert word not in log


# --- ASGI: the same view behind Django's other handler


def asgi(
    line: Line,
    headers: dict[str, Value] | None = None,
    *,
    pieces: int = 1,
    hangs_up: bool = False,
    **scope: Any,
) -> str:
    """Send a good request, changed, to Django's ASGI handler; return what is answered."""
    body = encode(status())
    good = {
        "Host": "testserver",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **line.gateway.headers(body),
    }
    size = -(-len(body) // pieces)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    sent: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": hangs_up or part is not parts[-1]}
        for part in parts
    ]
    if hangs_up:
        sent.append({"type": "http.disconnect"})
    before = IngestEvent.objects.count()
    got = run(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": URL,
            "query_string": b"",
            "headers": header_lines(good, headers or {}),
            "client": ("203.0.113.5", 40_000),
            "server": ("testserver", 80),
            **scope,
        },
        sent,
    )
    words = [told(answer) for answer in got]
    assert IngestEvent.objects.count() - before == words.count(APPLIED)
    return " then ".join(words) or "nothing"


def header_lines(good: dict[str, Any], changes: dict[str, Value]) -> list[tuple[bytes, bytes]]:
    """Return headers as a server hands them to an ASGI application: names in small letters."""
    lines = pairs(good, changes)
    return [(name.lower().encode("latin-1"), as_bytes(text)) for name, text in lines]


def run(scope: dict[str, Any], sent: list[dict[str, Any]]) -> list[Answer]:
    """Play a server for one request, in this thread and on its database connection."""
    got: list[dict[str, Any]] = []

    async def serve() -> None:
        messages = iter(sent)

        async def receive() -> dict[str, Any]:
            for message in messages:
                return message
            await asyncio.Event().wait()  # for a hang-up, until the handler has had enough
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            got.append(message)

        await ASGIHandler().handle(scope, receive, send)

    async_to_sync(serve)()
    if not got:
        return []
    start, *bodies = got
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    body = b"".join(message.get("body", b"") for message in bodies)
    return [Answer(start["status"], {"server": "ASGI", **headers}, body)]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        attack("ASGI: the gateway's own request", APPLIED, {}, {}),
        attack("ASGI: a body in ten pieces", APPLIED, {}, {"pieces": 10}),
        attack("ASGI: a hang-up in the middle of the body", "nothing", {}, {"hangs_up": True}),
        attack("ASGI: no Content-Length", NO_LENGTH, {"Content-Length": None}, {}),
        attack("ASGI: a chunked body", NO_LENGTH, CHUNKS, {"pieces": 3}),
        attack(
            "ASGI: Content-Length and Transfer-Encoding",
            NO_LENGTH,
            {"Transfer-Encoding": "chunked"},
            {},
        ),
        attack("ASGI: Content-Length twice", NO_LENGTH, {"Content-Length": twice}, {}),
        attack("ASGI: a length above our limit", TOO_LARGE, {"Content-Length": "262145"}, {}),
        attack("ASGI: X-Signature twice", BAD_SIGNATURE, {"X-Signature": twice}, {}),
        attack("ASGI: X-Timestamp twice", BAD_SIGNATURE, {"X-Timestamp": twice}, {}),
        attack("ASGI: Authorization twice", NO_TOKEN, {"Authorization": twice}, {}),
        attack("ASGI: Content-Type twice", UNSUPPORTED, {"Content-Type": twice}, {}),
        attack("ASGI: Host twice", BAD_HOST, {"Host": twice}, {}),
        *[
            attack(
                f"ASGI: {name} with bytes of no encoding",
                answer,
                {name: lambda good: good.encode() + b"\xff\xe9"},
                {},
            )
            for name, answer in SIGNED.items()
        ],
        attack(
            "ASGI: `x_signature` in place of X-Signature",
            BAD_SIGNATURE,
            {"X-Signature": None, "X_Signature": respelled},
            {},
        ),
        attack("ASGI: a gzip body", UNSUPPORTED, {"Content-Encoding": "gzip"}, {}),
        attack("ASGI: method GET", OTHER_METHOD, {}, {"method": "GET"}),
        attack("ASGI: a query string", APPLIED, {}, {"query_string": b"format=xml"}),
        attack("ASGI: a query string of raw bytes", BAD_HOST, {}, {"query_string": b"\xff"}),
        attack("ASGI: a trailing slash", NOT_FOUND, {}, {"path": f"{URL}/"}),
        attack("ASGI: a stranger", NOT_ALLOWED, {}, {"client": ("198.51.100.7", 1)}),
        attack(
            "ASGI: a stranger says X-Forwarded-For",
            NOT_ALLOWED,
            {"X-Forwarded-For": "203.0.113.5"},
            {"client": ("198.51.100.7", 1)},
        ),
        attack("ASGI: no address at all", NOT_ALLOWED, {}, {"client": None}),
    ],
)
def test_behind_asgi_the_answers_are_the_same(
    headers: dict[str, Any],
    said: dict[str, Any],
    expected: str,
    line: Line,
    kept_connection: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert asgi(line, headers, **said) == expected
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert {record.name for record in failures} <= {"django.security.DisallowedHost"}
