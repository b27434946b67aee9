"""The request: its headers, and the three payloads, in the JSON Schema of OpenAPI 3.1.

Identity is described strictly, since a wrong one is refused. Decoration is described as a gateway
sends it; whatever else comes is dropped with a warning, and refuses nothing.

No property has an ``enum``: drf-spectacular would make a component of it, under a name that may be
the host's. A choice is a component of ours; a single value is a ``const``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_iot_ingest.models import AbstractStation
from django_iot_ingest.models.fields import SERIAL_NUMBER_LENGTH
from django_iot_ingest.openapi.examples import EXAMPLES
from django_iot_ingest.strict_json import MAX_DEPTH, MAX_INTEGER
from django_iot_ingest.wire import MAX_ROWS

Schema = dict[str, Any]

PREFIX = "IotIngest"
"""Begins the name of every component, so that none can be a host's."""

JSON = "application/json"
DROPPED = "Anything else is dropped with a warning."


def ref(name: str) -> Schema:
    """Return the reference to a component of ours."""
    return {"$ref": f"#/components/schemas/{PREFIX}{name}"}


def union(property_name: str, names: Mapping[str, str]) -> Schema:
    """Return the schema of one of several components, told apart by a property's value."""
    mapping = {value: ref(name)["$ref"] for value, name in names.items()}
    return {
        "oneOf": [ref(name) for name in names.values()],
        "discriminator": {"propertyName": property_name, "mapping": mapping},
    }


def text(description: str) -> Schema:
    """Return the schema of a decoration that is text."""
    return {"type": ["string", "null"], "description": f"{description} {DROPPED}"}


def whole(description: str) -> Schema:
    """Return the schema of a decoration that is a whole number, one that JSON readers agree on."""
    return {
        "type": ["integer", "null"],
        "minimum": -MAX_INTEGER,
        "maximum": MAX_INTEGER,
        "description": f"{description} {DROPPED}",
    }


def stamp(description: str) -> Schema:
    """Return the schema of a decoration that is a moment."""
    return {
        "type": ["string", "null"],
        "format": "date-time",
        "description": f"{description} RFC 3339, with up to 9 fraction digits. {DROPPED}",
    }


def free(description: str) -> Schema:
    """Return the schema of a decoration that is any object."""
    return {
        "type": ["object", "null"],
        "additionalProperties": True,
        "description": f"{description} {DROPPED}",
    }


