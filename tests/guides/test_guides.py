"""The how-to guides, each walked in a copy of the tutorial's host."""

from __future__ import annotations

from tests.walk import ROOT

GUIDES = ROOT / "docs" / "how-to"

VARIABLES = {
    "IOT_SYSTEM_SIGNATURE_SECRET": "only-for-the-guides-0123456789abcdefghij",
    "DJANGO_SUPERUSER_PASSWORD": "only-for-the-guides",
    # As on a terminal: what a program says as a result and as a trouble comes in order.
    "PYTHONUNBUFFERED": "1",
}
