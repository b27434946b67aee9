"""The shape of every answer of the log-in: what the gateway needs, word by word."""

from __future__ import annotations

from django.http import JsonResponse

NO_STORE = {"Cache-Control": "no-store"}


def success(**data: str) -> JsonResponse:
    """Return exactly 200; the gateway takes no other code."""
    return JsonResponse({"success": True, "data": data}, headers=NO_STORE)


def refusal(status: int, message: str) -> JsonResponse:
    """Return a failure with a fixed text."""
    return JsonResponse({"success": False, "message": message}, status=status, headers=NO_STORE)
