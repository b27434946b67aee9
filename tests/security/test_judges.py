"""Judges from outside: what others wrote to break implementations like ours."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, Self

import pytest

from django_iot_ingest import signing
from django_iot_ingest.models import IngestEvent
from django_iot_ingest.signing import verify
from tests import judges
from tests.judges import accepts
from tests.judges import json_test_suite as texts
from tests.line import Line
from tests.payloads import encode, full, returned, status
from tests.security.cases import told

pytestmark = pytest.mark.one_host

Judged = Callable[[str, int], None]

DUPLICATES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
PLACE = b'"HERE"'


class RawKey(str):
    """A secret of any bytes: test vectors have keys that are no UTF-8."""

    __slots__ = ("key",)
    key: bytes

    def __new__(cls, key: bytes) -> Self:
        self = super().__new__(cls, key.hex())
        self.key = key
        return self

    def encode(self, *_: Any, **__: Any) -> bytes:
        return self.key


def wycheproof_vectors() -> list[dict[str, Any]]:
    source = "testvectors_v1/hmac_sha256_test.json of https://github.com/C2SP/wycheproof"
    file = judges.folder("WYCHEPROOF", source) / "hmac_sha256_test.json"
    return [
        {**test, "tag_bits": group["tagSize"]}
        for group in json.loads(file.read_text())["testGroups"]
        for test in group["tests"]
    ]


@pytest.mark.once
def test_wycheproof_tags_are_accepted_exactly_if_valid_and_whole(
    monkeypatch: pytest.MonkeyPatch, judged: Judged
) -> None:
    # The vectors' messages end in no timestamp: take the whole message as the body.
    monkeypatch.setattr(signing, "TIMESTAMP_SHAPE", re.compile(""))
    counts = {True: 0, False: 0}
    for vector in wycheproof_vectors():
        key, message, tag = (bytes.fromhex(vector[name]) for name in ("key", "msg", "tag"))
        accepted = verify(message, "", base64.b64encode(tag).decode(), [RawKey(key)])
        assert accepted == (vector["result"] == "valid" and vector["tag_bits"] == 256), vector
        counts[accepted] += 1
    assert min(counts.values()) > 20
    judged("Wycheproof vectors of HMAC-SHA256", sum(counts.values()))


@pytest.mark.once
def test_the_reader_refuses_what_is_invalid() -> None:
    assert len(texts("n")) > 180
    assert [name for name, data in texts("n").items() if accepts(data)] == []


@pytest.mark.once
def test_the_reader_accepts_what_is_valid_but_for_duplicate_names() -> None:
    assert len(texts("y")) > 90
    assert {name for name, data in texts("y").items() if not accepts(data)} == DUPLICATES


@pytest.mark.once
def test_the_reader_decides_on_what_is_left_open_and_never_crashes() -> None:
    assert len(texts("i")) > 30
    accepted = {name for name, data in texts("i").items() if accepts(data)}
    # What we decide on them: escaped surrogates pass, and a number that is too small is zero.
    assert accepted == {
        "i_number_double_huge_neg_exp.json",
        "i_number_real_underflow.json",
        "i_object_key_lone_2nd_surrogate.json",
        "i_string_1st_surrogate_but_2nd_missing.json",
        "i_string_1st_valid_surrogate_2nd_invalid.json",
        "i_string_incomplete_surrogate_and_escape_valid.json",
        "i_string_incomplete_surrogate_pair.json",
        "i_string_incomplete_surrogates_escape_valid.json",
        "i_string_invalid_lonely_surrogate.json",
        "i_string_invalid_surrogate.json",
        "i_string_inverted_surrogates_U+1D11E.json",
        "i_string_lone_second_surrogate.json",
    }


@pytest.mark.parametrize("prefix", ["n", "y", "i"])
def test_every_text_sent_through_the_whole_view_has_an_answer_that_is_no_5xx(
    prefix: str, line: Line, judged: Judged
) -> None:
    """None of them is an event: what is no object, or none of ours, is refused for that."""
    for name, data in texts(prefix).items():
        answer = told(line.call(body=data))
        expected = (
            ["400 INVALID_JSON"] if prefix == "n" else ["400 INVALID_JSON", "400 UNKNOWN_TYPE"]
        )
        assert answer in expected, name
    judged(f"JSONTestSuite texts {prefix}_, alone", len(texts(prefix)))


@pytest.mark.parametrize("prefix", ["n", "y", "i"])
def test_every_text_as_a_value_inside_an_event_is_stored_or_refused(
    prefix: str, line: Line, judged: Judged
) -> None:
    """In a column of JSON, in a row, and in a field that nobody knows."""
    count = 0
    for name, data in texts(prefix).items():
        for event in events():
            response = line.call(body=encode(event).replace(PLACE, data))
            is_read = accepts(data)
            assert response.status_code in ((200, 400) if is_read else (400, 413)), name
            assert not is_read or "INVALID_JSON" not in told(response) or is_too_deep(data), name
            count += 1
    assert not IngestEvent.objects.filter(state="failed").exists()
    judged(f"JSONTestSuite texts {prefix}_, inside events", count)


def events() -> list[dict[str, Any]]:
    """Return events that hold ``PLACE`` where a device may say anything."""
    place = json.loads(PLACE)
    slot = {"slot_number": 1, "status": "AVAILABLE", "slot_metadata": {"said": place}}
    return [
        full([slot], [], device={"hardware_info": {"said": place}, "wifi_ssid": place}),
        {**returned(), "note": place},
        {**status(), "note": place},
    ]


def is_too_deep(data: bytes) -> bool:
    """Return whether a text that is read by itself may be too deep inside an event."""
    return max(data.count(b"["), data.count(b"{")) > 8
