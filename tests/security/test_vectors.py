"""Our own signature vectors, judged here by three implementations, and by every sender in tests/senders."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Callable

import pytest

from django_iot_ingest.signing import sign, verify
from tests import judges
from tests.security import vectors

pytestmark = pytest.mark.once

VECTORS = vectors.read("vectors")
MANY = 40

Judged = Callable[[str, int], None]


def program(name: str, package: str) -> str:
    """Return the path of a program; leave the test out where there is none."""
    found = shutil.which(name)
    if found is None:
        judges.leave_out(f"no {name}: install it (Debian: apt install {package})")
    return found


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) >= MANY


def test_the_standard_library_signs_the_same() -> None:
    for vector in VECTORS:
        message = (vector["body"] + vector["timestamp"]).encode()
        tag = hmac.new(vector["secret"].encode(), message, hashlib.sha256).digest()
        assert base64.b64encode(tag).decode() == vector["signature"], vector["name"]


def test_we_sign_and_verify_the_same(judged: Judged) -> None:
    for vector in VECTORS:
        body, secret, timestamp = vector["body"].encode(), vector["secret"], vector["timestamp"]
        assert sign(body, timestamp, secret) == vector["signature"], vector["name"]
        assert verify(body, timestamp, vector["signature"], ["another", secret]), vector["name"]
    judged("signature vectors, by us", len(VECTORS))


def test_we_refuse_the_others(judged: Judged) -> None:
    refused = vectors.read("refused")
    for vector in refused:
        body, secret = vector["body"].encode(), vector["secret"]
        accepted = verify(body, vector["timestamp"], vector["signature"], [secret])
        assert not accepted, vector["name"]
    judged("signatures that no one accepts", len(refused))


def test_openssl_signs_the_same(judged: Judged) -> None:
    openssl = program("openssl", "openssl")
    for vector in VECTORS:
        key = f"hexkey:{vector['secret'].encode().hex()}"
        done = subprocess.run(
            [openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt", key, "-binary"],
            input=(vector["body"] + vector["timestamp"]).encode(),
            capture_output=True,
            check=True,
        )
        assert base64.b64encode(done.stdout).decode() == vector["signature"], vector["name"]
    judged("signature vectors, by openssl", len(VECTORS))
