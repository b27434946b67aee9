"""Every planted mistake is named, from the wrong request alone, and nothing else is."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_iot_ingest import authentication, signing
from django_iot_ingest.doctor import (
    bodies,
    digests,
    keys,
    layouts,
    payload,
    request_texts,
    rewritings,
    signature_texts,
    spellings,
    stamps,
)
from django_iot_ingest.doctor.captured import CapturedRequest, with_headers
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.diagnosis import TEXTS, Diagnosis, diagnose
from django_iot_ingest.doctor.findings import Mistake
from django_iot_ingest.doctor.headers import Rules
from django_iot_ingest.doctor.search import Budget, Search, fingerprint
from django_iot_ingest.strict_json import MAX_DEPTH
from django_iot_ingest.views import StationDataInternalView
from tests import mistakes
from tests.gateway import Gateway
from tests.mistakes import ALL, BODY, NOW, PATH, SECRETS, STAMP, TIMESTAMP, Planted, b64, mac
from tests.payloads import SECRET

RULES = Rules(path=PATH)

once = pytest.mark.once


@cache
def found_in(title: str) -> Diagnosis:
    """Return what is found in a planted request; a wrong secret takes seconds to be sure of."""
    planted = next(one for one in ALL if one.title == title)
    return diagnosed(planted.request, planted.secrets, planted.now)


def diagnosed(request: CapturedRequest, secrets: Any = SECRETS, now: float = NOW) -> Diagnosis:
    return diagnose(request, secrets, now, RULES, payload.judge)


@once
@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.title)
def test_a_planted_mistake_is_named_and_nothing_else(planted: Planted) -> None:
    found = found_in(planted.title)
    assert tuple(found.codes) == planted.codes
    assert found.is_accepted is planted.is_accepted


@once
def test_titles_are_unique() -> None:
    assert len({planted.title for planted in ALL}) == len(ALL)


@once
def test_every_code_is_planted_and_has_its_text() -> None:
    planted = {code for one in ALL for code in one.codes}
    assert planted == set(Code) == set(TEXTS)
    assert not request_texts.TEXTS.keys() & signature_texts.TEXTS.keys()


@once
@pytest.mark.parametrize("position", range(len(SECRETS)))
def test_a_right_request_has_no_fault_and_tells_its_secret(position: int) -> None:
    found = diagnosed(mistakes.keyed(SECRETS[position]))
    assert (found.is_accepted, found.position, found.tried) == (True, position, position + 1)
    assert found.codes == (["previous_secret"] if position else [])


@once
@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.title)
def test_no_finding_tells_a_secret_a_signature_or_a_token(planted: Planted) -> None:
    found = found_in(planted.title)
    told = json.dumps([finding.as_json() for finding in found.findings])
    right = mac(planted.request.body + STAMP, planted.secrets[0] if planted.secrets else "x")
    for word in (*planted.secrets, b64(right), right.hex(), right.hex().upper(), "a.b.c"):
        assert word.strip() not in told
    assert b64(mistakes.RIGHT)[:12] not in told
    assert told.isascii() and "\n" not in told


@once
@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.title)
def test_every_finding_tells_the_way_out_in_sentences(planted: Planted) -> None:
    for finding in found_in(planted.title).findings:
        assert finding.what.endswith(".") and finding.way_out.endswith(".")
        assert finding.evidence == "" or finding.evidence.endswith(".")


NOT_OF_THE_VIEW = {
    "url_trailing_slash",  # the URLconf's
    "url_wrong",
    "bearer_missing",  # the bearer's class is the host's
    "bearer_malformed",
    "bearer_expired",
    "length_mismatch",  # no server hands on a body that is shorter than it says
}


@pytest.mark.parametrize(
    "planted",
    [one for one in ALL if not NOT_OF_THE_VIEW & set(one.codes)],
    ids=lambda planted: planted.title,
)
def test_the_view_is_of_the_same_opinion(
    db: None, planted: Planted, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """What the doctor calls a fault is refused, and what it does not is accepted."""
    gateway = Gateway.with_admin()
    monkeypatch.setattr(authentication.time, "time", lambda: planted.now)
    settings.SIMPLE_JWT = {"LEEWAY": 10**10}
    settings.IOT_INGEST = {
        **settings.IOT_INGEST,
        "SIGNATURE_SECRETS": list(planted.secrets),
        "SIGNATURE_TIMEOUT": 300,
    }
    meta = planted.request.meta()
    length = meta.get("CONTENT_LENGTH")
    readable = int(length) if length and length.isdigit() else len(planted.request.body)
    request = RequestFactory().generic(
        meta["REQUEST_METHOD"], PATH, planted.request.body[:readable]
    )
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        request.META.pop(name, None)
    request.META.update({**meta, "HTTP_AUTHORIZATION": f"Bearer {gateway.token}"})

    response = StationDataInternalView.as_view()(request)

    assert (response.status_code == 200) is planted.is_accepted, response.content
    assert response.status_code in (200, 400, 403, 405, 411, 413, 415)


# --- the search


@st.composite
def wrong_ways(draw: st.DrawFn) -> tuple[str, list[Mistake]]:
    """Return a signature that was made with up to two mistakes of the space, and those."""
    many = [
        keys.wrong_keys(SECRETS),
        bodies.wrong_bodies(BODY),
        [
            *stamps.wrong_stamps(TIMESTAMP, 1795452775),
            *stamps.nearby(TIMESTAMP),
            *stamps.milliseconds(TIMESTAMP)[:50],
        ],
        list(layouts.WRONG),
        [one for one in digests.digests({32, 20, 64}) if len(one.mistakes) == 1],
    ]
    chosen: list[Any] = [
        draw(st.sampled_from(keys.right_keys(SECRETS))),
        bodies.Body(BODY),
        stamps.Stamp(STAMP),
        layouts.RIGHT,
        digests.digests({32})[0],
    ]
    for place in draw(st.sets(st.sampled_from(range(5)), max_size=2)):
        chosen[place] = draw(st.sampled_from(many[place]))
    key, body, stamp, layout, digest = chosen
    told = [mistake for one in chosen for mistake in one.mistakes]
    spell = draw(st.sampled_from([b64, bytes.hex, lambda tag: f'"{b64(tag)}"']))
    return spell(digest.make(key.value, layout.join(body.value, stamp.value))), told


@once
@hypothesis_settings(max_examples=60)
@given(wrong_ways())
def test_up_to_two_mistakes_of_the_space_are_always_explained(
    way: tuple[str, list[Mistake]],
) -> None:
    signature, told = way
    found = Search(BODY, TIMESTAMP, signature, SECRETS, 1795452775).run()
    if sum(1 for one in told) > 2 and found is None:
        return  # a delimiter with the time first is two by itself
    is_far = any(one.code == Code.SIGNED_MILLISECONDS for one in told)
    is_body = any(one in told for body in bodies.wrong_bodies(BODY) for one in body.mistakes)
    if is_far and is_body:
        return  # a thousand times a hundred: left out on purpose
    assert found is not None
    assert len(found.mistakes) <= len(told) + 2


@once
@given(st.binary(max_size=80), st.text(max_size=80))
def test_any_signature_text_is_read_or_is_not_and_never_an_error(data: bytes, text: str) -> None:
    for spelled in (text, b64(data), data.hex(), b64(b64(data).encode())):
        for reading in spellings.readings(spelled):
            assert len(reading.tag) >= spellings.SHORTEST_CUT


header_values = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=50),
    st.sampled_from([TIMESTAMP, b64(mistakes.RIGHT), "application/json", "Bearer a.b.c", "100"]),
)
NAMES = """
    X-Timestamp X-Signature x-signature Content-Type Content-Length Transfer-Encoding
    Content-Encoding Authorization Host X_Timestamp Signature
