"""Command lines of the README, and of the pages on the doctor and the simulator: each is run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_iot_ingest import signing
from django_iot_ingest.models import RefusedRequest
from django_iot_ingest.simulator import agenda, hardware
from tests.gateway import URL, Gateway
from tests.guides.command_lines import Ran, run
from tests.payloads import SECRET, encode, status
from tests.walk import ROOT, block

README = ROOT / "README.md"
DOCTOR = ROOT / "docs" / "reference" / "doctor.md"
SIMULATE = ROOT / "docs" / "how-to" / "simulate.md"

SHOWN_ID = "01a21ff239c9800698d7ee9c21c4b32a"
"""The request that the page on the doctor tells of."""

PASSWORD = "only-for-the-commands"

pytestmark = [
    pytest.mark.once,
    pytest.mark.whole,
    pytest.mark.urls("tests.guides.urls"),
    pytest.mark.django_db(transaction=True),
]


class Surroundings:
    """A server, an account, a refused request, and the files that the pages name."""

    def __init__(self, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.gateway = Gateway.with_admin()
        user = get_user_model().objects.get()
        user.set_password(PASSWORD)
        user.save()
        for name, value in {
            "IOT_TOKEN": self.gateway.token,
            "IOT_URL": f"{server}{URL}",
            "IOT_PASSWORD": PASSWORD,
        }.items():
            monkeypatch.setenv(name, value)
        self.request_id = self.refused()
        self.write_capture(encode(status()))

    def refused(self) -> str:
        """Send what the page tells of: the timestamp was signed before the body."""
        body, stamp = encode(status()), str(status()["timestamp"])
        wrong = signing.sign(stamp.encode(), body.decode(), SECRET)
        answer = self.gateway.post(body, timestamp=stamp, X_Signature=wrong)
        assert answer.json()["error"] == "INVALID_SIGNATURE"
        request_id: str = answer.json()["request_id"]
        return request_id

    def write_capture(self, body: bytes) -> None:
        """Write one request in every form that the doctor reads."""
        headers = {"Content-Type": "application/json", **self.gateway.headers(body)}
        headers |= {"Host": "testserver", "Content-Length": str(len(body))}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        Path("body.json").write_bytes(body)
        Path("headers.txt").write_text("\n".join(lines))
        head = "\r\n".join([f"POST {URL} HTTP/1.1", *lines, "", ""])
        Path("request.http").write_bytes(head.encode() + body)
        options = " ".join(f"-H '{line}'" for line in lines[:-2])
        Path("line.txt").write_text(
            f"curl {self.server}{URL} {options} --data-binary '{body.decode()}'"
        )

    def run(self, text: str, **meaning: str) -> list[Ran]:
        """Run the lines of a block; texts of the pages stand for what is here."""
        meant = {SHOWN_ID: self.request_id, "iot_doctor ID": f"iot_doctor {self.request_id}"}
        meant |= {"--url …": f"--url {self.server}{URL}", "$TOKEN": self.gateway.token}
        meant |= {"http://127.0.0.1:8010": self.server, "https://station.example.com": self.server}
        return run(text, meant | meaning)


@pytest.fixture
def here(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> Surroundings:
    monkeypatch.chdir(tmp_path)
    settings.ALLOWED_HOSTS = ["station.example.com", "testserver", "127.0.0.1", "localhost"]
    settings.IOT_INGEST = {**settings.IOT_INGEST, "TRUSTED_PROXIES": ["10.0.0.5"]}
    return Surroundings(live_server.url, monkeypatch)


def codes(lines: list[Ran]) -> list[int]:
    """Return the exit codes, if no line was unusable."""
    assert not [line for line in lines if line.code not in (0, 1)], lines
    return [line.code for line in lines]


def test_what_runs_by_itself_and_by_an_operator(here: Surroundings) -> None:
    assert codes(here.run(block(README, "python manage.py iot_sweep"))) == [0] * 5


def test_what_brings_a_sender_and_the_endpoint_together(here: Surroundings) -> None:
    refused, deployment, signed, sent, simulate = here.run(
        block(README, "python manage.py iot_doctor ID")
    )
    assert "wrong_order" in refused.printed and refused.code == 1
    assert "django-iot-ingest" in deployment.printed and deployment.code in (0, 1)
    assert "X-Signature: " in signed.printed and signed.code == 0
    assert '"state": "applied"' in sent.printed and sent.code == 0
    assert "--chaos" in simulate.printed and simulate.code == 0


def test_a_refusal_by_its_id_a_capture_and_the_deployment(here: Surroundings) -> None:
    refused, captured, deployment = here.run(
        block(DOCTOR, f"python manage.py iot_doctor {SHOWN_ID}")
    )
    assert codes([refused, captured, deployment])[:2] == [1, 0]
    assert masked(refused.printed) == masked(shown_of_the_refusal())
    assert "no fault" in captured.printed.lower()


def shown_of_the_refusal() -> str:
    shown = block(DOCTOR, f"$ python manage.py iot_doctor {SHOWN_ID}")
    return shown.partition("\n")[2]


def masked(text: str) -> str:
    """Return a report without what each request has of its own."""
    for pattern in (r"[0-9a-f]{32}", r"\d+ bytes", r"\b\d{10}\b", r"\d{4}-\d\d-\d\d [\d:]+"):
        text = re.sub(pattern, "#", text)
    return re.sub(r"SHA-256 [0-9a-f]{4}\.\.\.", "SHA-256 #", text).strip()


def test_every_form_of_a_capture_is_read(here: Surroundings) -> None:
    headers = here.gateway.headers(Path("body.json").read_bytes())
    lines = here.run(
        block(DOCTOR, "python manage.py iot_doctor request.http"),
        **{"'X-Timestamp: 1795452778'": f"'X-Timestamp: {headers['X-Timestamp']}'"},
        **{"X-Signature: …": f"X-Signature: {headers['X-Signature']}"},
    )
    assert codes(lines) == [0, 0, 0, 0], lines


def test_a_body_is_signed_and_sent(here: Surroundings) -> None:
    headers, curl, sent, logged_in = here.run(block(DOCTOR, "python manage.py iot_sign body.json"))
    assert codes([headers, curl, sent, logged_in]) == [0] * 4
    assert "Authorization: Bearer " in headers.printed
    assert curl.printed.startswith("curl ")
    for line in (sent, logged_in):
        assert json.loads(line.printed.partition("\n")[2])["success"] is True


def test_the_deployment_is_looked_at_from_here_and_from_outside(here: Surroundings) -> None:
    before = RefusedRequest.objects.count()
    own, proxied, asked = here.run(
        block(DOCTOR, "python manage.py iot_doctor --host station.example.com")
    )
    codes([own, proxied, asked])
    assert "'station.example.com'" in own.printed
    assert "192.0.2.10" in proxied.printed
    assert "UNKNOWN_TYPE" in asked.printed
    assert RefusedRequest.objects.count() == before


def test_a_simulated_fleet_is_as_it_should_be(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(agenda, "AWAY_SECONDS", (1.6, 4.0))
    exported, _, command = block(SIMULATE, "export IOT_PASSWORD").partition("\n")
    assert exported.split()[1].startswith("IOT_PASSWORD=") and os.environ["IOT_PASSWORD"]
    (ran,) = here.run(
        command,
        **{
            "http://127.0.0.1:8000": here.server,
            "--stations 50": "--stations 10",
            "--seconds 60": "--seconds 3",
        },
    )
    assert ran.code == 0, ran.printed
    assert "everything is as it should be" in ran.printed
