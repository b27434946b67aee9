"""Requests with one mistake each, or two: what ``iot_doctor`` has to name from the request alone.

Tests diagnose each of them, compare the verdict with the view's, and write docs/reference/doctor.md from them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from django_iot_ingest.doctor.captured import CapturedRequest
from tests.payloads import SECRET

PREVIOUS = "previous-example-secret-fedcba9876543210"
SECRETS = (SECRET, PREVIOUS)
HEX_SECRET = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
BASE64_SECRET = "bm90LWEtc2VjcmV0LWJ1dC1iYXNlNjQtb2Ytc29tZXRoaW5nLWVsc2U="

NOW = 1795452780.0
TIMESTAMP = "1795452778"
PATH = "/api/internal/stations/data"

PAYLOAD = {
    "type": "full",
    "timestamp": 1795452775,
    "device": {
        "serial_number": "860000000000017",
        "signal_strength": "28",
        "wifi_ssid": "Café 1/2 <चार्ज घर>",
        "status": "ONLINE",
    },
    "station": {"serial_number": "860000000000017", "total_slots": 1},
    "slots": [
        {"slot_number": 1, "status": "OCCUPIED", "power_bank_serial": "12345678"},
    ],
    "power_banks": [
        {"serial_number": "12345678", "status": "AVAILABLE", "battery_level": 85, "current_slot": 1}
    ],
}


def written(payload: object = PAYLOAD, **options: object) -> bytes:
    """Return JSON as the gateway writes it, unless options of ``json.dumps`` say otherwise."""
    usual: dict[str, object] = {"ensure_ascii": False, "separators": (",", ":"), **options}
    return json.dumps(payload, **usual).encode()  # type: ignore[arg-type]


BODY = written()
# Stored, not deflated: the same bytes by every zlib, and in gzip's header by every Python.
PACKED = zlib.compress(BODY, level=0, wbits=31)
STAMP = TIMESTAMP.encode()


def b64(tag: bytes) -> str:
    return base64.b64encode(tag).decode()


def mac(message: bytes, key: str | bytes = SECRET, digest: str = "sha256") -> bytes:
    return hmac.digest(key.encode() if isinstance(key, str) else key, message, digest)


@dataclass(frozen=True)
class Planted:
    """One request, what was done wrong in it, and the codes that name it; ``now`` is its receipt."""

    title: str
    codes: tuple[str, ...]
    request: CapturedRequest
    secrets: tuple[str, ...] = SECRETS
    now: float = NOW
    is_accepted: bool = field(default=False)


def request(
    signature: str | None = None,
    *,
    body: bytes = BODY,
    timestamp: str | None = TIMESTAMP,
    length: str | None = "",
    **changed: str | None,
) -> CapturedRequest:
    """Return a whole request that is right but for what is said; None leaves a header out."""
    if signature is None:
        signature = b64(mac(body + (timestamp or "").encode()))
    headers: dict[str, str | None] = {
        "Host": "station.example.com",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)) if length == "" else length,
        "Authorization": "Bearer a.b.c",
        "X-Timestamp": timestamp,
        "X-Signature": signature,
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    sent = tuple((name, value) for name, value in headers.items() if value is not None)
    return CapturedRequest(body, sent, "POST", PATH)


def signed(message: bytes, **options: str) -> CapturedRequest:
    """Return the usual body under the signature of another message."""
    return request(b64(mac(message, **options)))  # type: ignore[arg-type]


def keyed(key: str | bytes) -> CapturedRequest:
    return request(b64(mac(BODY + STAMP, key)))


RIGHT = mac(BODY + STAMP)
# Chosen so that each letter of the alphabet that differs is there.
CAFE = written({**PAYLOAD, "device": {**PAYLOAD["device"], "wifi_ssid": "Café"}})  # type: ignore[dict-item]


def with_tag(is_chosen: Callable[[str], bool]) -> tuple[bytes, str]:
    """Return a body and its signature that has what a mistake needs."""
    for number in range(1000):
        body = written({**PAYLOAD, "note": number})
        text = b64(mac(body + STAMP))
        if is_chosen(text):
            return body, text
    raise AssertionError("no such signature")


BOTH_BODY, BOTH = with_tag(lambda text: "+" in text and "/" in text)


def next_in_alphabet(text: str) -> str:
    """Return Base64 whose last character has bits that no encoder sets."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:42] + alphabet[alphabet.index(text[42]) + 1] + "="


