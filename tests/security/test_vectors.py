"""Our own signature vectors, judged by four implementations"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from django_iot_ingest.signing import sign, verify
from tests import judges
from tests.security import vectors

pytestmark = pytest.mark.once

TESTS = Path(__file__).resolve().parent.parent
VECTORS = vectors.read("vectors")
SIGNATURES = [vector["signature"] for vector in VECTORS]
MANY = 40

Judged = Callable[[str, int], None]


def program(name: str, package: str) -> str:
    """Return the path of a program; leave the test out where there is none."""
    found = shutil.which(name)
    if found is None:
        judges.leave_out(f"no {name}: install it (Debian: apt install {package})")
    return found


def base64_or_dash(text: str) -> str:
    return base64.b64encode(text.encode()).decode() or "-"


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


def test_a_java_program_signs_the_same(tmp_path: Path, judged: Judged) -> None:
    javac, java = (program(name, "default-jdk-headless") for name in ("javac", "java"))
    subprocess.run([javac, "-d", str(tmp_path), str(TESTS / "java" / "Sign.java")], check=True)
    names = ("secret", "body", "timestamp")
    lines = [" ".join(base64_or_dash(vector[name]) for name in names) for vector in VECTORS]
    answer = subprocess.run(
        [java, "-cp", str(tmp_path), "Sign"],
        input="\n".join(lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == SIGNATURES
    judged("signature vectors, by Java", len(VECTORS))


def test_node_signs_the_same(judged: Judged) -> None:
    answer = subprocess.run(
        [program("node", "nodejs"), str(TESTS / "javascript" / "sign.mjs")],
        input=json.dumps(VECTORS),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == SIGNATURES
    judged("signature vectors, by Node", len(VECTORS))


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
