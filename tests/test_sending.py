"""``iot_sign`` and ``iot_send``: headers, a curl line that bash takes, and sending as the gateway does."""

from __future__ import annotations

import getpass
import io
import json
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_iot_ingest import captures, client, signing
from django_iot_ingest.models import IngestEvent, RefusedRequest
from tests.gateway import URL, Gateway
from tests.payloads import SECRET, encode, status
from tests.test_client import free_port, serving

PREVIOUS = "previous-example-secret-fedcba9876543210"
OK = (200, {}, b'{"success": true}')


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IOT_TOKEN", "IOT_URL", "IOT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    """A name that a shell would take apart, and a body with every byte."""
    path = tmp_path / 'it\'s a $(body) `of` "mine"'
    path.write_bytes(bytes(range(256)) + b"\r\n\n")
    return path


def run(command: str, *args: Any) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    out = StringIO()
    try:
        call_command(command, *map(str, args), stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    except CommandError as error:
        assert str(error) and SECRET not in str(error)
        return error.returncode, str(error)
    return 0, out.getvalue()


# --- iot_sign


@pytest.mark.once
def test_the_known_answer_of_the_contract(tmp_path: Path) -> None:
    known = (
        b'{"type":"status","timestamp":1698345600,'
        b'"device":{"serial_number":"860000000000017","status":"ONLINE"}}'
    )
    (tmp_path / "body").write_bytes(known)
    assert run("iot_sign", tmp_path / "body", "--timestamp", "1698345600") == (
        0,
        (
            "Content-Type: application/json\n"
            "X-Timestamp: 1698345600\n"
            "X-Signature: Dw7I+Sw2dCRzwewYlqQ/tk+th+MnwGa4jgNvdP0wFIY=\n"
        ),
    )


@pytest.mark.once
def test_another_secret_signs_and_none_is_shown(body: Path, settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": [SECRET, PREVIOUS]}
    code, out = run("iot_sign", body, "--secret-index", "1", "--token", "abc")
    headers = dict(line.split(": ") for line in out.splitlines())
    assert (code, headers["Authorization"]) == (0, "Bearer abc")
    data = body.read_bytes()
    assert signing.verify(data, headers["X-Timestamp"], headers["X-Signature"], [PREVIOUS])
    assert SECRET not in out and PREVIOUS not in out


@pytest.mark.once
def test_a_curl_line_works_when_it_is_pasted(body: Path, tmp_path: Path) -> None:
    with serving(OK) as server:
        url = f"{server.url}?a=1&b='$HOME'"
        code, line = run("iot_sign", body, "--curl", url, "--token", "a$b`c")
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=True)
    [(path, headers, sent)] = server.seen
    assert (code, done.stdout, done.stderr) == (0, b'{"success": true}', b"")
    assert (path, sent) == (f"{URL}?a=1&b='$HOME'", body.read_bytes())
    assert headers["Authorization"] == "Bearer a$b`c"
    assert headers["Content-Type"] == "application/json"
    assert signing.verify(sent, headers["X-Timestamp"], headers["X-Signature"], [SECRET])


@pytest.mark.once
def test_a_body_from_standard_input_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))
    code, out = run("iot_sign", "-", "--curl", "http://a/")
    assert (code, out.endswith(" --data-binary @- http://a/\n")) == (0, True)


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-file"],
        ["--secret-index", "1"],
        ["--secret-index", "-1"],
        ["--curl", "ftp://a/"],
        ["--token", "a\nb"],
        ["--timestamp", "now"],
        ["--timestamp", "1698345600000"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_signed_is_told(body: Path, arguments: list[str]) -> None:
    names = [] if arguments == ["no-such-file"] else [body]
    code, out = run("iot_sign", *names, *arguments)
    assert (code in (1, 2), "a\nb" in out) == (True, False)


@pytest.mark.once
@pytest.mark.parametrize("secrets", [[], [""], [None], "text"])
def test_without_a_usable_secret_nothing_is_signed(body: Path, settings: Any, secrets: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_SECRETS": secrets}
    code, out = run("iot_sign", body)
    assert code == 2 and "SIGNATURE_SECRETS[0]" in out


# --- iot_send


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_bytes(encode(status()))
    return path


@pytest.mark.once
def test_an_event_is_sent_once_and_its_answer_printed(event: Path) -> None:
    with serving(OK) as server:
        code, out = run("iot_send", event, "--url", server.url, "--token", "abc")
    [(_, headers, sent)] = server.seen
    assert code == 0
    assert out.startswith("200 after ") and '{"success": true}' in out
    assert signing.verify(sent, headers["X-Timestamp"], headers["X-Signature"], [SECRET])
    assert headers["Authorization"] == "Bearer abc"


@pytest.mark.once
def test_url_and_token_may_stand_in_the_environment(
    event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(OK) as server:
        monkeypatch.setenv("IOT_URL", server.url)
        monkeypatch.setenv("IOT_TOKEN", "abc\n")
        assert run("iot_send", event)[0] == 0
    assert server.seen[0][1]["Authorization"] == "Bearer abc"


@pytest.mark.once
@pytest.mark.parametrize(
    ("statuses", "options", "tries", "code"),
    [
        ([503, 200], [], 1, 1),
        ([503, 200], ["--retries"], 2, 0),
        ([503, 503, 503, 200], ["--retries"], 3, 1),
        ([201], [], 1, 1),
        ([204], [], 1, 1),
    ],
)
def test_only_200_is_success(
    event: Path,
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[int],
    options: list[str],
    tries: int,
    code: int,
) -> None:
    monkeypatch.setattr(client, "PAUSES", (0, 0, 0))
    with serving(*[(one, {}, b"") for one in statuses]) as server:
        assert run("iot_send", event, "--url", server.url, *options)[0] == code
    assert len(server.seen) == tries


@pytest.mark.once
def test_a_redirect_is_told_as_the_fault_it_is(event: Path) -> None:
    with serving((301, {"Location": "/\x9b31m"}, b"")) as server:
        code, out = run("iot_send", event, "--url", server.url)
    assert (code, len(server.seen)) == (1, 1)
    assert "A redirect, to '/\\x9b31m', is not followed: the gateway takes it for a failure." in out


@pytest.mark.once
def test_no_answer_is_told(event: Path) -> None:
    code, out = run("iot_send", event, "--url", f"http://127.0.0.1:{free_port()}/")
    assert code == 1
    assert out.startswith("no answer after 0.0") and "refused" in out


@pytest.mark.once
def test_an_answer_does_nothing_to_a_terminal(event: Path) -> None:
    with serving((200, {}, b"\x1b[31mred\xff\n")) as server:
        _, out = run("iot_send", event, "--url", server.url)
    assert "\x1b" not in out and "?[31mred" in out


@pytest.mark.once
def test_an_answer_of_somebody_else_is_told(event: Path) -> None:
    page = (404, {"Content-Type": "text/html; charset=utf-8"}, b"<p>Not found</p>" * 200)
    refused = (403, {"Content-Type": "application/json"}, b'{"error": "IP_NOT_ALLOWED"}')
    with serving(page, page, (502, {}, b"Bad gateway"), refused) as server:
        code, out = run("iot_send", event, "--url", f"{server.url}/")
        assert (code, "<p>" in out) == (1, False)
        assert "A page of HTML, 3200 bytes.\n\nFAULT   not_ours\n" in out
        assert "The answer is not ours: 404, 'text/html; charset=utf-8'." in out
        assert "Seen: The URL ends in a slash, and the endpoint's does not." in out
        assert "slash" not in run("iot_send", event, "--url", server.url)[1]
        told = run("iot_send", event, "--url", server.url)[1]
        assert "Bad gateway" in told and "not_ours" in told
        assert "not_ours" not in run("iot_send", event, "--url", server.url)[1]


@pytest.mark.once
def test_it_logs_in_first(event: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOT_PASSWORD", "pw")
    login = (200, {}, json.dumps({"data": {"access_token": "abc"}}).encode())
    with serving(login, OK) as server:
        options = ["--login", server.url, "--email", "gateway@example.com"]
        assert run("iot_send", event, "--url", server.url, *options)[0] == 0
    assert server.seen[0][2] == b'{"email": "gateway@example.com", "password": "pw"}'
    assert server.seen[1][1]["Authorization"] == "Bearer abc"


@pytest.mark.once
def test_a_password_is_asked_for(event: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed")
    with serving((401, {}, b"")) as server:
        options = ["--login", server.url, "--email", "gateway@example.com"]
        code, out = run("iot_send", event, "--url", server.url, *options)
    assert (code, "typed" in out) == (1, False)
    assert "The log-in gave no token: answer 401" in out
    assert b'"typed"' in server.seen[0][2] and len(server.seen) == 1


def no_terminal(prompt: str) -> str:
    raise EOFError


@pytest.mark.once
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--url", "nonsense"],
        ["--url", "http://a:b@example.com/"],
        ["--url", "http://a/", "--timeout", "0"],
        ["--url", "http://a/", "--secret-index", "5"],
        ["--url", "http://a/", "--token", "a b"],
        ["--url", "http://a/", "--login", "http://a/"],
        ["--url", "http://a/", "--login", "http://a/", "--email", "e@example.com"],
        ["--url", "http://a/", "--login", "nonsense", "--email", "e@example.com"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_sent_is_told_and_returns_2(
    event: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", no_terminal)
    assert run("iot_send", event, *options)[0] == 2
    assert run("iot_send", "no-such-file", "--url", "http://a/")[0] == 2


@pytest.mark.django_db(transaction=True)
def test_a_refusal_of_our_own_server_is_explained(
    event: Path, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway.with_admin()
    url = f"{live_server.url}{URL}"
    assert run("iot_send", event, "--url", url, "--token", gateway.token)[0] == 0
    assert IngestEvent.objects.get().state == "applied"

    event.write_bytes(encode({**status(), "type": "alarm"}))
    code, out = run("iot_send", event, "--url", url, "--token", gateway.token)
    assert code == 1
    assert out.startswith("400 after") and "FAULT   unknown_type" in out
    assert "Seen: It is 'alarm'. Known are full, returned, status." in out

    code, out = run("iot_send", event, "--url", url, "--token", "no")
    assert code == 1 and "FAULT   not_authenticated" in out


@pytest.mark.django_db(transaction=True)
def test_no_other_request_is_announced(
    event: Path, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was not kept, ``iot_doctor`` shows one like it below; here there is no below."""
    event.write_bytes(encode({**status(), "type": "alarm"}))
    options = ["--url", f"{live_server.url}{URL}", "--token", Gateway.with_admin().token]
    assert "It is 'alarm'" in run("iot_send", event, *options)[1]
    assert RefusedRequest.objects.count() == 1
    monkeypatch.setattr(captures, "is_to_be_kept", lambda *args: False)
    out = run("iot_send", event, *options)[1]
    assert "FAULT   unknown_type" in out and "Below" not in out
