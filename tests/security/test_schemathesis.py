"""What schemathesis makes of our OpenAPI document, sent through the whole endpoint.

``FUZZ_EXAMPLES`` says how many of each; by default a few, since every run of the suite pays for them.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from django.test.client import FakePayload
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig

from django_iot_ingest.models import IngestEvent
from tests.line import Line
from tests.security.cases import examples
from tests.security.document import Judge, generate

pytestmark = pytest.mark.one_host

search = hypothesis_settings(
    max_examples=examples(100),
    suppress_health_check=[
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)

PLACEHOLDERS = {
    "Authorization": "Bearer placeholder",
    "X-Signature": f"{'A' * 43}=",
    "X-Timestamp": "1795452778",
}
"""Headers that are allowed, so that it is the body which is not; ours are sent in their place."""

SIGNED = ("HTTP_AUTHORIZATION", "HTTP_X_SIGNATURE", "HTTP_X_TIMESTAMP")
"""What ``Line`` would say by itself."""

DEEPEST, LARGEST = 16, 2**53
"""What I-JSON says beside the schemas: how deep a body may be, and how large its integers."""

LONGEST = 262_144
"""Bytes that a body may have: one of very many rows can have more."""


@cache
def judge() -> Judge:
    return Judge(generate())


@cache
def operation() -> Any:
    """Return our one operation, as schemathesis sees it; no file of configuration is looked for."""
    schema = schemathesis.openapi.from_dict(generate(), config=SchemathesisConfig())
    return schema[judge().path]["POST"]


def cases(mode: GenerationMode, **fixed: Any) -> st.SearchStrategy[Case]:
    """Generate requests that the document allows, or such as break it where nothing is fixed."""
    return st.deferred(lambda: operation().as_strategy(generation_mode=mode, **fixed))


def prepared(case: Case) -> requests.PreparedRequest:
    """Return the request as schemathesis would send it."""
    told = case.as_transport_kwargs(base_url="http://testserver")
    return requests.Request(**told).prepare()


def body_of(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def send_signed(line: Line, case: Case) -> Any:
    """Sign the bytes, whatever they are, and send them."""
    request = prepared(case)
    return line.call(body=body_of(request), content_type=request.headers.get("Content-Type"))


def send_as_it_is(line: Line, case: Case) -> Any:
    """Send the headers that were generated, and none of ours."""
    request = prepared(case)
    extra: dict[str, Any] = dict.fromkeys([*SIGNED, "CONTENT_TYPE", "CONTENT_LENGTH"])
    extra |= {variable(name): latin(value) for name, value in request.headers.items()}
    extra["QUERY_STRING"] = urlsplit(str(request.url)).query
    return line.call(body=b"", stream=FakePayload(body_of(request)), extra=extra)


def variable(header: str) -> str:
    """Return the WSGI variable of a header."""
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def latin(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def is_within_limits(value: Any, depth: int = 1) -> bool:
    """Return whether no part of a JSON value is too large or too deep."""
    if isinstance(value, int):
        return abs(value) <= LARGEST
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return depth <= DEEPEST and all(is_within_limits(item, depth + 1) for item in items)


def is_too_long(case: Case) -> bool:
    return len(body_of(prepared(case))) > LONGEST


def told(response: Any) -> str:
    """Return the state or the error of an answer that the document allows."""
    assert judge().errors_of(response) == []
    answer = response.json()
    return str(answer["data"]["state"] if answer["success"] else answer["error"])


TOO_LONG = {"PAYLOAD_TOO_LARGE"}
STATES = {"applied", "duplicate", "stale", "deferred"}
BODY_ERRORS = {"INVALID_JSON", "INVALID_PAYLOAD", "UNKNOWN_TYPE"}
HEADER_ERRORS = {
    "INVALID_SIGNATURE",
    "LENGTH_REQUIRED",
    "NOT_AUTHENTICATED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
}


@search
@given(cases(GenerationMode.POSITIVE))
def test_what_the_document_allows_is_accepted(judged: Any, line: Line, case: Case) -> None:
    expected = STATES if is_within_limits(case.body) else {"INVALID_JSON"}
    expected = TOO_LONG if is_too_long(case) else expected
    assert told(send_signed(line, case)) in expected
    judged("schemathesis examples: signed, positive")


@pytest.mark.once
@search
@given(cases(GenerationMode.NEGATIVE, headers=PLACEHOLDERS))
def test_what_the_document_forbids_has_an_answer_of_the_document(
    judged: Any, line: Line, case: Case
) -> None:
    """Wrong decoration is accepted, a wrong identity is not; nothing is a server error."""
    expected = TOO_LONG if is_too_long(case) else STATES | BODY_ERRORS
    assert told(send_signed(line, case)) in expected
    judged("schemathesis examples: signed, negative")


@pytest.mark.once
@search
@given(cases(GenerationMode.POSITIVE) | cases(GenerationMode.NEGATIVE))
def test_headers_that_nobody_signed_let_nothing_in(judged: Any, line: Line, case: Case) -> None:
    assert told(send_as_it_is(line, case)) in HEADER_ERRORS
    assert not IngestEvent.objects.exists()
    judged("schemathesis examples: unsigned, any headers")
