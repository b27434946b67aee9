"""Print what happens: calls, tables, and where to look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simulation.gateway import Answer
from simulation.surroundings import PROJECT, Surroundings

WIDTH = 400
"""Characters of a body that are printed."""

SHOWN_HEADERS = ("Authorization", "X-Timestamp", "X-Signature")


def heading(text: str) -> None:
    print(f"\n=== {text}")


def call(path: str, headers: Mapping[str, str], body: bytes, answer: Answer) -> None:
    """Print a request and its answer."""
    print(f"\n  POST {path}")
    for name in SHOWN_HEADERS:
        if name in headers:
            print(f"    {name}: {_shorten(headers[name], 60)}")
    print(f"    {_shorten(_without_secrets(json.loads(body)), WIDTH)}")
    print(f"  -> {answer.status or 'no answer'} {_shorten(_without_secrets(answer.body), WIDTH)}")
    if "Idempotent-Replayed" in answer.headers:
        print(f"     Idempotent-Replayed: {answer.headers['Idempotent-Replayed']}")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below each other, each column as wide as its widest value."""
    texts = [list(columns), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(text) for text in column) for column in zip(*texts, strict=True)]
    print(f"\n  {title}")
    for line in texts:
        cells = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("    " + "  ".join(cells).rstrip())


def check(description: str, expected: Any, seen: Any) -> bool:
    """Print whether something is what was expected, and return it."""
    if expected == seen:
        print(f"  ok      {description}: {_text(seen)}")
    else:
        print(f"  FAILED  {description}: {_text(seen)} instead of {_text(expected)}")
    return bool(expected == seen)


def where_to_look(port: int, surroundings: Surroundings) -> None:
    heading("Where to look")
    folder = surroundings.folder
    print(f"  Admin     http://127.0.0.1:{port}/admin/")
    print(f"            {surroundings.email}  password {surroundings.password}")
    print(f"  Fleet     http://127.0.0.1:{port}/admin/django_iot_ingest/fleet/")
    print(f"  Metrics   http://127.0.0.1:{port}/metrics, once you are logged in: one worker's")
    print(f"  Health    http://127.0.0.1:{port}/healthz, and /healthz/ingest")
    print(f"  Logs      {folder / 'logs' / 'django.log'}")
    print("            grep 'StationDataInternalView\\|StationSyncService', grep signature")
    print(f"  Settings  {folder / '.env'}")
    print(f"  Read on   {PROJECT.parent / 'README.md'}")


def _without_secrets(body: Any) -> str:
    """Return JSON in one line, without password and without most of a token."""
    if isinstance(body, dict):
        body = {name: _veil(name, value) for name, value in body.items()}
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)


def _veil(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _veil(inner, content) for inner, content in value.items()}
    if name == "password":
        return "…"
    return _shorten(value, 16) if name.endswith("_token") else value


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)
