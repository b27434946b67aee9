"""What the codes about headers, clock and body mean, and the way out of each."""

from __future__ import annotations

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Text

TEXTS: dict[str, Text] = {
    Code.NOT_POST: Text(
        "The request's method is not POST.",
        "Send POST; a client that followed a redirect may have made GET of it.",
    ),
    Code.URL_TRAILING_SLASH: Text(
        "The URL ends in a slash.",
        "Send to the URL without a slash at its end: no redirect is given, and the "
        "gateway would follow none.",
    ),
    Code.URL_WRONG: Text(
        "The request was sent to another path than the endpoint's.",
        "Send to the path that the project's URLconf gives django_iot_ingest:station-data.",
    ),
    Code.CONTENT_TYPE_MISSING: Text(
        "There is no Content-Type.",
        "Send Content-Type: application/json.",
    ),
    Code.CONTENT_TYPE_WRONG: Text(
        "Content-Type is not application/json.",
        "Send Content-Type: application/json; curl --data and form libraries say "
        "something else by themselves.",
    ),
    Code.CONTENT_TYPE_CHARSET: Text(
        "Content-Type names another charset than UTF-8, or has parameters that nobody knows.",
        "Send Content-Type: application/json, at most with charset=utf-8.",
    ),
    Code.BODY_COMPRESSED: Text(
        "The body is compressed.",
        "Send it as it is, without Content-Encoding: compressed bodies are not read.",
    ),
    Code.LENGTH_MISSING: Text(
        "There is no Content-Length: the body is sent in chunks, or the header was left out.",
        "Send the body as one array of bytes, so that the client knows its length (no "
        "stream, no Transfer-Encoding: chunked).",
    ),
    Code.LENGTH_INVALID: Text(
        "Content-Length is no number.",
        "Let the HTTP client set it.",
    ),
    Code.LENGTH_IN_CHARACTERS: Text(
        "Content-Length counts characters, not bytes, so that the end of the body is cut off.",
        "Count the bytes of the UTF-8 text, or let the HTTP client set Content-Length.",
    ),
    Code.LENGTH_MISMATCH: Text(
        "Content-Length and the length of the body differ.",
        "If the capture was cut, capture it whole; otherwise let the HTTP client set "
        "Content-Length.",
    ),
    Code.BODY_TOO_LARGE: Text(
        "The body is larger than what is read.",
        "Send less in one event, or raise MAX_BODY_BYTES (and DATA_UPLOAD_MAX_MEMORY_SIZE).",
    ),
    Code.BEARER_MISSING: Text(
        "There is no Authorization header.",
        "Log in, and send Authorization: Bearer and the access token; a proxy may have "
        "dropped the header.",
    ),
    Code.BEARER_MALFORMED: Text(
        "Authorization is not the word Bearer, one blank, and a token.",
        "Send Authorization: Bearer and the access token, without quotes or line ends.",
    ),
    Code.BEARER_EXPIRED: Text(
        "The bearer token had expired.",
        "Log in again after a 401, and keep a token no longer than it lives.",
    ),
    Code.TIMESTAMP_MISSING: Text(
        "There is no X-Timestamp.",
        "Send X-Timestamp: the unix seconds, ten digits, that were signed.",
    ),
    Code.SIGNATURE_MISSING: Text(
        "There is no X-Signature.",
        "Send X-Signature: the Base64 of HMAC-SHA256 over body and timestamp.",
    ),
    Code.HEADER_MISNAMED: Text(
        "A header has a name that is not the one that is looked for.",
        "Write X-Timestamp and X-Signature, with dashes: servers drop names with underscores.",
    ),
    Code.HEADER_TWICE: Text(
        "A header was sent more than once.",
        "Set it, and do not add it: a retry or an interceptor may have added another.",
    ),
    Code.HEADERS_SWAPPED: Text(
        "X-Timestamp holds the signature, and X-Signature the timestamp.",
        "Exchange the two values.",
    ),
    Code.TIMESTAMP_MILLISECONDS: Text(
        "X-Timestamp is finer than seconds.",
        "Send unix seconds, ten digits: divide milliseconds by 1000, and leave the fraction out.",
    ),
    Code.TIMESTAMP_FRACTION: Text(
        "X-Timestamp has a fraction.",
        "Send whole unix seconds, ten digits (int(time.time())).",
    ),
    Code.TIMESTAMP_DATE: Text(
        "X-Timestamp is a date, not unix seconds.",
        "Send unix seconds, ten digits.",
    ),
    Code.TIMESTAMP_BLANKS: Text(
        "X-Timestamp has something beside its ten digits, or digits that are not ASCII.",
        "Send the ten digits 0 to 9 alone, formatted without a locale.",
    ),
    Code.TIMESTAMP_MALFORMED: Text(
        "X-Timestamp is no time.",
        "Send unix seconds, ten digits.",
    ),
    Code.CLOCK_SLOW: Text(
        "X-Timestamp is too far in the past.",
        "Set the sender's clock (NTP), and sign anew for each try; of an old capture "
        "say with --at when it came.",
    ),
    Code.CLOCK_FAST: Text(
        "X-Timestamp is too far in the future.",
        "Set the sender's clock, or this server's (NTP).",
    ),
    Code.TIME_ZONE: Text(
        "X-Timestamp is off by a time zone: local time was taken for UTC.",
        "Take unix seconds from the system (time.time(), Instant.now()), and do not "
        "convert a local date to them.",
    ),
    Code.CLOCK_UNSET: Text(
        "X-Timestamp is of a clock that was never set.",
        "Set the sender's clock before it sends (NTP, or a clock that outlives power).",
    ),
    Code.BOM_SENT: Text(
        "The body begins with a byte order mark.",
        "Encode in UTF-8 without a byte order mark (utf-8, not utf-8-sig).",
    ),
    Code.BODY_NOT_UTF8: Text(
        "The body is not UTF-8.",
        "Encode the JSON in UTF-8, sign those bytes, and send them.",
    ),
    Code.BODY_EMPTY: Text(
        "The body is empty.",
        "Send the event as the body; a stream may have been read before it was sent.",
    ),
    Code.JSON_SYNTAX: Text(
        "The body is no JSON.",
        "Send what a JSON library writes.",
    ),
    Code.JSON_DUPLICATE_NAME: Text(
        "A name comes twice in one object, and two readers could take different values.",
        "Write each name once in an object.",
    ),
    Code.JSON_NOT_A_NUMBER: Text(
        "NaN or Infinity is no JSON.",
        "Leave the value out, or write null.",
    ),
    Code.JSON_NUMBER_TOO_LARGE: Text(
        "A number is larger than every reader can hold: beyond 2^53 for an integer, "
        "beyond a float's range otherwise.",
        "Write it as a text, or leave it out.",
    ),
    Code.JSON_TOO_DEEP: Text(
        "Objects and arrays lie too deep in each other.",
        "Send the event as the contract has it; 16 levels are read.",
    ),
    Code.JSON_NOT_OBJECT: Text(
        "The body is JSON, but no object.",
        "Send one event as one object; send several one after the other.",
    ),
    Code.UNKNOWN_TYPE: Text(
        "The event's type is not known.",
        "Send one of the known types, or register an EventType of that name.",
    ),
    Code.INVALID_PAYLOAD: Text(
        "Fields by which an event is known are missing or wrong.",
        "Put right each path that is named.",
    ),
    Code.PAYLOAD_WARNINGS: Text(
        "The event is accepted, and something in it is dropped or replaced.",
        "Nothing has to be done; docs/reference/answers.md says what each warning means.",
    ),
}
