"""The shared secrets. A message names the position of a secret, never any part of it."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from django_iot_ingest.checks.values import (
    TAG,
    entries,
    example,
    is_configured,
    is_empty,
    texts,
)

LEAST_BYTES = 32
"""As many as SHA-256 has; RFC 2104, section 3, discourages shorter keys."""

LEAST_DISTINCT = 8
"""Characters. Of 64 random hexadecimal digits, one in 10¹⁹ sequences has fewer."""

PLACEHOLDER_STARTS = ("your-", "change")
PLACEHOLDER_PART = "-here"

HOW_TO_MAKE_ONE = (
    'Make a new one with: python -c "import secrets; print(secrets.token_urlsafe(48))" '
    "and give it to the gateway too."
)


@register(TAG)
def check_secret_exists(**kwargs: Any) -> list[CheckMessage]:
    """Expect at least one secret."""
    if not is_configured() or not is_empty("SIGNATURE_SECRETS"):
        return []
    return [
        Error(
            "IOT_INGEST: SIGNATURE_SECRETS holds no secret, so every request is refused.",
            hint=f"Write {example('SIGNATURE_SECRETS')}. {HOW_TO_MAKE_ONE}",
            id="iot_ingest.E010",
        )
    ]


@register(TAG)
def check_secrets_are_text(**kwargs: Any) -> list[CheckMessage]:
    """Expect text; bytes or None would be left out without a word."""
    return [
        Error(
            f"IOT_INGEST: {name} has to be text, not {type(secret).__name__}.",
            hint=f"Write {example('SIGNATURE_SECRETS')}, where the variable is set to the text.",
            id="iot_ingest.E011",
        )
        for name, secret in entries("SIGNATURE_SECRETS")
        if not isinstance(secret, str)
    ]


@register(TAG)
def check_secrets_are_not_empty(**kwargs: Any) -> list[CheckMessage]:
    """Expect no empty secret; it is left out of the verification, since anybody knows it."""
    return [
        Error(
            f"IOT_INGEST: {name} is empty.",
            hint=f"Set the environment variable it is read from, or remove the entry. {HOW_TO_MAKE_ONE}",
            id="iot_ingest.E012",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if not secret
    ]


@register(TAG)
def check_secrets_are_long(**kwargs: Any) -> list[CheckMessage]:
    """Expect ``LEAST_BYTES`` in UTF-8."""
    return [
        Error(
            f"IOT_INGEST: {name} is shorter than {LEAST_BYTES} bytes.",
            hint=HOW_TO_MAKE_ONE,
            id="iot_ingest.E013",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if 0 < len(secret.encode(errors="replace")) < LEAST_BYTES
    ]


@register(TAG)
def check_secrets_are_not_padded(**kwargs: Any) -> list[CheckMessage]:
    """Expect no blank or line end around a secret: it would be part of the key."""
    return [
        Error(
            f"IOT_INGEST: {name} begins or ends with white space.",
            hint="Remove it where the secret is kept; often it is the line end of a file.",
            id="iot_ingest.E014",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if secret != secret.strip()
    ]


@register(TAG)
def check_secrets_are_encodable(**kwargs: Any) -> list[CheckMessage]:
    """Expect text that UTF-8 can encode; an undecodable environment variable is not."""
    return [
        Error(
            f"IOT_INGEST: {name} cannot be encoded as UTF-8.",
            hint=f"Write it in ASCII. {HOW_TO_MAKE_ONE}",
            id="iot_ingest.E015",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if not _is_encodable(secret)
    ]


@register(TAG)
def check_secrets_are_no_placeholders(**kwargs: Any) -> list[CheckMessage]:
    """Expect nothing that was copied from a sample (contract, section 5)."""
    return [
        Error(
            f"IOT_INGEST: {name} is a placeholder, not a secret.",
            hint=HOW_TO_MAKE_ONE,
            id="iot_ingest.E016",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if secret and is_placeholder(secret)
    ]


@register(TAG)
def check_secrets_are_listed_once(**kwargs: Any) -> list[CheckMessage]:
    """Expect no secret twice: whoever takes one entry out would believe it is gone."""
    first = {secret: name for name, secret in reversed(texts("SIGNATURE_SECRETS"))}
    return [
        Error(
            f"IOT_INGEST: {name} is the same as {first[secret]}.",
            hint=f"Remove {name}.",
            id="iot_ingest.E017",
        )
        for name, secret in texts("SIGNATURE_SECRETS")
        if secret and first[secret] != name
    ]


def is_placeholder(secret: str) -> bool:
    """Return whether a secret is sample text, in any letter case, or hardly varies at all."""
    lowered = secret.strip().lower()
    return (
        lowered.startswith(PLACEHOLDER_STARTS)
        or PLACEHOLDER_PART in lowered
        or len(set(secret)) < LEAST_DISTINCT
    )


def _is_encodable(secret: str) -> bool:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return False
    return True
