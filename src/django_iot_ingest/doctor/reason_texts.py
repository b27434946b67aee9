"""What the ``error`` of an answer means where nothing is kept of the request, and the way out."""

from __future__ import annotations

from django_iot_ingest.doctor.findings import Text

TEXTS: dict[str, Text] = {
    "": Text(
        "It was refused for a reason of the host's own.",
        "Look for its id in the log.",
    ),
    "METHOD_NOT_ALLOWED": Text(
        "It was not a POST.",
        "Send POST; a client that followed a redirect may have made GET of it.",
    ),
    "IP_NOT_ALLOWED": Text(
        "It came from an address that is not on the allow-list.",
        "Add the gateway's address to ALLOWED_IPS. Behind a proxy name that in TRUSTED_PROXIES: see "
        "manage.py iot_doctor --deployment --remote-addr ADDRESS --forwarded-for HEADER.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": Text(
        "Its Content-Type is not application/json in UTF-8, or its body is compressed.",
        "Send Content-Type: application/json, and no Content-Encoding.",
    ),
    "LENGTH_REQUIRED": Text(
        "It had no Content-Length.",
        "Send the body as one array of bytes, not in chunks.",
    ),
    "PAYLOAD_TOO_LARGE": Text(
        "Its body is larger than what is read.",
        "Send less in one event, or raise MAX_BODY_BYTES (and DATA_UPLOAD_MAX_MEMORY_SIZE).",
    ),
    "INVALID_SIGNATURE": Text(
        "X-Timestamp or X-Signature is missing or misspelled, or no configured secret signed it.",
        "Capture the request where it is sent, and let iot_doctor read that.",
    ),
    "NOT_AUTHENTICATED": Text(
        "Its bearer token is missing, wrong or expired.",
        "Log in again, and send Authorization: Bearer and the access token; a proxy may have dropped "
        "the header.",
    ),
    "NOT_PERMITTED": Text(
        "Its bearer token is good, and its user may not post station data.",
        "Make the gateway's user active, staff and superuser, or what ADMIN_PREDICATE asks for.",
    ),
    "STALE_TIMESTAMP": Text(
        "It was signed too long ago, or by a clock that is ahead.",
        "Set the clocks (NTP), and sign anew for each try.",
    ),
    "INVALID_JSON": Text(
        "Its signature is right, and its body no JSON that every reader takes alike.",
        "Send what a JSON library writes, in UTF-8 without a byte order mark.",
    ),
    "UNKNOWN_TYPE": Text(
        "Its signature is right, and its type not known.",
        "Send full, returned or status, or register an EventType of that name.",
    ),
    "INVALID_PAYLOAD": Text(
        "Its signature is right, and fields by which an event is known are missing or wrong.",
        "Put right what the answer's errors name.",
    ),
    "TEMPORARILY_UNAVAILABLE": Text(
        "The database or a hook of the host failed; nothing was wrong with the request.",
        'Look in the log: "StationDataInternalView failed" with this id, or "StationSyncService: an '
        'event was not applied" just before the line of this id, says where.',
    ),
}
