"""Signature, timestamp, type and encoding headers"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.signing import sign
from tests.line import Line
from tests.payloads import SECRET, encode, status
from tests.security.cases import attack, told

pytestmark = pytest.mark.one_host

REFUSED = "403 INVALID_SIGNATURE"
STALE = "403 STALE_TIMESTAMP"
APPLIED = "200 applied"
UNSUPPORTED = "415 UNSUPPORTED_MEDIA_TYPE"

NOW = 1_795_452_778
AT = str(NOW)
BODY = encode(status(at=NOW))
GOOD = sign(BODY, AT, SECRET)
KEY = SECRET.encode()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let it be ``NOW``, or what a test says."""
    clock = [float(NOW)]
    monkeypatch.setattr(time, "time", lambda: clock[0])

    def set_to(seconds: float) -> None:
        clock[0] = seconds

    return set_to


def mac(message: bytes, key: bytes = KEY, digest: str = "sha256") -> bytes:
    return hmac.new(key, message, digest).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def other_last_letter(signature: str) -> str:
    """Return another text of the same 32 bytes: the last letter has two bits that mean nothing."""
    letter = ALPHABET[ALPHABET.index(signature[-2]) ^ 1]
    return f"{signature[:-2]}{letter}="


def send(line: Line, body: bytes = BODY, **headers: str | None) -> str:
    """Send what is signed rightly, but for the headers that are given."""
    said = {"HTTP_X_SIGNATURE": sign(body, AT, SECRET), "HTTP_X_TIMESTAMP": AT, **headers}
    return told(line.call(body=body, extra=said))  # type: ignore[arg-type]


SPACED = json.dumps(json.loads(BODY), separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "signature",
    [
        attack("X-Signature absent", REFUSED, None),
        attack("X-Signature empty", REFUSED, ""),
        attack("X-Signature cut by one", REFUSED, GOOD[:-1]),
        attack("X-Signature cut to half", REFUSED, GOOD[:22]),
        attack("X-Signature with one letter more", REFUSED, f"A{GOOD}"),
        attack("X-Signature with more padding", REFUSED, f"{GOOD}="),
        attack("X-Signature in the URL-safe alphabet", REFUSED, "-_" + GOOD[2:]),
        attack("X-Signature in hexadecimal", REFUSED, mac(BODY + AT.encode()).hex()),
        attack("X-Signature in upper hexadecimal", REFUSED, mac(BODY + AT.encode()).hex().upper()),
        attack("X-Signature: Base64 of hexadecimal", REFUSED, b64(mac(BODY).hex().encode())),
        attack("X-Signature in Base32", REFUSED, base64.b32encode(mac(BODY)).decode()),
        attack("X-Signature in quotes", REFUSED, f'"{GOOD}"'),
        attack("X-Signature with a blank inside", REFUSED, f"{GOOD[:20]} {GOOD[20:]}"),
        attack("X-Signature with a line break", REFUSED, f"{GOOD}\n"),
        attack("X-Signature with a NUL", REFUSED, f"{GOOD}\x00"),
        attack("X-Signature in lower case", REFUSED, GOOD.lower()),
        attack("X-Signature twice, joined by a comma", REFUSED, f"{GOOD},{GOOD}"),
        attack("X-Signature, a good and a bad one", REFUSED, f"{'A' * 43}=, {GOOD}"),
        attack("X-Signature with a scheme before it", REFUSED, f"sha256={GOOD}"),
        attack("X-Signature equal once decoded, but not as text", REFUSED, other_last_letter(GOOD)),
        attack("X-Signature in Latin-1 letters", REFUSED, "é" * 44),
        attack("X-Signature in full-width letters", REFUSED, "Ａ" * 43 + "="),
        attack("X-Signature of zeros", REFUSED, b64(bytes(32))),
        attack("the MAC of another secret", REFUSED, sign(BODY, AT, "o" * 40)),
        attack("the MAC of the empty secret", REFUSED, b64(mac(BODY + AT.encode(), b""))),
        attack("the MAC of the secret with a line break", REFUSED, sign(BODY, AT, SECRET + "\n")),
        attack(
            "the MAC of the secret read as Base64", REFUSED, b64(mac(BODY, base64.b64encode(KEY)))
        ),
        attack("a plain hash without a key", REFUSED, b64(hashlib.sha256(BODY).digest())),
        attack("a hash of secret and message", REFUSED, b64(hashlib.sha256(KEY + BODY).digest())),
        attack("HMAC-SHA1", REFUSED, b64(mac(BODY + AT.encode(), KEY, "sha1"))),
        attack("HMAC-MD5", REFUSED, b64(mac(BODY + AT.encode(), KEY, "md5"))),
        attack("HMAC-SHA512", REFUSED, b64(mac(BODY + AT.encode(), KEY, "sha512"))),
        attack("HMAC-SHA512, cut", REFUSED, b64(mac(BODY + AT.encode(), KEY, "sha512")[:32])),
        attack("HMAC-SHA3-256", REFUSED, b64(mac(BODY + AT.encode(), KEY, "sha3_256"))),
        attack("the first 16 bytes of the MAC", REFUSED, b64(mac(BODY + AT.encode())[:16])),
        attack("the MAC of the body alone", REFUSED, b64(mac(BODY))),
        attack("the MAC of the timestamp alone", REFUSED, b64(mac(AT.encode()))),
        attack("the MAC of timestamp and body", REFUSED, b64(mac(AT.encode() + BODY))),
        attack("the MAC with a line break between", REFUSED, b64(mac(BODY + b"\n" + AT.encode()))),
        attack("the MAC with a dot between", REFUSED, b64(mac(BODY + b"." + AT.encode()))),
        attack("the MAC of JSON written anew", REFUSED, sign(SPACED, AT, SECRET)),
        attack("the MAC of the body and a line break", REFUSED, sign(BODY + b"\n", AT, SECRET)),
        attack("the MAC of no body", REFUSED, sign(b"", AT, SECRET)),
        attack("the MAC of another second", REFUSED, sign(BODY, str(NOW + 1), SECRET)),
    ],
)
def test_only_the_one_text_of_the_right_mac_is_accepted(
    signature: str | None, expected: str, line: Line
) -> None:
    assert send(line, HTTP_X_SIGNATURE=signature) == expected
    assert not IngestEvent.objects.exists()


