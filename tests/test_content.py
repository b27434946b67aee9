"""A body is judged by its headers before it is read."""

from __future__ import annotations

from typing import Any

import pytest

from django_iot_ingest import content
from django_iot_ingest.exceptions import LengthRequired, PayloadTooLarge, UnsupportedMediaType

pytestmark = pytest.mark.once

MAX = 262_144


def check(**changed: Any) -> None:
    """Check a good request, changed; a value of None leaves the header out."""
    meta = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2", **changed}
    content.check({name: value for name, value in meta.items() if value is not None})


GOOD_TYPES = [
    "application/json",
    "Application/JSON",
    "application/json;charset=utf-8",
    "application/json; charset=utf-8",
    "application/json; charset=UTF-8",
    'application/json; charset="utf-8"',
    "APPLICATION/JSON ; CHARSET=Utf-8",
    "application/json;\tcharset=utf-8",
]

BAD_TYPES = [
    None,
    "",
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json+ld",
    "application/problem+json",
    "x-application/json",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=",
    "application/json; charset='utf-8'",
    'application/json; charset="utf-8',
    "application/json; charset=utf-8; charset=utf-8",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset=utf-8x",
    "application/json; version=2",
    "application/json charset=utf-8",
    "application/json\n",
    "application/json; charset=utf-8\n",
    "application/\u017fon",
    "application/j\u017fon",
]


@pytest.mark.parametrize("content_type", GOOD_TYPES)
def test_json_in_utf_8_is_let_in_however_it_is_written(content_type: str) -> None:
    check(CONTENT_TYPE=content_type)


@pytest.mark.parametrize("content_type", BAD_TYPES)
def test_any_other_type_or_charset_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        check(CONTENT_TYPE=content_type)


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_body_that_is_not_encoded_is_let_in(encoding: str) -> None:
    check(HTTP_CONTENT_ENCODING=encoding)


@pytest.mark.parametrize(
    "encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "x-gzip", "identity, gzip", "nonsense"]
)
def test_an_encoded_body_is_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check(HTTP_CONTENT_ENCODING=encoding)


@pytest.mark.parametrize(
    "length", [None, "", "x", "-1", "+5", "1_0", "5,5", "5 5", "0x5", "5.0", "1e2", "٥", "५", "²"]
)
def test_a_length_that_is_not_known_is_asked_for(length: str | None) -> None:
    with pytest.raises(LengthRequired):
        check(CONTENT_LENGTH=length)


def test_a_chunked_body_has_no_length_whatever_it_says() -> None:
    with pytest.raises(LengthRequired):
        check(HTTP_TRANSFER_ENCODING="chunked")


@pytest.mark.parametrize("length", ["0", "1", str(MAX - 1), str(MAX), "007", "0" * 5000 + "7"])
def test_a_length_up_to_the_limit_is_let_in(length: str) -> None:
    check(CONTENT_LENGTH=length)


@pytest.mark.parametrize(
    "length", [str(MAX + 1), "0" * 20 + str(MAX + 1), "9" * 18, "9" * 19, "9" * 5000]
)
def test_a_length_beyond_the_limit_is_refused(length: str) -> None:
    with pytest.raises(PayloadTooLarge):
        check(CONTENT_LENGTH=length)


def test_the_limit_is_a_setting_that_is_read_live(settings: Any) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "MAX_BODY_BYTES": 10}
    check(CONTENT_LENGTH="10")
    with pytest.raises(PayloadTooLarge):
        check(CONTENT_LENGTH="11")


def test_the_type_is_judged_before_the_length() -> None:
    for length in (None, str(MAX + 1)):
        with pytest.raises(UnsupportedMediaType):
            check(CONTENT_TYPE="text/plain", CONTENT_LENGTH=length)
