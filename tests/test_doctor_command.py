"""``iot_doctor`` as an operator runs it: by id, by capture, by event; what it prints and returns."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_iot_ingest import captures, request_ids, signing
from django_iot_ingest.doctor.show import Report, write
from django_iot_ingest.models import IngestEvent, RefusedRequest
from tests import leaks, mistakes
from tests.gateway import Gateway
from tests.payloads import SECRET, encode, full, returned, status

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def gateway(db: None) -> Gateway:
    return Gateway.with_admin()


def run(*args: Any, **options: Any) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    out = StringIO()
    try:
        call_command("iot_doctor", *map(str, args), stdout=out, **options)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def findings(*args: Any) -> list[str]:
    """Return the codes that were found."""
    _, out = run(*args, "--json")
    return [finding["code"] for finding in json.loads(out)["findings"]]


def raw(request: Any) -> bytes:
    """Return a captured request as it was on the wire."""
    lines = [
        f"{request.method} {request.target} HTTP/1.1",
        *(f"{n}: {v}" for n, v in request.headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + request.body


def refused_id(gateway: Gateway, payload: Any, **options: Any) -> str:
    response = gateway.post(payload, **options)
    assert response.status_code != 200
    return str(response.json()["request_id"])


# --- by the id of a refusal


def test_a_wrong_signature_is_explained_by_its_id(gateway: Gateway) -> None:
    body, now = encode(status()), str(int(time.time()))
    wrong = signing.sign(now.encode() + body, "", SECRET)
    request_id = refused_id(gateway, body, timestamp=now, X_Signature=wrong)

    code, out = run(request_id)

    assert code == 1
    assert f"Request {request_id}: POST, {len(body)} bytes, X-Timestamp {now}." in out
    assert "FAULT   wrong_order" in out
    assert "Way out: Sign the body first, followed by the timestamp." in out
    assert out.endswith("1 fault: it is refused.\n")
    assert wrong not in out and SECRET not in out


@pytest.mark.parametrize(
    ("payload", "options", "codes"),
    [
        ({**status(), "type": "alarm"}, {}, ["unknown_type"]),
        ({"type": "status"}, {}, ["invalid_payload"]),
        (b'{"type":"status","type":"full"}', {}, ["json_duplicate_name"]),
        (status(), {"off": -900}, ["clock_slow"]),
        (status(), {"off": 7200}, ["time_zone"]),
        (status(), {"secret": "x" * 40}, ["wrong_secret"]),
        (status(), {"secret": SECRET + "\n"}, ["secret_padded"]),
    ],
    ids=["type", "payload", "json", "old", "zone", "secret", "line end"],
)
def test_what_is_kept_of_a_refusal_is_enough(
    gateway: Gateway, payload: Any, options: dict[str, Any], codes: list[str]
) -> None:
    if "off" in options:
        options = {"timestamp": int(time.time()) + options["off"]}
    assert findings(refused_id(gateway, payload, **options)) == codes


def test_an_id_is_taken_as_people_copy_it(gateway: Gateway) -> None:
    request_id = refused_id(gateway, {**status(), "type": "alarm"})
    dashed = "-".join([request_id[:8], request_id[8:12], request_id[12:16], request_id[16:]])
    assert findings(f" {dashed.upper()} ") == ["unknown_type"]


def test_what_would_be_accepted_by_now_is_told(gateway: Gateway, settings: Any) -> None:
    request_id = refused_id(gateway, status(), timestamp=int(time.time()) - 900)
    settings.IOT_INGEST = {**settings.IOT_INGEST, "SIGNATURE_TIMEOUT": 1000}
    code, out = run(request_id)
    assert code == 0
    assert "It was refused then (STALE_TIMESTAMP): settings have changed since." in out


def test_of_what_is_never_kept_the_id_tells_when_and_why(gateway: Gateway) -> None:
    request_id = refused_id(gateway, status(), Authorization="Bearer no")
    code, out = run(request_id)
    moment = request_ids.read(request_id)
    assert moment is not None and code == 1
    assert f"was refused at {moment.at:%Y-%m-%d %H:%M:%S.%f} UTC" in " ".join(out.split())
    assert "FAULT   not_authenticated" in out
    assert "Nothing is ever kept of what is refused for this." in out
    assert f'In the log: grep "request {request_id}"' in out
    assert 'grep "StationDataInternalView refused.*NOT_AUTHENTICATED, request"' in out


def test_the_log_lines_are_those_that_are_written(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    for payload, options in ((status(), {"secret": "x" * 40}), (status(), {"Authorization": "no"})):
        request_id = refused_id(gateway, payload, **options)
        said = request_ids.read(request_id)
        assert said is not None
        lines = [record.message for record in caplog.records]
        assert any(f"request {request_id}" in line for line in lines)
        assert any(f"{said.reason}, request" in line and "View refused" in line for line in lines)


def test_where_it_was_not_kept_the_nearest_of_the_same_reason_is_diagnosed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = refused_id(gateway, status(), secret=SECRET + "\n")
    refused_id(gateway, {**status(), "type": "alarm"})
    monkeypatch.setattr(captures, "REASONS", ())
    request_id = refused_id(gateway, status(), secret="x" * 40)

    code, out = run(request_id)
    machine = json.loads(run(request_id, "--json")[1])

    assert code == 1
    assert "Below is another request, the nearest that is kept of the same reason:" in out
    assert f"Request {near}" in out
    assert machine["is_kept"] is False and machine["is_good"] is False
    assert [finding["code"] for finding in machine["nearest"]["findings"]] == ["secret_padded"]


def test_an_id_of_a_reason_of_the_hosts_own(db: None) -> None:
    code, out = run(request_ids.new("OWN"))
    assert (code, "a reason of the host's own" in " ".join(out.split())) == (1, True)


def test_odd_rows_are_no_error(db: None) -> None:
    row = RefusedRequest(reason="INVALID_SIGNATURE", headers=[1], body=b"")
    row.request_id, row.received_at = request_ids.new("INVALID_SIGNATURE"), _now()
    row.save()
    assert findings(row.request_id) == ["timestamp_missing", "signature_missing", "body_empty"]


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


# --- by a capture


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


AT = ("--at", str(int(mistakes.NOW)))


def test_a_raw_capture_is_diagnosed(db: None, folder: Path) -> None:
    (folder / "right.http").write_bytes(raw(mistakes.request()))
    (folder / "wrong.http").write_bytes(raw(mistakes.request(mistakes.RIGHT.hex())))
    code, out = run("right.http", *AT)
    assert (code, "No fault: SIGNATURE_SECRETS[0] signed it." in " ".join(out.split())) == (0, True)
    assert "Judged as of 2026-11-23 16:53:00 UTC" in out
    assert findings("wrong.http", *AT) == ["signature_hex"]
    assert findings("wrong.http", "--at", "2026-11-23T16:53:00Z") == ["signature_hex"]
    assert findings("right.http") == ["clock_slow"]


def test_headers_and_body_apart(db: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = mistakes.request()
    (folder / "body").write_bytes(mistakes.BODY)
    (folder / "headers").write_text("\n".join(f"{n}: {v}" for n, v in request.headers))
    assert findings("--headers", "headers", "--body", "body", *AT) == []
    pairs = [f"--header={name}: {value}" for name, value in request.headers if name[0] == "X"]
    assert findings(*pairs, "--body", "body", *AT) == []
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(mistakes.BODY + b"\n")))
    assert findings(*pairs, "--body", "-", *AT) == ["newline_sent"]
    (folder / "part").write_text(f"Host: a\nX-Timestamp: {mistakes.TIMESTAMP}\n")
    assert "signature_missing" in findings("--headers", "part", "--body", "body", *AT)


def test_a_capture_from_standard_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw(mistakes.request()))))
    assert findings("-", *AT) == []


def test_a_curl_command_is_diagnosed_with_what_curl_does(db: None, folder: Path) -> None:
    (folder / "body").write_bytes(mistakes.BODY + b"\n")
    right = mistakes.b64(mistakes.mac(mistakes.BODY + b"\n" + mistakes.STAMP))
    (folder / "line").write_text(
        f"curl -d @body http://example.com{mistakes.PATH} -H 'X-Timestamp: {mistakes.TIMESTAMP}' "
        f"-H 'X-Signature: {right}' -H 'Authorization: Bearer a.b.c'"
    )
    assert findings("line", *AT) == ["content_type_wrong", "newline_signed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-file"],
        ["0193"],
        ["."],
        ["empty"],
        ["--body", "empty"],
        ["--header", "A: b"],
        ["--header", "nonsense", "--body", "empty"],
        ["--headers", "no-such-file", "--body", "empty"],
        ["--headers", "-", "--body", "-"],
        ["--event", "7"],
        ["--deployment", "--event", "7"],
        ["large"],
    ],
    ids=" ".join,
)
def test_unusable_input_is_told_and_returns_2(
    db: None, folder: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "empty").write_bytes(b"")
    (folder / "large").write_bytes(b"x" * 2000)
    monkeypatch.setattr("django_iot_ingest.doctor.reading.LARGEST", 1000)
    with pytest.raises(CommandError) as caught:
        call_command("iot_doctor", *arguments, stdout=StringIO())
    assert caught.value.returncode == 2
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "capture",
    [
        r"curl http://h/ -d @$'\e]0;owned\a'",
        r"curl http://h/ -H @$'\e]0;owned\a'",
        r"curl $'http://h\e[2J\u2100/'",
    ],
)
def test_what_cannot_be_read_of_a_capture_does_nothing_to_a_terminal(
    db: None, folder: Path, capture: str
) -> None:
    (folder / "capture").write_text(capture)
    with pytest.raises(CommandError) as caught:
        call_command("iot_doctor", "capture", stdout=StringIO())
    assert caught.value.returncode == 2 and str(caught.value).isprintable()


@pytest.mark.parametrize("origin", ["", "http://gateway:word@example.com", "HTTPS://w:word@h:1"])
def test_of_an_address_the_path_alone_is_shown(db: None, folder: Path, origin: str) -> None:
    sent = replace(mistakes.request(), target=f"{origin}{mistakes.PATH}?access_token=opaque")
    (folder / "sent.http").write_bytes(raw(sent))
    for options in ((), ("--json",)):
        _, out = run("sent.http", *AT, *options)
        assert "opaque" not in out and "word" not in out
    (folder / "sent.http").write_bytes(raw(replace(sent, target=f"{origin}/other?t=opaque")))
    code, out = run("sent.http", *AT)
    assert code == 1 and "It is '/other', the endpoint is" in out
    assert "opaque" not in out and "word" not in out


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "٣", "1e9"])
def test_a_time_that_is_none_is_told(db: None, at: str) -> None:
    with pytest.raises(CommandError, match="is no time such as 2026-11-23T16:53:00Z, or unix"):
        call_command("iot_doctor", "-", "--at", at)


def test_what_may_be_a_right_signature_or_a_token_is_not_shown(db: None, folder: Path) -> None:
    right, token = mistakes.b64(mistakes.RIGHT), "opaque-token-of-the-gateway"
    swapped = mistakes.request(mistakes.TIMESTAMP, timestamp=right)
    odd = mistakes.request("nonsense", timestamp=right, Authorization=token)
    for request in (swapped, odd):
        (folder / "wrong.http").write_bytes(raw(request))
        for options in ((), ("--json",)):
            _, out = run("wrong.http", *AT, *options)
            assert right[:12] not in out and token[:6] not in out
    with pytest.raises(CommandError) as caught:
        run("--header", token, "--body", "wrong.http")
    assert token[:6] not in str(caught.value)


def test_settings_of_another_type_are_no_error_here(db: None, folder: Path, settings: Any) -> None:
    settings.IOT_INGEST = {
        **settings.IOT_INGEST,
        "SIGNATURE_TIMEOUT": "300",
        "MAX_BODY_BYTES": None,
    }
    (folder / "right.http").write_bytes(raw(mistakes.request()))
    assert findings("right.http", *AT) == []


# --- by a row of the inbox


def test_a_refused_body_of_the_inbox(gateway: Gateway) -> None:
    refused_id(gateway, {**status(), "type": "alarm"})
    row = IngestEvent.objects.get()
    code, out = run("--event", row.pk)
    assert code == 1
    assert f"Event {row.pk} of the inbox, refused: POST" in out
    assert "FAULT   unknown_type" in out


def test_an_accepted_event_of_the_inbox_has_no_fault(gateway: Gateway) -> None:
    gateway.send(full())
    assert findings("--event", IngestEvent.objects.get().pk) == []
    assert run("--event", IngestEvent.objects.get().pk)[0] == 0


def test_an_event_without_its_body_cannot_be_diagnosed(gateway: Gateway) -> None:
    gateway.post(returned())
    IngestEvent.objects.update(body=b"")
    with pytest.raises(CommandError, match="has no body any more"):
        run("--event", IngestEvent.objects.get().pk)


# --- what it looks like


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_on_a_terminal_and_none_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.test_doctor import diagnosed

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = diagnosed(mistakes.request(mistakes.RIGHT.hex())).findings
    report = Report({}, ["[bold]A capture[/bold]"], list(found), "1 fault")
    terminal = Terminal()
    write([report, report], terminal, as_json=False)
    assert "\x1b[" in terminal.getvalue() and "[bold]A capture" in terminal.getvalue()

    monkeypatch.setitem(sys.modules, "rich.console", None)
    plain = Terminal()
    write([report], plain, as_json=False)
    assert "\x1b[" not in plain.getvalue()


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    """The exit codes, through ``manage.py``, for a project that has no table yet."""
    (tmp_path / "wrong.http").write_bytes(raw(mistakes.request(mistakes.RIGHT.hex())))
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "SECRET_KEY": "k" * 10 + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN",
        "IOT_SYSTEM_SIGNATURE_SECRET": SECRET,
        "PYTHONPATH": os.pathsep.join(str(Path(path).resolve()) for path in sys.path),
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(*args: str) -> tuple[int, str, str]:
        command = [sys.executable, str(ROOT / "example_project/manage.py"), "iot_doctor", *args]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    code, out, err = manage("wrong.http", *AT)
    assert (code, "signature_hex" in out, err) == (1, True, "")
    code, out, err = manage(request_ids.new("INVALID_JSON"))
    assert (
        (code, out) == (2, "") and "The database cannot be asked" in err and "Traceback" not in err
    )
    code, out, err = manage()
    assert (code, "not applied" in out, "Traceback" in err) == (1, True, False)
    leaks.are_sensitive(SECRET)
    assert SECRET not in out + err
