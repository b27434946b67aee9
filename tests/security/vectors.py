"""Our own signature vectors, which senders in every language can be held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("signatures.json")


def read(name: str) -> list[dict[str, str]]:
    """Return the ``vectors``, or those that are ``refused``: name, secret, body, timestamp,
    signature, all of them text."""
    document: dict[str, Any] = json.loads(FILE.read_text())
    entries: list[dict[str, str]] = document[name]
    return entries