def section(properties: Schema, required: tuple[str, ...], description: str) -> Schema:
    """Return the schema of an object that has to be there; unknown fields may come too."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": True,
    }


def rows(properties: Schema, description: str) -> Schema:
    """Return the schema of a list of rows."""
    return {
        "type": ["array", "null"],
        "maxItems": MAX_ROWS,
        "description": f"{description} A list, null or absent; at most {MAX_ROWS} rows.",
        "items": {"type": "object", "properties": properties, "additionalProperties": True},
    }


SERIAL: Schema = {
    "type": "string",
    "pattern": rf"^[A-Za-z0-9._:-]{{1,{SERIAL_NUMBER_LENGTH}}}$",
    "description": "Identity: a wrong one is refused.",
}

HEARTBEAT = stamp("What the device said last.")
BATTERY = whole("0 to 100.")


def payload(name: str, properties: Schema, required: tuple[str, ...], description: str) -> Schema:
    """Return the schema of one payload."""
    common: Schema = {
        "type": {"type": "string", "const": name},
        "timestamp": whole(
            "Unix seconds of the first attempt: it judges order. "
            "If it is absent or below 1000000000, X-Timestamp counts, with a warning."
        ),
    }
    return section({**common, **properties}, ("type", *required), description)


STATUS_EVENT = payload(
    "status",
    {
        "device": section(
            {"serial_number": SERIAL, "status": ref("StationStatus")},
            ("serial_number", "status"),
            "The station that speaks.",
        )
    },
    ("device",),
    "A station's own word about itself.",
)

RETURNED_EVENT = payload(
    "returned",
    {
        "device": section(
            {"serial_number": SERIAL, "last_heartbeat": HEARTBEAT},
            ("serial_number",),
            "The station that speaks.",
        ),
        "return_event": section(
            {
                "power_bank_serial": SERIAL,
                "slot_number": whole("0 to 255; an unusable one means: slot unknown."),
                "battery_level": whole("0 to 100; 0 means unknown."),
                "returned_at": stamp("What is billed; if it is absent, the body's `timestamp`."),
                "condition": text("Not used: it is constant."),
                "hardware_info": free("Not used: it is constant."),
            },
            ("power_bank_serial",),
            "What came back, and where.",
        ),
    },
    ("device", "return_event"),
    "A power bank came back. Applied exactly once, however often the same body arrives.",
)

FULL_EVENT = payload(
    "full",
    {
        "device": section(
            {
                "serial_number": SERIAL,
                "imei": text(f"At most {SERIAL_NUMBER_LENGTH} characters."),
                "signal_strength": text("As the device says it: `28`, `-65`, `4G:31`."),
                "wifi_ssid": text("Any text; NUL and lone surrogates are removed."),
                "last_heartbeat": HEARTBEAT,
                "status": text("ONLINE, OFFLINE or MAINTENANCE."),
                "hardware_info": free("Kept as it is."),
            },
            ("serial_number",),
            "The station that speaks.",
        ),
        "station": {
            **free("The cabinet."),
            "properties": {
                "serial_number": text("Not used: `device.serial_number` counts."),
                "total_slots": whole(f"0 to {MAX_ROWS}; 0 means: no report of slots."),
            },
        },
        "slots": rows(
            {
                "slot_number": whole("0 to 255; a row without one is left out with a warning."),
                "status": text("AVAILABLE, OCCUPIED, MAINTENANCE or ERROR; unknown: ERROR."),
                "battery_level": BATTERY,
                "power_bank_serial": text(
                    "The bank in the slot; absent or empty if there is none."
                ),
                "slot_metadata": free("Kept as it is; with `error_code` set the slot is ERROR."),
            },
            "The slots. An empty list means: no report of slots and banks.",
        ),
        "power_banks": rows(
            {
                "serial_number": text("A row without a valid one is left out with a warning."),
                "status": text("AVAILABLE, MAINTENANCE or DAMAGED; unknown: MAINTENANCE."),
                "battery_level": BATTERY,
                "current_slot": whole("0 to 255: the bank's one location."),
                "hardware_info": free("Kept as it is."),
            },
            "The power banks that are in a slot.",
        ),
    },
    ("device",),
    "A whole snapshot of a station.",
)

SCHEMAS: dict[str, Schema] = {
    "Event": union(
        "type", {"full": "FullEvent", "returned": "ReturnedEvent", "status": "StatusEvent"}
    ),
    "FullEvent": FULL_EVENT,
    "ReturnedEvent": RETURNED_EVENT,
    "StationStatus": {
        "type": "string",
        "enum": list(AbstractStation.Status.values),
        "description": "Identity: anything else is refused. Letter case does not matter.",
    },
    "StatusEvent": STATUS_EVENT,
}

REQUEST_BODY: Schema = {
    "description": (
        "One object of I-JSON (RFC 7493): UTF-8 without a byte order mark, no duplicate names, "
        f"integers within ±{MAX_INTEGER}, at most {MAX_DEPTH} objects and lists inside each "
        "other. The signature is over these very bytes."
    ),
    "required": True,
    "content": {JSON: {"schema": ref("Event"), "examples": EXAMPLES}},
}

PARAMETERS: list[Schema] = [
    {
        "name": "X-Signature",
        "in": "header",
        "required": True,
        "description": (
            "Standard Base64 of HMAC-SHA256 over the raw body followed by the X-Timestamp text, "
            "keyed with the shared secret as UTF-8."
        ),
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"},
    },
    {
        "name": "X-Timestamp",
        "in": "header",
        "required": True,
        "description": "Unix seconds of this attempt: exactly ten digits.",
        "schema": {"type": "string", "pattern": "^[0-9]{10}$"},
    },
]

SECURITY_SCHEMES: dict[str, Schema] = {
    f"{PREFIX}Bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of an administrator.",
    },
    f"{PREFIX}Signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "Goes with X-Timestamp, and is required beside the bearer token.",
    },
}