"""
header_names = st.sampled_from(NAMES.split())


@once
@given(
    st.one_of(st.binary(max_size=60), st.just(BODY)),
    st.lists(st.tuples(header_names, header_values), max_size=8),
    st.text(max_size=10),
    st.text(max_size=30),
    st.booleans(),
    st.booleans(),
    st.floats(0, 2**33),
)
def test_no_request_is_an_error(
    body: bytes,
    headers: list[tuple[str, str]],
    method: str,
    target: str,
    is_whole: bool,
    is_verified: bool,
    now: float,
) -> None:
    request = CapturedRequest(body, tuple(headers), method, target, is_whole, is_verified)
    found = diagnose(request, SECRETS, now, RULES, payload.judge, Budget(300))
    for finding in found.findings:
        assert f"{finding.what}{finding.evidence}".isascii()


@once
def test_the_search_ends_at_its_bound_and_says_so() -> None:
    found = diagnose(mistakes.keyed("x" * 40), SECRETS, NOW, RULES, None, Budget(500))
    assert found.codes == ["wrong_secret"] and found.tried == 500
    assert "there are more" in found.findings[0].evidence
    small = diagnose(
        mistakes.keyed("x" * 40), SECRETS, NOW, RULES, None, Budget(size=len(BODY) * 3)
    )
    assert small.tried == 2


@once
def test_all_is_tried_with_a_body_of_usual_size_and_two_secrets() -> None:
    search = Search(BODY, TIMESTAMP, b64(mac(b"x", "x")), SECRETS, 1795452775)
    assert search.run() is None
    assert not search.is_exhausted


@once
def test_a_fingerprint_is_four_digits() -> None:
    assert fingerprint(b"") == "e3b0"


# --- one request that several views can be taken of


@once
def test_a_line_end_that_an_editor_added_behind_a_capture_is_none() -> None:
    right = mistakes.request()
    for end in (b"\n", b"\r\n"):
        captured = CapturedRequest(BODY + end, right.headers, "POST", PATH)
        assert diagnosed(captured).codes == []


@once
def test_what_is_behind_the_declared_length_is_not_read() -> None:
    captured = CapturedRequest(BODY + b"XY", mistakes.request().headers, "POST", PATH)
    assert diagnosed(captured).codes == ["length_mismatch"]
    whole = mistakes.request(body=BODY + b"  ", length=str(len(BODY)))
    assert diagnosed(whole).codes == ["length_mismatch"]


@once
def test_of_a_part_of_a_request_no_header_is_missed() -> None:
    headers = (("X-Timestamp", TIMESTAMP), ("X-Signature", b64(mistakes.RIGHT)))
    assert diagnosed(CapturedRequest(BODY, headers, is_whole=False)).codes == []
    assert diagnosed(CapturedRequest(BODY, headers)).codes == [
        "content_type_missing",
        "length_missing",
        "bearer_missing",
    ]


@once
def test_of_a_verified_request_no_signature_is_looked_for() -> None:
    headers = (("X-Timestamp", TIMESTAMP),)
    request = CapturedRequest(b"[]", headers, is_whole=False, is_verified=True)
    assert diagnosed(request).codes == ["json_not_object"]


@once
@pytest.mark.parametrize(
    ("away", "codes"), [(300, []), (-300, []), (301, ["clock_fast"]), (-301, ["clock_slow"])]
)
def test_the_window_is_inclusive_both_ways(away: int, codes: list[str]) -> None:
    assert diagnosed(mistakes.at(int(NOW) + away)).codes == codes


@once
def test_the_search_knows_neither_django_nor_settings() -> None:
    program = (
        "import sys\n"
        "from django_iot_ingest.doctor import search, headers, clocks, reading\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('django', 'rest_framework')]\n"
        f"found = search.Search({BODY!r}, {TIMESTAMP!r}, {mistakes.RIGHT.hex()!r}, {SECRETS!r}).run()\n"
        "print(*[mistake.code for mistake in found.mistakes])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "signature_hex"


@once
def test_content_types_are_judged_as_the_view_judges_them() -> None:
    from django_iot_ingest import content
    from django_iot_ingest.exceptions import UnsupportedMediaType

    for value in (
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8";',
        "application/json ; charset=utf8",
        "application/jsonx",
        "application/json, application/json",
        "text/json",
        "application/json; charset=utf-8; x=1",
        "",
    ):
        request = mistakes.request(Content_Type=value)
        try:
            content.check(request.meta())
        except UnsupportedMediaType:
            assert not diagnosed(request).is_accepted, value
        else:
            assert diagnosed(request).is_accepted, value


@once
@pytest.mark.parametrize(
    ("length", "codes"),
    [
        (f"000{len(BODY)}", []),
        ("9" * 30, ["body_too_large", "length_mismatch"]),
        ("+5", ["length_invalid"]),
        ("", ["length_invalid"]),
    ],
)
def test_lengths_are_read_as_the_view_reads_them(length: str, codes: list[str]) -> None:
    headers = dict(mistakes.request().headers) | {"Content-Length": length}
    assert diagnosed(CapturedRequest(BODY, tuple(headers.items()), "POST", PATH)).codes == codes


@once
@pytest.mark.parametrize("claims", [b'{"exp":-Infinity}', b'{"exp":null}', b"[]", b"\xff", b"{}"])
def test_a_token_without_a_usable_expiry_is_not_judged(claims: bytes) -> None:
    token = f"Bearer a.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c"
    assert diagnosed(mistakes.request(Authorization=token)).codes == []


@once
def test_a_higher_limit_of_the_project_is_kept() -> None:
    large = mistakes.sent(mistakes.written({**mistakes.PAYLOAD, "note": "x" * 262_144}))
    found = diagnose(large, SECRETS, NOW, Rules(max_body_bytes=10**6), payload.judge)
    assert found.codes == []


@once
def test_what_is_right_by_signing_is_right_here() -> None:
    assert signing.verify(BODY, TIMESTAMP, b64(mistakes.RIGHT), [SECRET])
    with override_settings():
        assert diagnosed(mistakes.request()).codes == []


def diagnosed_of(body: bytes) -> Diagnosis:
    """Return what a short search finds in a body that nobody has signed."""
    headers = {"X-Timestamp": TIMESTAMP, "X-Signature": b64(mistakes.RIGHT)}
    sent = with_headers(body, headers.items())
    return diagnose(sent, SECRETS, NOW, RULES, payload.judge, Budget(tries=1_000))


@once
@pytest.mark.parametrize("depth", [300, 900, 3_000, 9_000, 40_000])
@pytest.mark.parametrize("nest", [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
def test_a_body_as_deep_as_can_just_be_read_is_diagnosed(
    nest: tuple[bytes, bytes], depth: int
) -> None:
    body = nest[0] * depth + b"1" + nest[1] * depth
    found = diagnosed_of(body)
    assert found.codes == ["wrong_secret", "json_too_deep"]


@once
@pytest.mark.parametrize(("depth", "is_rewritten"), [(16, True), (17, False), (300, False)])
@pytest.mark.parametrize("nest", [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_what_is_too_deep_is_not_written_anew(
    nest: tuple[str, str], depth: int, is_rewritten: bool
) -> None:
    body = nest[0] * depth + "1, 2.0"[: 6 if nest[0] == "[" else 1] + nest[1] * depth
    assert bool(list(rewritings.of(body.encode()))) is is_rewritten
    assert rewritings.DEEPEST == MAX_DEPTH


@once
@pytest.mark.parametrize("time", ["-" + 4300 * "9", 4300 * "9", 25 * "1"])
def test_a_body_whose_own_time_is_a_huge_number_is_diagnosed(time: str) -> None:
    body = b'{"timestamp":%s}' % time.encode()
    found = diagnosed_of(body)
    assert found.codes == ["wrong_secret", "json_number_too_large"]
