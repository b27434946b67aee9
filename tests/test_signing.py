"""Signing and verifying bytes; ``security/test_vectors`` lets other implementations judge them."""

from __future__ import annotations

import base64
import binascii
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest import signing
from django_iot_ingest.signing import matching_secret, sign, verify
from tests.payloads import SECRET, encode, status
from tests.security import vectors

pytestmark = pytest.mark.once

TIMESTAMP = "1698345600"
BODY = encode(status(at=1698345600))

KNOWN_BODY = (
    b'{"type":"status","timestamp":1698345600,'
    b'"device":{"serial_number":"860000000000017","status":"ONLINE"}}'
)
KNOWN_SIGNATURE = "Dw7I+Sw2dCRzwewYlqQ/tk+th+MnwGa4jgNvdP0wFIY="

CASES = {
    vector["name"]: (vector["secret"], vector["body"], vector["timestamp"])
    for vector in vectors.read("vectors")
}
"""Secret, body and timestamp, as texts: what a gateway has before it makes bytes of them."""

by_case = pytest.mark.parametrize(("secret", "body", "timestamp"), CASES.values(), ids=CASES)


def test_the_known_answer_of_the_contract() -> None:
    assert sign(KNOWN_BODY, TIMESTAMP, SECRET) == KNOWN_SIGNATURE
    assert verify(KNOWN_BODY, TIMESTAMP, KNOWN_SIGNATURE, [SECRET])


def test_a_timestamp_is_signed_the_same_as_a_number_and_as_text() -> None:
    assert sign(BODY, 1698345600, SECRET) == sign(BODY, TIMESTAMP, SECRET)


