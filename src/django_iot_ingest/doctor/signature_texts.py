"""What the codes about a signature mean, and the way out of each."""

from __future__ import annotations

from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Text

TEXTS: dict[str, Text] = {
    Code.SIGNATURE_HEX: Text(
        "X-Signature is written in hexadecimal digits, not in Base64.",
        "Encode the 32 bytes of the digest in standard Base64: 44 characters that end in =.",
    ),
    Code.SIGNATURE_BASE64_OF_HEX: Text(
        "X-Signature is the Base64 of hexadecimal digits, not of the digest's bytes.",
        "Take the digest as bytes (digest(), doFinal, -binary), not as text "
        "(hexdigest()), and encode those in Base64.",
    ),
    Code.SIGNATURE_URL_SAFE: Text(
        "X-Signature is written in the URL-safe alphabet, with - and _.",
        "Use the standard alphabet of Base64, with + and /.",
    ),
    Code.SIGNATURE_PADDING: Text(
        "X-Signature has lost its padding, or has too much of it.",
        "Leave the single = at the end of the Base64: 44 characters in all.",
    ),
    Code.SIGNATURE_BLANKS: Text(
        "X-Signature has blanks or line breaks in it.",
        "Encode without line breaks (no MIME encoder, base64 -w0) and trim what is sent.",
    ),
    Code.SIGNATURE_QUOTES: Text(
        "X-Signature has quotes around it.",
        "Send the 44 characters alone; a JSON or YAML writer has added the quotes.",
    ),
    Code.SIGNATURE_PREFIX: Text(
        "X-Signature has the name of a scheme before it.",
        "Send the Base64 alone, without sha256= or the like.",
    ),
    Code.SIGNATURE_PERCENT_ENCODED: Text(
        "X-Signature is percent-encoded, as for a URL.",
        "Send the Base64 as it is: a header needs no URL encoding.",
    ),
    Code.SIGNATURE_PLUS_LOST: Text(
        "X-Signature has blanks where Base64 has plus signs: it was decoded like a form.",
        "Do not pass the signature through a form or a URL on its way to the header.",
    ),
    Code.SIGNATURE_TWICE_BASE64: Text(
        "X-Signature was encoded in Base64 twice.",
        "Encode once: the function that makes the digest may return Base64 already.",
    ),
    Code.SIGNATURE_LAST_CHARACTER: Text(
        "X-Signature ends in a character that no encoder writes, though decoders accept it.",
        "Send what a standard Base64 encoder returns, and change nothing in it.",
    ),
    Code.SIGNATURE_CUT: Text(
        "X-Signature is cut: only a part of the digest is there.",
        "Send all 32 bytes, 44 characters of Base64; look for a column or variable "
        "that is too short.",
    ),
    Code.SIGNATURE_UNREADABLE: Text(
        "X-Signature is no signature: neither Base64 nor hexadecimal digits of a digest.",
        "Send the standard Base64 of HMAC-SHA256: 44 characters that end in =.",
    ),
    Code.WRONG_DIGEST: Text(
        "Another hash function than SHA-256 was used.",
        "Use HMAC with SHA-256 (HmacSHA256, sha256).",
    ),
    Code.NOT_HMAC: Text(
        "A plain hash was used, not HMAC.",
        "Use HMAC-SHA256 with the secret as its key (hmac.new, Mac.getInstance, createHmac).",
    ),
    Code.WRONG_SECRET: Text(
        "Nothing explains the signature: it was made with a secret that is not "
        "configured here, or over something else altogether.",
        "Let both sides sign the same body and time (manage.py iot_sign --timestamp) "
        "and compare; if they differ, give the gateway the secret anew, without a line "
        "end.",
    ),
    Code.NO_SECRET: Text(
        "No usable secret is configured, so no signature can be right.",
        "Set IOT_INGEST['SIGNATURE_SECRETS'], and see manage.py check.",
    ),
    Code.PREVIOUS_SECRET: Text(
        "The signature is right, with a secret that is not the current one.",
        "Give the gateway the first of SIGNATURE_SECRETS before this one is taken out.",
    ),
    Code.SECRET_HEX_DECODED: Text(
        "The secret was decoded from hexadecimal digits before it was used as the key.",
        "Use the secret's own characters, as UTF-8, even if they look like hexadecimal digits.",
    ),
    Code.SECRET_BASE64_DECODED: Text(
        "The secret was decoded from Base64 before it was used as the key.",
        "Use the secret's own characters, as UTF-8, even if they look like Base64.",
    ),
    Code.SECRET_PADDED: Text(
        "The key has something around the secret that is not part of it.",
        "Trim the secret where it is read; often it is the line end of a file, or the "
        "quotes of an environment file.",
    ),
    Code.SECRET_TRIMMED: Text(
        "The secret that is configured here has white space or quotes around it, which "
        "the gateway's does not.",
        "Remove them from the setting; see manage.py check.",
    ),
    Code.SECRET_CHARSET: Text(
        "The secret was made bytes in another charset than UTF-8.",
        "Encode the secret in UTF-8 (getBytes(StandardCharsets.UTF_8), Encoding.UTF8).",
    ),
    Code.SECRET_HASHED: Text(
        "The SHA-256 of the secret was used as the key.",
        "Use the secret itself as the key: HMAC shortens it where it has to.",
    ),
    Code.SECRET_ENCODED: Text(
        "The secret was encoded once more before it was used as the key.",
        "Use the secret's own characters, as UTF-8.",
    ),
    Code.SECRET_CASE: Text(
        "The key is the secret in other letter case.",
        "Use the secret as it is written: letter case counts.",
    ),
    Code.SECRET_EMPTY: Text(
        "The key is empty: the sender's secret is not set.",
        "Set the secret where the sender runs; look for a variable that is empty there.",
    ),
    Code.WRONG_ORDER: Text(
        "The timestamp was signed before the body.",
        "Sign the body first, followed by the timestamp.",
    ),
    Code.DELIMITER: Text(
        "Something stands between body and timestamp in what was signed.",
        "Sign the body directly followed by the ten digits, with nothing in between.",
    ),
    Code.BODY_ALONE: Text(
        "The body alone was signed, without the timestamp.",
        "Sign the body followed by the text of X-Timestamp.",
    ),
    Code.TIMESTAMP_ALONE: Text(
        "The timestamp alone was signed, without the body.",
        "Sign the body followed by the text of X-Timestamp; read the body before a "
        "stream is used up.",
    ),
    Code.SIGNED_MILLISECONDS: Text(
        "The timestamp was signed in milliseconds, and sent in seconds.",
        "Make the text of the timestamp once, in seconds, and both sign it and send it.",
    ),
    Code.SIGNED_OTHER_TIMESTAMP: Text(
        "Another timestamp was signed than was sent.",
        "Ask for the time once: sign that text, and send the same in X-Timestamp; sign "
        "anew for each try.",
    ),
    Code.SIGNED_TIMESTAMP_OTHERWISE: Text(
        "The timestamp was signed in another spelling than it was sent.",
        "Make the text of the timestamp once, ten digits, and both sign it and send it.",
    ),
    Code.REENCODED_JSON: Text(
        "The signature is over the same JSON, written otherwise: it was serialised "
        "once to be signed and again to be sent.",
        "Serialise once, keep the bytes, sign them, and send the same bytes (data=, not json=).",
    ),
    Code.NEWLINE_SIGNED: Text(
        "Something was signed after the body that was not sent with it: a delimiter, or the line "
        "end of a file.",
        "Sign the bytes that are sent; tools such as echo add a line end (use printf), "
        "and curl --data drops it (use --data-binary).",
    ),
    Code.NEWLINE_SENT: Text(
        "The body was sent with white space around it that was not signed.",
        "Sign the bytes that are sent; an editor or a file may have added the line end.",
    ),
    Code.LINE_ENDS: Text(
        "Line ends were changed between signing and sending.",
        "Treat the body as bytes: open files in binary mode, and send with --data-binary.",
    ),
    Code.CHARSET_SIGNED: Text(
        "The body was signed in other bytes than it was sent in: its text was encoded otherwise.",
        "Make bytes of the text once, in UTF-8, sign them, and send the same.",
    ),
    Code.BOM_SIGNED: Text(
        "A byte order mark was signed before the body, and not sent.",
        "Encode in UTF-8 without a byte order mark (utf-8, not utf-8-sig).",
    ),
    Code.DIGEST_SIGNED: Text(
        "A digest or an encoding of the body was signed, not the body.",
        "Sign the raw bytes of the body, followed by the timestamp.",
    ),
}
