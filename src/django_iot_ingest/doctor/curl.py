"""Read a pasted curl command line: which request would it send?

curl itself is not run. What it does to a request by itself is done here too: ``--data`` makes it a
form, and drops the line ends of a file; those are mistakes that a diagnosis has to see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django_iot_ingest.doctor import shell_words
from django_iot_ingest.doctor.captured import CapturedRequest

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

WITH_VALUE = frozenset(
    [
        "-o",
        "--output",
        "-w",
        "--write-out",
        "-m",
        "--max-time",
        "--connect-timeout",
        "--retry",
        "--retry-delay",
        "-x",
        "--proxy",
        "--cacert",
        "--capath",
        "-E",
        "--cert",
        "--key",
        "--resolve",
        "--interface",
        "-c",
        "--cookie-jar",
        "--retry-max-time",
        "-D",
        "--dump-header",
        "--max-redirs",
        "--limit-rate",
        "--noproxy",
        "--tls-max",
        "-K",
        "--config",
        "--connect-to",
    ]
)
"""Options that take a value, and change nothing of the request."""

AS_HEADER = {
    "-A": "User-Agent",
    "--user-agent": "User-Agent",
    "-b": "Cookie",
    "--cookie": "Cookie",
    "-e": "Referer",
    "--referer": "Referer",
}
DATA = ("-d", "--data", "--data-ascii", "--data-binary", "--data-raw", "--json")
REFUSED = ("-F", "--form", "-T", "--upload-file", "--data-urlencode", "-G", "--get", "--next")
SHORT_WITH_VALUE = "oHXdAbeumwxEcDTFK"

MOST_FILES = 8
"""Files that one command may name: each may be large, and a capture may be anybody's."""

ReadFile = Callable[[str], bytes]


@dataclass
class _Command:
    """What the options of one command line say so far."""

    read_file: ReadFile
    url: str = ""
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    is_json: bool = False
    dropped: set[str] = field(default_factory=set)
    files: int = 0

    def read(self, name: str) -> bytes:
        """Return what a file holds; ``ValueError`` if there are too many."""
        self.files += 1
        if self.files > MOST_FILES:
            raise ValueError(f"the curl command names more than {MOST_FILES} files")
        return self.read_file(name)


def looks_like(text: str) -> bool:
    """Return whether a text begins like a curl command."""
    return (
        text.lstrip()
        .removeprefix("$")
        .lstrip()
        .startswith(("curl ", "curl\t", "curl\\", "curl.exe "))
    )


def parse(text: str, read_file: ReadFile) -> CapturedRequest:
    """Return the request of a command line; ``ValueError`` says what cannot be read in it.

    ``read_file`` returns the bytes of a file that ``@name`` says.
    """
    words = deque(shell_words.split(text.lstrip().removeprefix("$"))[1:])
    command = _Command(read_file)
    while words:
        word = words.popleft()
        if word in ("|", "|&", ">", ";", "&&", "&"):
            break
        _take(command, word, words)
    return _request(command)


def _take(command: _Command, word: str, words: deque[str]) -> None:
    """Take one option with its value, or the URL."""
    if not word.startswith("-") or word == "-":
        command.url = word
        return
    option, value = _split(word)
    if option in REFUSED:
        raise ValueError(f"curl's {option} is not understood here; use --headers and --body")
    if not _takes_value(option):
        return
    if value is None:
        if not words:
            raise ValueError(f"curl's {option} has no value")
        value = words.popleft()
    _apply(command, option, value)


def _split(word: str) -> tuple[str, str | None]:
    """Return an option and the value that is written in one with it."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return (option, value) if equals and _takes_value(option) else (word, None)
    for position, letter in enumerate(word[1:], start=1):
        if letter in SHORT_WITH_VALUE:
            return f"-{letter}", word[position + 1 :] or None
    return word, None


def _takes_value(option: str) -> bool:
    known = ("-H", "--header", "-X", "--request", "--url", "-u", "--user", "--oauth2-bearer")
    return option in WITH_VALUE or option in AS_HEADER or option in DATA or option in known


def _apply(command: _Command, option: str, value: str) -> None:
    if option in ("-H", "--header"):
        _header(command, value)
    elif option in ("-X", "--request"):
        command.method = value
    elif option == "--url":
        command.url = value
    elif option in ("-u", "--user"):
        command.headers.append(("Authorization", "Basic"))
    elif option == "--oauth2-bearer":
        command.headers.append(("Authorization", f"Bearer {value}"))
    elif option in AS_HEADER:
        command.headers.append((AS_HEADER[option], value))
    elif option in DATA:
        command.is_json |= option == "--json"
        command.data.append(_data(command, option, value))


def _header(command: _Command, text: str) -> None:
    """Take a header as curl does: ``Name:`` drops one of its own, ``Name;`` sends an empty one."""
    if text.startswith("@"):
        for line in command.read(text[1:]).decode("latin-1").splitlines():
            if line.strip():
                _header(command, line)
        return
    name, colon, value = text.partition(":")
    if not colon:
        if not text.endswith(";"):
            raise ValueError("a header of curl's has no colon")
        command.headers.append((text[:-1], ""))
    elif value.strip():
        command.headers.append((name.strip(), _latin1(value.strip(" \t\r\n"))))
    else:
        command.dropped.add(name.strip().lower())


def _latin1(text: str) -> str:
    """Return a header as a server sees it: curl sends UTF-8, and WSGI reads Latin-1."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _data(command: _Command, option: str, value: str) -> bytes:
    if not value.startswith("@") or option == "--data-raw":
        return value.encode("utf-8", "surrogateescape")
    content = command.read(value[1:])
    if option in ("--data-binary", "--json"):
        return content
    for byte in (b"\r", b"\n", b"\0"):
        content = content.replace(byte, b"")
    return content


def _request(command: _Command) -> CapturedRequest:
    if not command.url:
        raise ValueError("the curl command names no URL")
    body = (b"" if command.is_json else b"&").join(command.data)
    present = {name.lower() for name, _ in command.headers} | command.dropped
    own = [("Content-Length", str(len(body)))]
    if command.data:
        own.append(("Content-Type", JSON if command.is_json else FORM))
    headers = command.headers + [(n, v) for n, v in own if n.lower() not in present]
    url = command.url if "://" in command.url else f"http://{command.url}"
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    method = command.method or ("POST" if command.data else "GET")
    return CapturedRequest(body, tuple(headers), method, target)