def test_signing_needs_neither_django_nor_settings() -> None:
    source = Path(signing.__file__)
    program = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('signing', {str(source)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "assert not [name for name in sys.modules if name.startswith('django')]\n"
        f"print(module.sign({KNOWN_BODY!r}, {TIMESTAMP!r}, {SECRET!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == KNOWN_SIGNATURE


# --- what is refused


@by_case
def test_a_signature_holds_for_its_own_secret_body_and_timestamp_only(
    secret: str, body: str, timestamp: str
) -> None:
    raw, signature = body.encode(), sign(body.encode(), timestamp, secret)
    later = f"{int(timestamp) - 1:010d}" if timestamp != "0" * 10 else "0000000001"
    assert verify(raw, timestamp, signature, [secret])
    assert not verify(raw + b" ", timestamp, signature, [secret])
    assert not verify(raw, later, signature, [secret])
    assert not verify(raw, timestamp, signature, [secret + "x"])


def test_every_changed_bit_of_the_body_is_noticed() -> None:
    signature = sign(b"bits", TIMESTAMP, SECRET)
    for position in range(len(b"bits") * 8):
        changed = bytearray(b"bits")
        changed[position // 8] ^= 1 << position % 8
        assert not verify(bytes(changed), TIMESTAMP, signature, [SECRET])


def test_every_changed_character_of_the_signature_is_noticed() -> None:
    signature = sign(BODY, TIMESTAMP, SECRET)
    for position, character in enumerate(signature):
        other = "A" if character != "A" else "B"
        changed = signature[:position] + other + signature[position + 1 :]
        assert not verify(BODY, TIMESTAMP, changed, [SECRET])


def test_another_base64_text_of_the_same_bytes_is_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    tag = base64.b64decode(KNOWN_SIGNATURE)
    texts = [f"{KNOWN_SIGNATURE[:42]}{last}=" for last in alphabet]
    same = [text for text in texts if base64.b64decode(text) == tag]
    assert len(same) == 4
    accepted = [text for text in same if verify(KNOWN_BODY, TIMESTAMP, text, [SECRET])]
    assert accepted == [KNOWN_SIGNATURE]


MISSHAPEN_SIGNATURES = {
    "empty": "",
    "no-padding": KNOWN_SIGNATURE.rstrip("="),
    "twice-padded": KNOWN_SIGNATURE + "=",
    "url-safe-alphabet": KNOWN_SIGNATURE.replace("+", "-").replace("/", "_"),
    "hex": base64.b64decode(KNOWN_SIGNATURE).hex(),
    "truncated-tag": base64.b64encode(base64.b64decode(KNOWN_SIGNATURE)[:16]).decode(),
    "blank-before": f" {KNOWN_SIGNATURE}",
    "newline-after": f"{KNOWN_SIGNATURE}\n",
    "junk-inside": f"{KNOWN_SIGNATURE[:10]}*{KNOWN_SIGNATURE[10:]}",
    "not-ascii": f"é{KNOWN_SIGNATURE[1:]}",
    "full-width": f"Ｄ{KNOWN_SIGNATURE[1:]}",
    "twice": f"{KNOWN_SIGNATURE},{KNOWN_SIGNATURE}",
}


@pytest.mark.parametrize("signature", MISSHAPEN_SIGNATURES.values(), ids=list(MISSHAPEN_SIGNATURES))
def test_a_signature_of_another_shape_is_refused(signature: str) -> None:
    assert not signing.has_valid_shape(TIMESTAMP, signature)
    assert not verify(KNOWN_BODY, TIMESTAMP, signature, [SECRET])


MISSHAPEN_TIMESTAMPS = {
    "empty": "",
    "nine-digits": "169834560",
    "eleven-digits": "01698345600",
    "milliseconds": "1698345600000",
    "fraction": "1698345600.0",
    "plus": "+698345600",
    "minus": "-698345600",
    "underscore": "169834_600",
    "exponent": "16983456e2",
    "blank-before": " 169834560",
    "blank-after": "169834560 ",
    "newline-after": "1698345600\n",
    "arabic-digits": "١٦٩٨٣٤٥٦٠٠",
    "devanagari-digits": "१६९८३४५६००",
    "full-width-digits": "１６９８３４５６００",
    "superscript": "169834560²",
    "twice": "1698345600,1698345600",
}


@pytest.mark.parametrize("timestamp", MISSHAPEN_TIMESTAMPS.values(), ids=list(MISSHAPEN_TIMESTAMPS))
def test_a_timestamp_that_is_not_ten_ascii_digits_is_refused_even_if_signed(timestamp: str) -> None:
    signature = sign(BODY, timestamp, SECRET)
    assert not signing.has_valid_shape(timestamp, signature)
    assert not verify(BODY, timestamp, signature, [SECRET])


@pytest.mark.parametrize(
    ("timestamp", "signature"), [(None, KNOWN_SIGNATURE), (TIMESTAMP, None), (1698345600, b"x")]
)
def test_a_header_that_is_missing_or_no_text_has_no_valid_shape(
    timestamp: Any, signature: Any
) -> None:
    assert not signing.has_valid_shape(timestamp, signature)


# --- several secrets


def test_each_of_several_secrets_is_accepted_and_told_by_its_position() -> None:
    secrets = ["current" * 5, "previous" * 4, SECRET]
    for position, secret in enumerate(secrets):
        signature = sign(BODY, TIMESTAMP, secret)
        assert matching_secret(BODY, TIMESTAMP, signature, secrets) == position
        assert verify(BODY, TIMESTAMP, signature, iter(secrets))


def test_no_secret_at_all_verifies_nothing() -> None:
    assert not verify(BODY, TIMESTAMP, sign(BODY, TIMESTAMP, SECRET), [])


def test_every_secret_is_compared_even_after_one_has_matched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []

    def compare(expected: str, signature: str) -> bool:
        compared.append(expected)
        return expected == signature

    monkeypatch.setattr(signing.hmac, "compare_digest", compare)
    secrets = [SECRET, "previous" * 4, "oldest" * 6]
    assert verify(BODY, TIMESTAMP, sign(BODY, TIMESTAMP, SECRET), secrets)
    assert compared == [sign(BODY, TIMESTAMP, secret) for secret in secrets]


def test_the_empty_secret_verifies_nothing() -> None:
    assert not verify(BODY, TIMESTAMP, sign(BODY, TIMESTAMP, ""), [""])


def test_one_text_in_place_of_a_list_is_never_taken_apart_into_one_letter_keys() -> None:
    signature = sign(BODY, TIMESTAMP, SECRET[0])
    with suppress(TypeError):  # refusing the mistake aloud is as good
        assert not verify(BODY, TIMESTAMP, signature, SECRET)


def test_a_secret_that_is_no_utf_8_verifies_nothing() -> None:
    assert not verify(KNOWN_BODY, TIMESTAMP, KNOWN_SIGNATURE, ["lone-surrogate-\ud800"])


# --- any input at all

any_text = st.text(st.characters())
timestamps = any_text | st.from_regex(signing.TIMESTAMP_SHAPE, fullmatch=True)
signatures = any_text | st.from_regex(signing.SIGNATURE_SHAPE, fullmatch=True)


@given(st.binary(), timestamps, signatures, st.lists(any_text, max_size=3))
def test_verify_answers_no_to_any_made_up_input_and_never_raises(
    body: bytes, timestamp: str, signature: str, secrets: list[str]
) -> None:
    assert verify(body, timestamp, signature, secrets) is False


@given(st.binary(), st.integers(0, 10**10 - 1), st.text(min_size=1))
def test_whatever_is_signed_verifies(body: bytes, seconds: int, secret: str) -> None:
    timestamp = f"{seconds:010d}"
    signature = sign(body, timestamp, secret)
    assert verify(body, timestamp, signature, [secret])
    assert len(binascii.a2b_base64(signature, strict_mode=True)) == 32