def twice(name: str, value: str) -> CapturedRequest:
    usual = request()
    return CapturedRequest(BODY, (*usual.headers, (name, value)), "POST", PATH)


def sent(body: bytes, **options: str | None) -> CapturedRequest:
    """Return a body that is signed as it is sent, whatever it holds."""
    return request(body=body, **options)  # type: ignore[arg-type]


def at(seconds: int) -> CapturedRequest:
    return request(timestamp=f"{seconds:010d}")


def expired(seconds: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": seconds}).encode()).decode().rstrip("=")
    return f"Bearer e30.{claims}.c2ln"


SPELLING = [
    Planted("hex instead of Base64", ("signature_hex",), request(RIGHT.hex())),
    Planted("upper-case hex", ("signature_hex",), request(RIGHT.hex().upper())),
    Planted(
        "Base64 of the hex text", ("signature_base64_of_hex",), request(b64(RIGHT.hex().encode()))
    ),
    Planted(
        "URL-safe alphabet",
        ("signature_url_safe",),
        request(BOTH.replace("+", "-").replace("/", "_"), body=BOTH_BODY),
    ),
    Planted("padding stripped", ("signature_padding",), request(b64(RIGHT).rstrip("="))),
    Planted("padded twice", ("signature_padding",), request(b64(RIGHT) + "=")),
    Planted(
        "a line break in the Base64",
        ("signature_blanks",),
        request(b64(RIGHT)[:20] + "\n" + b64(RIGHT)[20:]),
    ),
    Planted(
        "a blank in the Base64",
        ("signature_blanks",),
        request(f"{b64(RIGHT)[:9]} {b64(RIGHT)[9:]}"),
    ),
    Planted("quotes around it", ("signature_quotes",), request(f'"{b64(RIGHT)}"')),
    Planted("sha256= before it", ("signature_prefix",), request(f"sha256={b64(RIGHT)}")),
    Planted(
        "percent-encoded",
        ("signature_percent_encoded",),
        request(BOTH.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"), body=BOTH_BODY),
    ),
    Planted(
        "decoded like a form",
        ("signature_plus_lost",),
        request(BOTH.replace("+", " "), body=BOTH_BODY),
    ),
    Planted("Base64 twice", ("signature_twice_base64",), request(b64(b64(RIGHT).encode()))),
    Planted(
        "another last character",
        ("signature_last_character",),
        request(next_in_alphabet(b64(RIGHT))),
    ),
    Planted("half of the digest", ("signature_cut",), request(b64(RIGHT[:18]))),
    Planted(
        "half of the digest in hex", ("signature_hex", "signature_cut"), request(RIGHT.hex()[:32])
    ),
    Planted("no signature at all", ("signature_unreadable",), request("not signed")),
]

FUNCTION = [
    Planted("HMAC-SHA1", ("wrong_digest",), request(b64(mac(BODY + STAMP, digest="sha1")))),
    Planted("HMAC-SHA512", ("wrong_digest",), request(b64(mac(BODY + STAMP, digest="sha512")))),
    Planted("HMAC-MD5", ("wrong_digest",), request(b64(mac(BODY + STAMP, digest="md5")))),
    Planted("HMAC-SHA384", ("wrong_digest",), request(b64(mac(BODY + STAMP, digest="sha384")))),
    Planted("HMAC-SHA3-256", ("wrong_digest",), request(b64(mac(BODY + STAMP, digest="sha3_256")))),
    Planted(
        "SHA-256 of secret and message",
        ("not_hmac",),
        request(b64(hashlib.sha256(SECRET.encode() + BODY + STAMP).digest())),
    ),
    Planted(
        "SHA-256 of message and secret",
        ("not_hmac",),
        request(b64(hashlib.sha256(BODY + STAMP + SECRET.encode()).digest())),
    ),
    Planted(
        "SHA-256 without a secret",
        ("not_hmac",),
        request(b64(hashlib.sha256(BODY + STAMP).digest())),
    ),
]

KEY = [
    Planted("a secret that is not configured", ("wrong_secret",), keyed("x" * 40)),
    Planted("no secret configured", ("no_secret",), request(), secrets=()),
    Planted("the previous secret", ("previous_secret",), keyed(PREVIOUS), is_accepted=True),
    Planted(
        "the secret decoded from hex",
        ("secret_hex_decoded",),
        keyed(bytes.fromhex(HEX_SECRET)),
        secrets=(HEX_SECRET,),
    ),
    Planted(
        "the secret decoded from Base64",
        ("secret_base64_decoded",),
        keyed(base64.b64decode(BASE64_SECRET)),
        secrets=(BASE64_SECRET,),
    ),
    Planted("a line end after the secret", ("secret_padded",), keyed(SECRET + "\n")),
    Planted("a Windows line end after it", ("secret_padded",), keyed(SECRET + "\r\n")),
    Planted("a blank after the secret", ("secret_padded",), keyed(SECRET + " ")),
    Planted("quotes around the secret", ("secret_padded",), keyed(f'"{SECRET}"')),
    Planted(
        "the configured secret has a line end",
        ("secret_trimmed",),
        keyed(SECRET),
        secrets=(SECRET + "\n",),
    ),
    Planted("the secret as UTF-16", ("secret_charset",), keyed(SECRET.encode("utf-16-le"))),
    Planted(
        "the SHA-256 of the secret",
        ("secret_hashed",),
        keyed(hashlib.sha256(SECRET.encode()).digest()),
    ),
    Planted("the secret in Base64", ("secret_encoded",), keyed(b64(SECRET.encode()))),
    Planted("the secret in upper case", ("secret_case",), keyed(SECRET.upper())),
    Planted("an empty secret", ("secret_empty",), keyed("")),
]

LAYOUT = [
    Planted("timestamp first", ("wrong_order",), signed(STAMP + BODY)),
    *(
        Planted(f"{name} between them", ("delimiter",), signed(BODY + delimiter + STAMP))
        for name, delimiter in (
            ("a dot", b"."),
            ("a colon", b":"),
            ("a bar", b"|"),
            ("a blank", b" "),
            ("a comma", b","),
        )
    ),
    *(
        Planted(
            f"timestamp first, {name} between them",
            ("wrong_order", "delimiter"),
            signed(STAMP + delimiter + BODY),
        )
        for name, delimiter in (("a dot", b"."), ("a colon", b":"), ("a line end", b"\n"))
    ),
    Planted("the body alone", ("body_alone",), signed(BODY)),
    Planted("the timestamp alone", ("timestamp_alone",), signed(STAMP)),
]

STAMPS = [
    Planted(
        "milliseconds sent and signed",
        ("timestamp_milliseconds",),
        request(timestamp=TIMESTAMP + "123"),
    ),
    Planted(
        "milliseconds sent, seconds signed",
        ("timestamp_milliseconds",),
        request(b64(RIGHT), timestamp=TIMESTAMP + "123"),
    ),
    Planted("milliseconds signed", ("signed_milliseconds",), signed(BODY + STAMP + b"123")),
    Planted("seconds times 1000 signed", ("signed_milliseconds",), signed(BODY + STAMP + b"000")),
    Planted("a date sent", ("timestamp_date",), request(timestamp="2026-11-23T16:52:58Z")),
    Planted(
        "a date signed", ("signed_timestamp_otherwise",), signed(BODY + b"2026-11-23T16:52:58Z")
    ),
    Planted("a fraction sent", ("timestamp_fraction",), request(timestamp=TIMESTAMP + ".25")),
    Planted("a fraction signed", ("signed_timestamp_otherwise",), signed(BODY + STAMP + b".0")),
    Planted("a sign before it", ("timestamp_blanks",), request(timestamp="+" + TIMESTAMP)),
    Planted(
        "quotes around the timestamp", ("timestamp_blanks",), request(timestamp=f'"{TIMESTAMP}"')
    ),
    Planted("no time at all", ("timestamp_malformed",), request(timestamp="now")),
    Planted(
        "the body's timestamp signed", ("signed_other_timestamp",), signed(BODY + b"1795452775")
    ),
    Planted("the time asked for twice", ("signed_other_timestamp",), signed(BODY + b"1795452779")),
    Planted(
        "a retry under an old signature", ("signed_other_timestamp",), signed(BODY + b"1795452741")
    ),
    Planted("a clock 20 minutes behind", ("clock_slow",), at(int(NOW) - 1200)),
    Planted("a clock 20 minutes ahead", ("clock_fast",), at(int(NOW) + 1200)),
    Planted("local time of UTC+5:45 taken for UTC", ("time_zone",), at(int(NOW) + 20700)),
    Planted("local time of UTC-5 taken for UTC", ("time_zone",), at(int(NOW) - 5 * 3600 - 2)),
    Planted("a clock that was never set", ("clock_unset",), at(86_400)),
]

BODIES = [
    Planted(
        "signed with blanks, sent without",
        ("reencoded_json",),
        signed(written(separators=(", ", ": ")) + STAMP),
    ),
    Planted(
        "signed compact, sent with blanks",
        ("reencoded_json",),
        request(b64(RIGHT), body=written(separators=(", ", ": "))),
    ),
    Planted(
        "signed with names sorted", ("reencoded_json",), signed(written(sort_keys=True) + STAMP)
    ),
    Planted(
        "signed with letters escaped",
        ("reencoded_json",),
        signed(written(ensure_ascii=True) + STAMP),
    ),
    Planted(
        "signed as json.dumps writes it, sorted",
        ("reencoded_json",),
        signed(json.dumps(PAYLOAD, sort_keys=True).encode() + STAMP),
    ),
    Planted(
        "signed indented",
        ("reencoded_json",),
        signed(written(indent=2, separators=(",", ": ")) + STAMP),
    ),
    Planted(
        "signed with slashes escaped",
        ("reencoded_json",),
        signed(written().replace(b"/", b"\\/") + STAMP),
    ),
    Planted(
        "signed with <, > and & escaped",
        ("reencoded_json",),
        signed(written().replace(b"<", b"\\u003c").replace(b">", b"\\u003e") + STAMP),
    ),
    Planted(
        "signed with 4 for 4.0",
        ("reencoded_json",),
        request(
            b64(mac(written({**PAYLOAD, "note": 4}) + STAMP)),
            body=written({**PAYLOAD, "note": 4.0}),
        ),
    ),
    Planted(
        "signed without null",
        ("reencoded_json",),
        request(b64(RIGHT), body=written({**PAYLOAD, "note": None})),
    ),
    Planted("a line end signed, and not sent", ("newline_signed",), signed(BODY + b"\n" + STAMP)),
    Planted(
        "a Windows line end signed, and not sent",
        ("newline_signed",),
        signed(BODY + b"\r\n" + STAMP),
    ),
    Planted("a line end sent", ("newline_sent",), request(b64(RIGHT), body=BODY + b"\n")),
    Planted("a Windows line end sent", ("newline_sent",), request(b64(RIGHT), body=BODY + b"\r\n")),
    Planted(
        "CR LF signed, LF sent",
        ("line_ends",),
        request(
            b64(mac(written(indent=1).replace(b"\n", b"\r\n") + STAMP)), body=written(indent=1)
        ),
    ),
    Planted(
        "signed as UTF-16", ("charset_signed",), signed(BODY.decode().encode("utf-16") + STAMP)
    ),
    Planted(
        "signed as Latin-1",
        ("charset_signed",),
        request(b64(mac(CAFE.decode().encode("latin-1") + STAMP)), body=CAFE),
    ),
    Planted(
        "sent as Latin-1, signed as UTF-8",
        ("body_not_utf8",),
        request(b64(mac(CAFE + STAMP)), body=CAFE.decode().encode("latin-1")),
    ),
    Planted(
        "sent and signed as Latin-1", ("body_not_utf8",), sent(CAFE.decode().encode("latin-1"))
    ),
    Planted(
        "sent and signed as UTF-16", ("body_not_utf8",), sent(BODY.decode().encode("utf-16-le"))
    ),
    Planted("a byte order mark signed", ("bom_signed",), signed(b"\xef\xbb\xbf" + BODY + STAMP)),
    Planted(
        "a byte order mark sent", ("bom_sent",), request(b64(RIGHT), body=b"\xef\xbb\xbf" + BODY)
    ),
    Planted("a byte order mark sent and signed", ("bom_sent",), sent(b"\xef\xbb\xbf" + BODY)),
    Planted(
        "a digest of the body signed",
        ("digest_signed",),
        signed(hashlib.sha256(BODY).hexdigest().encode() + STAMP),
    ),
    Planted("compressed", ("body_compressed",), sent(PACKED)),
    Planted(
        "compressed, and said so",
        ("body_compressed",),
        request(b64(RIGHT), body=PACKED, Content_Encoding="gzip"),
    ),
]

HEADERS = [
    Planted(
        "the two headers swapped", ("headers_swapped",), request(TIMESTAMP, timestamp=b64(RIGHT))
    ),
    Planted("no X-Timestamp", ("timestamp_missing",), request(b64(RIGHT), timestamp=None)),
    Planted("no X-Signature", ("signature_missing",), request(X_Signature=None)),
    Planted(
        "an underscore in the name",
        ("header_misnamed",),
        CapturedRequest(
            BODY,
            tuple(
                (name.replace("X-Signature", "X_Signature"), value)
                for name, value in request().headers
            ),
            "POST",
            PATH,
        ),
    ),
    Planted("X-Signature twice", ("header_twice",), twice("X-Signature", b64(RIGHT))),
    Planted("no Content-Type", ("content_type_missing",), request(Content_Type=None)),
    Planted(
        "sent as a form",
        ("content_type_wrong",),
        request(Content_Type="application/x-www-form-urlencoded"),
    ),
    Planted(
        "another charset in Content-Type",
        ("content_type_charset",),
        request(Content_Type="application/json; charset=iso-8859-1"),
    ),
    Planted(
        "sent in chunks", ("length_missing",), request(length=None, Transfer_Encoding="chunked")
    ),
    Planted("no Content-Length", ("length_missing",), request(length=None)),
    Planted("Content-Length is no number", ("length_invalid",), request(length="all")),
    Planted(
        "Content-Length in characters",
        ("length_in_characters",),
        request(length=str(len(BODY.decode()))),
    ),
    Planted(
        "a capture that was cut",
        ("length_mismatch",),
        request(b64(RIGHT), body=BODY[:100], length=str(len(BODY))),
    ),
    Planted(
        "too large",
        ("body_too_large",),
        sent(written({**PAYLOAD, "note": "x" * 262_144})),
    ),
    Planted("no Authorization", ("bearer_missing",), request(Authorization=None)),
    Planted("no bearer", ("bearer_malformed",), request(Authorization="Basic YTpi")),
    Planted("an expired token", ("bearer_expired",), request(Authorization=expired(NOW - 720))),
    Planted("GET", ("not_post",), CapturedRequest(BODY, request().headers, "GET", PATH)),
    Planted(
        "a slash at the end of the URL",
        ("url_trailing_slash",),
        CapturedRequest(BODY, request().headers, "POST", PATH + "/"),
    ),
    Planted(
        "another URL",
        ("url_wrong",),
        CapturedRequest(BODY, request().headers, "POST", "/api/stations/data"),
    ),
]

STATUS = {
    "type": "status",
    "timestamp": 1795452775,
    "device": {"serial_number": "860000000000017", "status": "ONLINE"},
}


def status(**changed: object) -> dict[str, object]:
    return {**STATUS, "device": {**STATUS["device"], **changed}}  # type: ignore[dict-item]


JSON = [
    Planted("an empty body", ("body_empty",), sent(b"")),
    Planted("JSON that ends too early", ("json_syntax",), sent(BODY[:-1])),
    Planted("single quotes", ("json_syntax",), sent(str(STATUS).encode())),
    Planted(
        "a name twice",
        ("json_duplicate_name",),
        sent(
            written(STATUS).replace(b'"status":"ONLINE"', b'"status":"ONLINE","status":"OFFLINE"')
        ),
    ),
    Planted("NaN", ("json_not_a_number",), sent(written(status(level=float("nan"))))),
    Planted(
        "an integer beyond 2^53", ("json_number_too_large",), sent(written(status(imei=2**53 + 1)))
    ),
    Planted(
        "a number beyond a float",
        ("json_number_too_large",),
        sent(written(status(level=7)).replace(b":7", b":7e999")),
    ),
    Planted(
        "nested too deep",
        ("json_too_deep",),
        sent(written(status(extra=json.loads("[" * 20 + "]" * 20)))),
    ),
    Planted("an array of events", ("json_not_object",), sent(written([STATUS]))),
    Planted(
        "a type that nobody knows", ("unknown_type",), sent(written({**STATUS, "type": "Statuz"}))
    ),
    Planted("no type", ("unknown_type",), sent(written({"device": STATUS["device"]}))),
    Planted("no serial number", ("invalid_payload",), sent(written(status(serial_number=None)))),
    Planted("another status", ("invalid_payload",), sent(written(status(status="SLEEPING")))),
    Planted(
        "a value that is dropped",
        ("payload_warnings",),
        sent(written({**PAYLOAD, "device": {**PAYLOAD["device"], "wifi_ssid": 7.5}})),  # type: ignore[dict-item]
        is_accepted=True,
    ),
]

TWO = [
    Planted(
        "hex, and timestamp first",
        ("signature_hex", "wrong_order"),
        request(mac(STAMP + BODY).hex()),
    ),
    Planted(
        "the previous secret, and a dot between",
        ("delimiter", "previous_secret"),
        signed(BODY + b"." + STAMP, key=PREVIOUS),
    ),
    Planted(
        "sorted JSON, and a line end after the secret",
        ("reencoded_json", "secret_padded"),
        request(b64(mac(written(sort_keys=True) + STAMP, SECRET + "\n"))),
    ),
    Planted(
        "timestamp first, and a line end at the end",
        ("wrong_order", "newline_signed"),
        signed(STAMP + BODY + b"\n"),
    ),
    Planted(
        "HMAC-SHA1 in hex over the body alone",
        ("signature_hex", "wrong_digest", "body_alone"),
        request(mac(BODY, digest="sha1").hex()),
    ),
    Planted(
        "hex, and a clock that is behind",
        ("signature_hex", "clock_slow"),
        request(mac(BODY + b"1795451778").hex(), timestamp="1795451778"),
    ),
    Planted(
        "URL-safe without padding, and milliseconds signed",
        ("signature_url_safe", "signature_padding", "signed_milliseconds"),
        request(
            base64.urlsafe_b64encode(mac(BOTH_BODY + STAMP + b"001")).decode().rstrip("="),
            body=BOTH_BODY,
        ),
    ),
    Planted(
        "a form, and a line end that curl dropped",
        ("content_type_wrong", "newline_signed"),
        request(b64(mac(BODY + b"\r\n" + STAMP)), Content_Type="application/x-www-form-urlencoded"),
    ),
]

SECTIONS = {
    "How the signature is written": SPELLING,
    "The function": FUNCTION,
    "The secret": KEY,
    "Body and timestamp, put together": LAYOUT,
    "Timestamp and clock": STAMPS,
    "The body's bytes": BODIES,
    "Headers and address": HEADERS,
    "The event": JSON,
    "Two mistakes and more": TWO,
}

ALL = [planted for section in SECTIONS.values() for planted in section]
