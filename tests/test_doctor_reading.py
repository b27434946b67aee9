"""Captures: raw HTTP, headers and body apart, curl commands; and bytes that are none of these."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_iot_ingest.doctor import curl, reading, shell_words
from tests.mistakes import BODY, PATH, TIMESTAMP

pytestmark = pytest.mark.once

RAW = (
    b"POST /api/internal/stations/data HTTP/1.1\r\nHost: example.com\r\n"
    b"X-Timestamp:  1795452778 \r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


def no_file(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


@pytest.mark.parametrize("data", [RAW, RAW.replace(b"\r\n", b"\n"), b"\r\n\xef\xbb\xbf" + RAW])
def test_a_raw_request_is_read(data: bytes) -> None:
    request = reading.parse(data, no_file)
    assert (request.method, request.target, request.body) == ("POST", PATH, BODY)
    assert request.one("x-timestamp") == TIMESTAMP
    assert request.is_whole and not request.is_verified


def test_a_body_may_hold_empty_lines_and_any_byte() -> None:
    request = reading.parse(b"POST / HTTP/1.1\nHost: a\n\n\r\n\r\n\x00\xff\n\n", no_file)
    assert request.body == b"\r\n\r\n\x00\xff\n\n"


def test_chunks_are_put_together() -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert reading.raw(head + b'5;x=1\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n').body == b'{"a":1}'
    for odd in (b"5\r\nabc", b"zz\r\nabc", b"", b"-1\r\nabc", b"3\r\nabc\r\n"):
        assert reading.raw(head + odd).body == odd


@pytest.mark.parametrize(
    "capture",
    [
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 400_000,
        b"curl http://h/ " + b"a " * 400_000,
    ],
    ids=["chunks", "words"],
)
def test_a_capture_of_many_pieces_takes_no_longer_than_its_length(capture: bytes) -> None:
    started = time.monotonic()
    reading.parse(capture, no_file)
    assert time.monotonic() - started < 8


def test_headers_without_an_end_are_told() -> None:
    reading.header_lines("A: 1\n" + " 2\n" * 80_000)
    with pytest.raises(ValueError, match="headers have more"):
        reading.raw(b"POST / HTTP/1.1\nA: 1\n" + b" 2\n" * 90_000)


def test_a_command_names_few_files() -> None:
    read: list[str] = []

    def large(name: str) -> bytes:
        read.append(name)
        return b"A: b"

    for option in ("-d", "-H"):
        read.clear()
        with pytest.raises(ValueError, match="files"):
            reading.parse(f"curl http://h/ {f'{option} @f ' * 1000}".encode(), large)
        assert len(read) == curl.MOST_FILES


def test_headers_go_on_in_lines_that_begin_with_a_blank() -> None:
    assert reading.header_lines("POST / HTTP/1.1\nA: 1\n  2\n\tB\nC:\n") == [
        ("A", "1 2 B"),
        ("C", ""),
    ]


@pytest.mark.parametrize("line", ["X-Timestamp", ": 5", "a b: 5", "\x1b[31m: 5"])
def test_what_is_no_header_is_told(line: str) -> None:
    with pytest.raises(ValueError, match="is no header") as caught:
        reading.header(line)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"hello", b"HTTP/1.1 200 OK\r\n\r\n", b"{}", b"\xff\xfeP\x00"]
)
def test_what_is_no_capture_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):
        reading.parse(data, no_file)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_capture_or_a_value_error(data: bytes) -> None:
    for begin in (
        b"",
        b"POST / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nA: b\r\n\r\n",
        b"curl ",
        b"curl -H '",
    ):
        try:
            reading.parse(begin + data, lambda name: b"")
        except ValueError as error:
            assert str(error)


# --- curl

COMMAND = f"""$ curl -sS -X POST 'http://127.0.0.1:8000{PATH}?a=1' \\
  -H "Content-Type: application/json" --header='X-Timestamp: {TIMESTAMP}' -HX-Signature:abc= \\
  --max-time 15 --data-binary '{{"a":"it'\\''s"}}' | jq .
"""


def test_a_curl_command_is_read() -> None:
    request = reading.parse(COMMAND.encode(), no_file)
    assert (request.method, request.target) == ("POST", f"{PATH}?a=1")
    assert request.body == b'{"a":"it\'s"}'
    assert dict(request.headers) == {
        "Content-Type": "application/json",
        "X-Timestamp": TIMESTAMP,
        "X-Signature": "abc=",
        "Content-Length": "12",
    }


@pytest.mark.parametrize(
    ("option", "body", "content_type"),
    [
        ("-d @f", b"{1}", curl.FORM),
        ("--data @f", b"{1}", curl.FORM),
        ("--data-binary @f", b"{\r\n1}\n", curl.FORM),
        ("--data-raw @f", b"@f", curl.FORM),
        ("--json @f", b"{\r\n1}\n", curl.JSON),
        ("-d a -d b", b"a&b", curl.FORM),
        ("-d '' -H 'Content-Type:'", b"", None),
    ],
)
def test_what_curl_does_by_itself_is_done(
    option: str, body: bytes, content_type: str | None
) -> None:
    request = curl.parse(f"curl http://a/ {option}", lambda name: b"{\r\n1}\n")
    assert (request.body, request.one("Content-Type")) == (body, content_type)
    assert request.method == "POST"


def test_headers_of_curl() -> None:
    request = curl.parse(
        "curl a.example -u x:y -A me -H 'X-Empty;' -H @f", lambda name: b"A: 1\n\nB: 2\n"
    )
    assert request.headers == (
        ("Authorization", "Basic"),
        ("User-Agent", "me"),
        ("X-Empty", ""),
        ("A", "1"),
        ("B", "2"),
        ("Content-Length", "0"),
    )
    assert (request.method, request.target) == ("GET", "/")


@pytest.mark.parametrize(
    "command",
    [
        "curl",
        "curl 'http://a/",
        "curl http://a/ -H",
        "curl http://a/ -H nothing",
        "curl http://a/ -F a=b",
        "curl http://a/ --data-urlencode a",
        "curl http://[a/",
    ],
)
def test_what_cannot_be_read_of_curl_is_told(command: str) -> None:
    with pytest.raises(ValueError):
        reading.parse(command.encode(), no_file)


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
    )
)
def test_words_are_split_as_the_standard_library_joins_them(words: list[str]) -> None:
    assert shell_words.split(shlex.join(words)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"$'a\'b\n\x41é\101'", ["a'b\nAéA"]),
        (r'"a\"b\$c\d"', [r'a"b$c\d']),
        ("a\\\n b", ["a", "b"]),
        ("a\\\r\n b", ["a", "b"]),
        ("''", [""]),
        ("a'b'\"c\"d", ["abcd"]),
        (r"$'\UFFFFFFFF\q'", ["\ufffd\\q"]),
    ],
)
def test_words_of_bash(text: str, words: list[str]) -> None:
    assert shell_words.split(text) == words
