"""The answers, one response for each status, in the JSON Schema of OpenAPI 3.1.

The texts, codes and headers of refusals are those of the exceptions themselves.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django_iot_ingest import exceptions
from django_iot_ingest.answers import MESSAGES
from django_iot_ingest.events import MAX_WARNINGS, WarningCode
from django_iot_ingest.exceptions import Refusal
from django_iot_ingest.openapi.schemas import JSON, Schema, ref, union

STATES = ("applied", "duplicate", "stale", "deferred", "queued")

REFUSALS: tuple[type[Refusal], ...] = (
    exceptions.InvalidJson,
    exceptions.InvalidPayload,
    exceptions.UnknownType,
    exceptions.NotAuthenticated,
    exceptions.InvalidSignature,
    exceptions.IpNotAllowed,
    exceptions.NotPermitted,
    exceptions.StaleTimestamp,
    exceptions.MethodNotAllowed,
    exceptions.LengthRequired,
    exceptions.PayloadTooLarge,
    exceptions.UnsupportedMediaType,
    exceptions.TemporarilyUnavailable,
)
"""In the order of their status."""

DESCRIPTIONS = {
    400: "The signed body is no I-JSON object, of no known type, or its identity is wrong.",
    401: "The bearer token is bad or has expired; nothing else is answered so.",
    403: "The address, the user, the signature or the timestamp is not accepted.",
    405: "The method is not POST.",
    411: "The length of the body is not told.",
    413: "The body is too large.",
    415: "The type, charset or encoding of the body is not supported.",
    503: "The event was not applied: send it again.",
}

BESIDE: dict[type[Refusal], Schema] = {
    exceptions.InvalidPayload: {
        "errors": {
            "type": "object",
            "description": "What is wrong, by path, such as `device.serial_number`.",
            "minProperties": 1,
            "maxProperties": exceptions.InvalidPayload.MAX_ERRORS,
            "additionalProperties": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
            },
        }
    },
    exceptions.StaleTimestamp: {
        "server_time": {"type": "integer", "description": "Our clock, in unix seconds."}
    },
}
"""What a refusal says beside the fields that all have."""


def closed(properties: Schema, description: str) -> Schema:
    """Return the schema of an object that has these properties, all of them and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def count(description: str) -> Schema:
    """Return the schema of a count."""
    return {"type": "integer", "minimum": 0, "description": description}


def refused(refusal: type[Refusal]) -> Schema:
    """Return the schema of one refusal's answer."""
    properties: Schema = {
        "success": {"type": "boolean", "const": False},
        "message": {"type": "string", "const": refusal.default_detail},
        "error": {"type": "string", "const": refusal.error},
        **BESIDE.get(refusal, {}),
        "request_id": {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "It is in our log line too.",
        },
    }
    return closed(properties, f"Refused: {refusal.error}.")


RESULT = closed(
    {
        "event_id": {"type": "string", "description": "The row of the inbox."},
        "state": ref("State"),
        "warnings": {
            "type": "array",
            "maxItems": MAX_WARNINGS + 1,
            "description": "What was odd, and what we did about it.",
            "items": ref("Warning"),
        },
        "station_id": {
            "type": ["string", "null"],
            "description": "The host's station; null while it is unknown.",
        },
        "station_serial": {"type": "string"},
        "slots_updated": count("Rows created or changed."),
        "powerbanks_updated": count("Rows created or changed."),
        "offline_returns_processed": count("Rented banks that a snapshot showed."),
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": "Our clock at this answer.",
        },
    },
    "What became of the event.",
)

SCHEMAS: dict[str, Schema] = {
    "Accepted": closed(
        {
            "success": {"type": "boolean", "const": True},
            "message": ref("Message"),
            "data": ref("Result"),
        },
        "The event was accepted.",
    ),
    "Message": {"type": "string", "enum": list(dict.fromkeys(MESSAGES.values()))},
    "Result": RESULT,
    "State": {
        "type": "string",
        "enum": list(STATES),
        "description": (
            "`applied`: the tables say it now. `duplicate`: it was applied before; this is the "
            "result of that time. `stale`: a newer event of the same kind is known. `deferred`: "
            "kept until its station or bank is known. `queued`: kept, applied later."
        ),
    },
    "Warning": closed(
        {
            "code": ref("WarningCode"),
            "path": {"type": "string", "description": "The value, such as `slots.3.status`."},
        },
        "One oddity.",
    ),
    "WarningCode": {"type": "string", "enum": [str(code) for code in WarningCode]},
    **{refusal.__name__: refused(refusal) for refusal in REFUSALS},
}


def response(description: str, schema: Schema, headers: dict[str, Schema]) -> dict[str, Any]:
    """Return an OpenAPI response."""
    told = {"description": description, "content": {JSON: {"schema": schema}}}
    return {**told, "headers": headers} if headers else told


def refusal_response(status: int, refusals: list[type[Refusal]]) -> dict[str, Any]:
    """Return the response of a status: one refusal, or one of several."""
    names = {refusal.error: refusal.__name__ for refusal in refusals}
    headers = {
        name: {"required": True, "schema": {"type": "string", "enum": [value]}}
        for refusal in refusals
        for name, value in refusal.headers.items()
    }
    schema = union("error", names) if len(names) > 1 else ref(refusals[0].__name__)
    return response(DESCRIPTIONS[status], schema, headers)


RESPONSES: dict[str, dict[str, Any]] = {
    "200": response(
        "The event was accepted: the one status that means success.",
        ref("Accepted"),
        {
            "Idempotent-Replayed": {
                "description": "Only where `state` is `duplicate`.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        },
    ),
    **{
        str(status): refusal_response(status, list(refusals))
        for status, refusals in groupby(REFUSALS, key=lambda refusal: refusal.status_code)
    },
}