@pytest.mark.parametrize(
    "timestamp",
    [
        attack("X-Timestamp absent", REFUSED, None),
        attack("X-Timestamp empty", REFUSED, ""),
        attack("X-Timestamp with a plus", REFUSED, f"+{AT[1:]}"),
        attack("X-Timestamp with a minus", REFUSED, f"-{AT[1:]}"),
        attack("X-Timestamp with underscores", REFUSED, "1_79545277"),
        attack("X-Timestamp with a blank", REFUSED, f"{AT[:5]} {AT[6:]}"),
        attack("X-Timestamp and a line break", REFUSED, f"{AT}\n"),
        attack("X-Timestamp as a float", REFUSED, f"{AT}.0"),
        attack("X-Timestamp with a dot inside ten characters", REFUSED, "17954527.8"),
        attack("X-Timestamp with an exponent", REFUSED, "1795452e03"),
        attack("X-Timestamp in hexadecimal", REFUSED, "0x6b045a2a"),
        attack("X-Timestamp in milliseconds", REFUSED, f"{AT}000"),
        attack("X-Timestamp of nine digits", REFUSED, AT[:9]),
        attack("X-Timestamp of eleven digits", REFUSED, f"0{AT}"),
        attack("X-Timestamp in Arabic digits", REFUSED, "١٧٩٥٤٥٢٧٧٨"),
        attack("X-Timestamp in Devanagari digits", REFUSED, "१७९५४५२७७८"),
        attack("X-Timestamp in full-width digits", REFUSED, "１７９５４５２７７８"),
        attack("X-Timestamp in superscript digits", REFUSED, "¹²³¹²³¹²³¹"),
        attack("X-Timestamp as a date", REFUSED, "2026-11-23T16:52:58Z"),
        attack("X-Timestamp twice, joined by a comma", REFUSED, f"{AT},{AT}"),
        attack("X-Timestamp inf", REFUSED, "inf"),
    ],
)
def test_only_ten_ascii_digits_are_a_timestamp(
    timestamp: str | None, expected: str, line: Line
) -> None:
    signature = sign(BODY, timestamp or "", SECRET)
    answer = send(line, HTTP_X_TIMESTAMP=timestamp, HTTP_X_SIGNATURE=signature)
    assert answer == expected


@pytest.mark.parametrize(
    "seconds",
    [
        attack("the last second of the window", APPLIED, 300.0),
        attack("the end of that second", APPLIED, 300.999),
        attack("one second late", STALE, 301.0),
        attack("the first second of the window", APPLIED, -300.0),
        attack("one second early", STALE, -300.001),
        attack("a year late", STALE, 31_536_000.0),
        attack("a year early", STALE, -31_536_000.0),
    ],
)
def test_the_window_is_300_seconds_both_ways(
    seconds: float, expected: str, line: Line, stopped_clock: Any
) -> None:
    stopped_clock(NOW + seconds)
    assert send(line) == expected


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        attack("a window of no seconds, the same second", APPLIED, 0, 0.5),
        attack("a window of no seconds, the next second", STALE, 0, 1.0),
    ],
)
def test_the_window_is_as_wide_as_it_is_set(
    timeout: int, seconds: float, expected: str, line: Line, settings: Any, stopped_clock: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_TIMEOUT": timeout}
    stopped_clock(NOW + seconds)
    assert send(line) == expected


@pytest.mark.parametrize(
    ("body", "timestamp"),
    [
        attack("the timestamp's first digit moved into the body", REFUSED, BODY + b"1", AT[1:]),
        attack("the body's last character moved out", REFUSED, BODY[:-1], "}" + AT),
        attack("body and timestamp in one", REFUSED, BODY + AT.encode(), ""),
        attack("ten digits of another cut", REFUSED, BODY + AT.encode()[:2], AT[2:] + "78"),
    ],
)
def test_one_signature_has_one_cut(body: bytes, timestamp: str, expected: str, line: Line) -> None:
    assert send(line, body, HTTP_X_TIMESTAMP=timestamp, HTTP_X_SIGNATURE=GOOD) == expected


@pytest.mark.parametrize(
    ("secrets", "used"),
    [
        attack("the current secret", APPLIED, [SECRET, "b" * 40], SECRET),
        attack("the secret before", APPLIED, ["b" * 40, SECRET], SECRET),
        attack("a secret that was taken out", REFUSED, ["b" * 40], SECRET),
        attack("no secret configured", REFUSED, [], SECRET),
        attack("the empty secret configured", REFUSED, [""], ""),
        attack("one text in place of a list", REFUSED, SECRET, SECRET[0]),
        attack("secrets of other types", REFUSED, [None, 1, b"x" * 32], "None"),
    ],
)
def test_only_a_configured_secret_signs(
    secrets: Any, used: str, expected: str, line: Line, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": secrets}
    assert send(line, HTTP_X_SIGNATURE=sign(BODY, AT, used)) == expected


@pytest.mark.parametrize(
    "value",
    [
        attack("Content-Type application/json", APPLIED, "application/json"),
        attack("Content-Type in other letter case", APPLIED, "Application/JSON"),
        attack("charset=utf-8", APPLIED, "application/json; charset=utf-8"),
        attack('charset="UTF-8"', APPLIED, 'application/json;charset="UTF-8"'),
        attack("charset=utf-16", UNSUPPORTED, "application/json; charset=utf-16"),
        attack("charset=utf-7", UNSUPPORTED, "application/json; charset=utf-7"),
        attack("charset=iso-8859-1", UNSUPPORTED, "application/json; charset=iso-8859-1"),
        attack("charset=shift_jis", UNSUPPORTED, "application/json; charset=shift_jis"),
        attack("two charsets", UNSUPPORTED, "application/json; charset=utf-8; charset=utf-16"),
        attack("another parameter", UNSUPPORTED, "application/json; boundary=x"),
        attack("two types", UNSUPPORTED, "application/json, text/plain"),
        attack("Content-Type absent", UNSUPPORTED, None),
        attack("Content-Type empty", UNSUPPORTED, ""),
        attack("Content-Type text/plain", UNSUPPORTED, "text/plain"),
        attack("Content-Type of a form", UNSUPPORTED, "application/x-www-form-urlencoded"),
        attack("Content-Type of an upload", UNSUPPORTED, "multipart/form-data; boundary=x"),
        attack("Content-Type application/ld+json", UNSUPPORTED, "application/ld+json"),
        attack("Content-Type application/jsonp", UNSUPPORTED, "application/jsonp"),
    ],
)
def test_no_type_changes_what_the_signed_bytes_mean(
    value: str | None, expected: str, line: Line
) -> None:
    assert send(line, CONTENT_TYPE=value) == expected


@pytest.mark.parametrize(
    "headers",
    [
        attack("Content-Encoding identity", APPLIED, {"HTTP_CONTENT_ENCODING": "identity"}),
        attack("Content-Encoding gzip", UNSUPPORTED, {"HTTP_CONTENT_ENCODING": "gzip"}),
        attack("Content-Encoding br", UNSUPPORTED, {"HTTP_CONTENT_ENCODING": "br"}),
        attack("two encodings", UNSUPPORTED, {"HTTP_CONTENT_ENCODING": "identity, gzip"}),
        attack("Transfer-Encoding", "411 LENGTH_REQUIRED", {"HTTP_TRANSFER_ENCODING": "chunked"}),
        attack("no length", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": None}),
        attack("an empty length", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": ""}),
        attack("a length with a sign", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": "+5"}),
        attack("a negative length", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": "-1"}),
        attack("a length in hexadecimal", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": "0x10"}),
        attack("a length in other digits", "411 LENGTH_REQUIRED", {"CONTENT_LENGTH": "१०"}),
        attack("one byte too many", "413 PAYLOAD_TOO_LARGE", {"CONTENT_LENGTH": "262145"}),
        attack("a length of 5,000 digits", "413 PAYLOAD_TOO_LARGE", {"CONTENT_LENGTH": "9" * 5000}),
        attack("Accept that we cannot serve", APPLIED, {"HTTP_ACCEPT": "text/html"}),
        attack("Accept that is no list", APPLIED, {"HTTP_ACCEPT": ";;q=\x00,"}),
        attack("Accept-Language", APPLIED, {"HTTP_ACCEPT_LANGUAGE": "ne, *;q=0"}),
        attack("Accept-Encoding of nothing", APPLIED, {"HTTP_ACCEPT_ENCODING": "identity;q=0"}),
        attack("X-HTTP-Method-Override", APPLIED, {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}),
    ],
)
def test_no_other_header_opens_or_shuts(headers: dict[str, Any], expected: str, line: Line) -> None:
    assert send(line, **headers) == expected
