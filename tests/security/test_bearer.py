"""Bearer tokens and their claims"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.conf import settings as project
from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import RefreshToken, SlidingToken

from django_iot_ingest.models import IngestEvent
from tests.line import Line, Unreadable
from tests.payloads import encode, status
from tests.security.cases import attack, case, told
from tests.security.tokens import ADMIN, HS256, claims, mint, only_admin, segment

pytestmark = pytest.mark.one_host

REFUSED = "401 NOT_AUTHENTICATED"
NOT_PERMITTED = "403 NOT_PERMITTED"
APPLIED = "200 applied"

DEEP = 100_000
"""Arrays inside each other: more than any version of Python reads."""

NESTED = b"[" * DEEP + b"]" * DEEP


@pytest.fixture(autouse=True)
def admin(line: Line) -> Any:
    return only_admin()


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that a token says be fetched."""

    def connect(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", connect)


def answer(line: Line, authorization: Any, **said: Any) -> str:
    """Return what a request with this Authorization header is answered, and look for what it left."""
    extra = {"HTTP_AUTHORIZATION": authorization}
    response = line.call(extra=extra, **said)
    heard = told(response)
    assert response.get("WWW-Authenticate") == ("Bearer" if heard == REFUSED else None)
    assert IngestEvent.objects.exists() == heard.startswith("200")
    return heard


def bearing(line: Line, token: str) -> str:
    """Return what a request with this token is answered."""
    return answer(line, f"Bearer {token}")


# --- the header


@pytest.mark.once
@pytest.mark.parametrize(
    "header",
    [
        attack("one bearer token", APPLIED, "Bearer {}"),
        attack("Authorization absent", REFUSED, None),
        attack("Authorization empty", REFUSED, ""),
        attack("Authorization of one blank", REFUSED, " "),
        attack("the scheme alone", REFUSED, "Bearer"),
        attack("the scheme and a blank", REFUSED, "Bearer "),
        attack("the scheme and two blanks", REFUSED, "Bearer  "),
        attack("the token alone", REFUSED, "{}"),
        attack("two blanks after the scheme", REFUSED, "Bearer  {}"),
        attack("a tab after the scheme", REFUSED, "Bearer\t{}"),
        attack("a line break after the scheme", REFUSED, "Bearer\n{}"),
        attack("a no-break space after the scheme", REFUSED, "Bearer\xa0{}"),
        attack("a vertical tab after the scheme", REFUSED, "Bearer\x0b{}"),
        attack("no blank after the scheme", REFUSED, "Bearer{}"),
        attack("a colon after the scheme", REFUSED, "Bearer: {}"),
        attack("an equals sign after the scheme", REFUSED, "Bearer={}"),
        attack("a blank before the scheme", REFUSED, " Bearer {}"),
        attack("a blank after the token", REFUSED, "Bearer {} "),
        attack("a line break after the token", REFUSED, "Bearer {}\n"),
        attack("a header smuggled in after the token", REFUSED, "Bearer {}\r\nX-Admin: 1"),
        # The scheme's letter case is simplejwt's to judge.
        attack("the scheme in lower case", REFUSED, "bearer {}"),
        attack("the scheme in upper case", REFUSED, "BEARER {}"),
        attack("the scheme in full-width letters", REFUSED, "Ｂｅａｒｅｒ {}"),
        attack("the scheme with a letter that folds to one of its own", REFUSED, "Bearſer {}"),
        attack("the scheme Basic", REFUSED, "Basic {}"),
        attack("the scheme Token", REFUSED, "Token {}"),
        attack("the scheme JWT", REFUSED, "JWT {}"),
        attack("the scheme Digest", REFUSED, 'Digest username="a", response="{}"'),
        attack("the scheme Negotiate", REFUSED, "Negotiate {}"),
        attack("the scheme HMAC", REFUSED, "HMAC {}"),
        attack("two schemes", REFUSED, "Bearer Bearer {}"),
        attack("two tokens", REFUSED, "Bearer {} {}"),
        attack("two tokens and a comma", REFUSED, "Bearer {},{}"),
        attack("two headers, joined by a comma", REFUSED, "Bearer {}, Bearer {}"),
        attack("a Basic and a Bearer header, joined", REFUSED, "Basic YTpi, Bearer {}"),
        attack("a token in double quotes", REFUSED, 'Bearer "{}"'),
        attack("a token in single quotes", REFUSED, "Bearer '{}'"),
        attack("a token in angle brackets", REFUSED, "Bearer <{}>"),
        attack("a token as a bytes literal", REFUSED, "Bearer b'{}'"),
        attack("a parameter after the token", REFUSED, "Bearer {};admin=1"),
        attack("a token with a Latin-1 letter", REFUSED, "Bearer é{}"),
        attack("a token with an emoji", REFUSED, "Bearer {}☕"),
        attack("a token with a soft hyphen", REFUSED, "Bearer {}\xad"),
        attack("a token with a zero-width space", REFUSED, "Bearer {}\u200b"),
        attack("a token with a NUL", REFUSED, "Bearer {}\x00"),
        attack("a NUL alone", REFUSED, "Bearer \x00"),
        attack("a token with a DEL", REFUSED, "Bearer {}\x7f"),
        attack("a percent-encoded token", REFUSED, "Bearer %7B{}%7D"),
        attack("100 KB of one letter", REFUSED, "Bearer " + "a" * 102_400),
        attack("100 KB of dots", REFUSED, "Bearer " + "." * 102_400),
        attack("100 KB of blanks", REFUSED, "Bearer " + " " * 102_400),
        attack("100 KB after a good token", REFUSED, "Bearer {}" + "a" * 102_400),
        attack("the word null", REFUSED, "Bearer null"),
        attack("the word undefined", REFUSED, "Bearer undefined"),
        attack("an SQL text", REFUSED, "Bearer '/**/OR/**/1=1--"),
        attack("a format text", REFUSED, "Bearer %s%s%n{0.__class__}"),
        attack("a look-up of Log4Shell's kind", REFUSED, "Bearer ${jndi:ldap://192.0.2.1/a}"),
    ],
)
def test_one_scheme_one_blank_and_one_token(header: str | None, expected: str, line: Line) -> None:
    assert answer(line, header and header.replace("{}", mint())) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "place",
    [
        attack("a token in X-Authorization", REFUSED, "HTTP_X_AUTHORIZATION"),
        attack("a token in Proxy-Authorization", REFUSED, "HTTP_PROXY_AUTHORIZATION"),
        attack("a token in a cookie", REFUSED, "HTTP_COOKIE"),
        attack("a token in the query", REFUSED, "QUERY_STRING"),
        attack("a token in X-Access-Token", REFUSED, "HTTP_X_ACCESS_TOKEN"),
    ],
)
def test_a_token_in_another_place_is_none(place: str, expected: str, line: Line) -> None:
    words = {"HTTP_COOKIE": "Authorization=Bearer {}; access={}", "QUERY_STRING": "access_token={}"}
    said = words.get(place, "Bearer {}").replace("{}", mint())
    assert told(line.call(extra={"HTTP_AUTHORIZATION": "", place: said})) == expected


def test_no_byte_of_the_body_is_read_for_a_bad_token(line: Line) -> None:
    assert answer(line, "Bearer a.b.c", stream=Unreadable(encode(status()))) == REFUSED


class LowerCase(BaseAuthentication):
    """A host's class that takes the scheme in any letter case, as HTTP has it."""

    def authenticate(self, request: Any) -> Any:
        scheme, token = request.META["HTTP_AUTHORIZATION"].split(" ")
        return (
            (get_user_model().objects.get(pk=ADMIN), token) if scheme.lower() == "bearer" else None
        )


@pytest.mark.once
@pytest.mark.parametrize(
    "scheme",
    [
        attack("the scheme in lower case, for a class that takes it", APPLIED, "bearer"),
        attack("the scheme in mixed case, for a class that takes it", APPLIED, "bEaReR"),
        attack("another scheme, for a class that takes any letter case", REFUSED, "Basic"),
    ],
)
def test_the_letter_case_of_the_scheme_is_left_to_the_hosts_class(
    scheme: str, expected: str, line: Line, settings: Any
) -> None:
    path = f"{__name__}.{LowerCase.__name__}"
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTHENTICATION_CLASSES": [path]}
    assert answer(line, f"{scheme} word") == expected


# --- the parts of a token


def parts(token: str) -> list[str]:
    return token.split(".")


def unsigned(alg: Any) -> str:
    """Return a token without a signature that says it needs none."""
    return f"{segment({'alg': alg, 'typ': 'JWT'})}.{segment(claims())}."


@pytest.mark.once
@pytest.mark.parametrize(
    "change",
    [
        attack("one part", REFUSED, lambda t: parts(t)[1]),
        attack("two parts", REFUSED, lambda t: ".".join(parts(t)[:2])),
        attack("four parts", REFUSED, lambda t: f"{t}.{parts(t)[2]}"),
        attack("five parts, as an encrypted token has", REFUSED, lambda t: f"{t}.{t[:9]}.{t[:9]}"),
        attack("a dot at the end", REFUSED, lambda t: f"{t}."),
        attack("a dot before", REFUSED, lambda t: f".{t}"),
        attack("two dots between", REFUSED, lambda t: t.replace(".", "..", 1)),
        attack("no header", REFUSED, lambda t: "." + ".".join(parts(t)[1:])),
        attack("no payload", REFUSED, lambda t: f"{parts(t)[0]}..{parts(t)[2]}"),
        attack("no signature", REFUSED, lambda t: f"{parts(t)[0]}.{parts(t)[1]}."),
        attack("three empty parts", REFUSED, lambda t: ".."),
        attack("the parts in reverse", REFUSED, lambda t: ".".join(reversed(parts(t)))),
        attack("a signature cut by one", REFUSED, lambda t: t[:-1]),
        attack("a signature with a letter more", REFUSED, lambda t: f"{t}A"),
        attack("a signature in lower case", REFUSED, lambda t: t[:-43] + t[-43:].lower()),
        attack("a signature of zeros", REFUSED, lambda t: t[:-43] + "A" * 43),
        attack("a signature of one byte", REFUSED, lambda t: t[:-43] + "AA"),
        attack("a blank in Base64", REFUSED, lambda t: f"{t[:9]} {t[9:]}"),
        attack("an exclamation mark in Base64", REFUSED, lambda t: f"{t}!"),
        attack("a standard Base64 letter", REFUSED, lambda t: f"{t[:-1]}+"),
        attack("the first letter of the payload changed", REFUSED, lambda t: t.replace(".e", ".f")),
        attack("the token twice", REFUSED, lambda t: t + t),
    ],
)
def test_a_token_has_three_parts_and_its_own_signature(
    change: Callable[[str], str], expected: str, line: Line
) -> None:
    assert bearing(line, change(mint())) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "alg",
    [
        attack("alg none", REFUSED, "none"),
        attack("alg None", REFUSED, "None"),
        attack("alg NONE", REFUSED, "NONE"),
        attack("alg nOnE", REFUSED, "nOnE"),
        attack("alg none and a blank", REFUSED, "none "),
        attack("alg none and a NUL", REFUSED, "none\x00"),
        attack("alg empty", REFUSED, ""),
        attack("alg null", REFUSED, None),
        attack("alg HS256 without a signature", REFUSED, "HS256"),
    ],
)
def test_a_token_without_a_signature_is_none(alg: Any, expected: str, line: Line) -> None:
    assert bearing(line, unsigned(alg)) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        attack("alg none over a right signature", REFUSED, "none", "sha256"),
        attack("alg HS384", REFUSED, "HS384", "sha384"),
        attack("alg HS512", REFUSED, "HS512", "sha512"),
        attack("alg HS512 over the MAC of HS256", REFUSED, "HS512", "sha256"),
        attack("alg HS256 over the MAC of HS512", REFUSED, "HS256", "sha512"),
        attack("alg HS1", REFUSED, "HS1", "sha1"),
        attack("alg RS256 with the secret as its public key", REFUSED, "RS256", "sha256"),
        attack("alg ES256 with the secret as its public key", REFUSED, "ES256", "sha256"),
        attack("alg EdDSA with the secret as its public key", REFUSED, "EdDSA", "sha256"),
        attack("alg hs256 in lower case", REFUSED, "hs256", "sha256"),
        attack("alg HS256 and a blank", REFUSED, "HS256 ", "sha256"),
        attack("alg in a list", REFUSED, ["HS256"], "sha256"),
        attack("alg in an object", REFUSED, {"HS256": True}, "sha256"),
        attack("alg a number", REFUSED, 256, "sha256"),
        attack("alg true", REFUSED, True, "sha256"),
        attack("alg of an unknown name", REFUSED, "../../HS256", "sha256"),
    ],
)
def test_only_the_configured_algorithm_counts(
    alg: Any, digest: str, expected: str, line: Line
) -> None:
    assert bearing(line, mint({"alg": alg, "typ": "JWT"}, digest=digest)) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "key",
    [
        attack("the empty key", REFUSED, ""),
        attack("another key", REFUSED, "another-key-that-is-long-enough-for-hs256"),
        attack("SECRET_KEY reversed", REFUSED, project.SECRET_KEY[::-1]),
        attack("SECRET_KEY in upper case", REFUSED, project.SECRET_KEY.upper()),
        attack("SECRET_KEY and a line break", REFUSED, f"{project.SECRET_KEY}\n"),
        attack("SECRET_KEY without its last letter", REFUSED, project.SECRET_KEY[:-1]),
        attack("the signature's secret as the token's key", REFUSED, "{secret}"),
    ],
)
def test_only_the_projects_own_key_signs_a_token(
    key: str, expected: str, line: Line, settings: Any
) -> None:
    secret = settings.IOT_INGEST["SIGNATURE_SECRETS"][0]
    assert bearing(line, mint(key=key.replace("{secret}", secret))) == expected


def extended(**more: Any) -> dict[str, Any]:
    return {**HS256, **more}


@pytest.mark.once
@pytest.mark.parametrize(
    "header",
    [
        attack("a header without typ", APPLIED, {"alg": "HS256"}),
        attack("a header without alg", REFUSED, {"typ": "JWT"}),
        attack("typ of another name", APPLIED, extended(typ="at+jwt")),
        attack("kid of a path", APPLIED, extended(kid="../../../../dev/null")),
        attack("kid of an SQL text", APPLIED, extended(kid="' UNION SELECT 'key'--")),
        attack("kid a number", REFUSED, extended(kid=1)),
        attack("kid null", REFUSED, extended(kid=None)),
        attack("kid an object", REFUSED, extended(kid={})),
        attack("jku, which is never fetched", APPLIED, extended(jku="http://192.0.2.1/keys")),
        attack("x5u, which is never fetched", APPLIED, extended(x5u="http://192.0.2.1/cert")),
        attack(
            "a key in jwk, which is never used", APPLIED, extended(jwk={"kty": "oct", "k": "A"})
        ),
        attack("a certificate in x5c, never used", APPLIED, extended(x5c=["AAAA"])),
        attack("crit of an unknown name", REFUSED, extended(crit=["exp"], exp=1)),
        attack("crit of a name that is absent", REFUSED, extended(crit=["b64"])),
        attack("crit that is no list", REFUSED, extended(crit="b64")),
        attack("crit empty", REFUSED, extended(crit=[])),
        attack("b64 false", REFUSED, extended(b64=False, crit=["b64"])),
        attack("cty of a nested token", APPLIED, extended(cty="JWT")),
        attack("zip", APPLIED, extended(zip="DEF")),
        attack("a header that is a list", REFUSED, ["HS256"]),
        attack("a header that is text", REFUSED, "HS256"),
        attack("a header that is a number", REFUSED, 256),
        attack("a header that is null", REFUSED, b"null"),
        attack("a header that is no JSON", REFUSED, b"{alg:HS256}"),
        attack("a header that is cut off", REFUSED, b'{"alg":"HS256"'),
        attack("a header that is not UTF-8", REFUSED, b'{"alg":"HS256","x":"\xff"}'),
        attack("a header of no bytes", REFUSED, b""),
        attack("a header with NaN, unsigned", REFUSED, b'{"alg":"none","x":NaN}'),
        attack("a header nested 100,000 deep", REFUSED, b'{"alg":"HS256","x":' + NESTED + b"}"),
        attack("a header that is 100,000 arrays", REFUSED, NESTED),
        attack("a number of 10,000 digits in a header", REFUSED, b'{"x":' + b"9" * 10_000 + b"}"),
        attack(
            "a header with 10,000 names", APPLIED, extended(**{f"n{i}": i for i in range(10_000)})
        ),
        attack("alg twice, none last", REFUSED, b'{"alg":"HS256","alg":"none"}'),
        attack("alg twice, HS256 last", APPLIED, b'{"alg":"none","alg":"HS256"}'),
    ],
)
def test_no_header_of_a_token_chooses_its_own_rules(header: Any, expected: str, line: Line) -> None:
    assert bearing(line, mint(header)) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    "payload",
    [
        attack("a payload that is a list", REFUSED, b"[]"),
        attack("a payload that is text", REFUSED, b'"access"'),
        attack("a payload that is a number", REFUSED, b"1"),
        attack("a payload that is null", REFUSED, b"null"),
        attack("a payload of no bytes", REFUSED, b""),
        attack("a payload that is an empty object", REFUSED, b"{}"),
        attack("a payload that is no JSON", REFUSED, b"{user_id:1}"),
        attack("a payload that is cut off", REFUSED, b'{"user_id":"1"'),
        attack("a payload that is not UTF-8", REFUSED, b'{"user_id":"\xff\xfe"}'),
        attack("a payload nested 100,000 deep", REFUSED, b'{"x":' + NESTED + b"}"),
        attack("a payload that is 100,000 arrays", REFUSED, NESTED),
        attack("a number of 10,000 digits in a payload", REFUSED, b'{"x":' + b"9" * 10_000 + b"}"),
        attack("a payload in another token's place", REFUSED, segment(claims()).encode()),
    ],
)
def test_a_payload_is_an_object_of_claims(payload: bytes, expected: str, line: Line) -> None:
    assert bearing(line, mint(payload=payload)) == expected


# --- claims


def from_now(seconds: float) -> float:
    return time.time() + seconds


@pytest.mark.once
@pytest.mark.parametrize(
    "changed",
    [
        attack("all claims as they should be", APPLIED, {}),
        attack("token_type refresh", REFUSED, {"token_type": "refresh"}),
        attack("token_type sliding", REFUSED, {"token_type": "sliding"}),
        attack("token_type absent", REFUSED, {"token_type": ...}),
        attack("token_type null", REFUSED, {"token_type": None}),
        attack("token_type empty", REFUSED, {"token_type": ""}),
        attack("token_type in another letter case", REFUSED, {"token_type": "Access"}),
        attack("token_type in a list", REFUSED, {"token_type": ["access"]}),
        attack("token_type true", REFUSED, {"token_type": True}),
        attack("exp absent", REFUSED, {"exp": ...}),
        attack("exp null", REFUSED, {"exp": None}),
        attack("exp of letters", REFUSED, {"exp": "soon"}),
        attack("exp as text of digits", REFUSED, {"exp": "9999999999"}),
        attack("exp empty", REFUSED, {"exp": ""}),
        attack("exp 0", REFUSED, {"exp": 0}),
        attack("exp negative", REFUSED, {"exp": -1}),
        attack("exp far before any date", REFUSED, {"exp": -(10**18)}),
        attack("exp true", REFUSED, {"exp": True}),
        attack("exp in a list", REFUSED, {"exp": [9999999999]}),
        attack("exp in an object", REFUSED, {"exp": {"$gt": 0}}),
        attack("exp 1e308", REFUSED, {"exp": 1e308}),
        attack("exp Infinity", REFUSED, {"exp": float("inf")}),
        attack("exp -Infinity", REFUSED, {"exp": float("-inf")}),
        attack("exp NaN", REFUSED, {"exp": float("nan")}),
        attack("exp beyond any date", REFUSED, {"exp": 10**30}),
        attack("exp 2**63", REFUSED, {"exp": 2**63}),
        attack("exp of 4,000 digits", REFUSED, {"exp": 10**4000}),
        attack("exp in milliseconds, beyond any date", REFUSED, {"exp": 9_999_999_999_999_999}),
        attack("exp a float in the future", APPLIED, {"exp": 9_999_999_999.5}),
        attack("nbf beyond any date", REFUSED, {"nbf": 1e308}),
        attack("nbf in the far future", REFUSED, {"nbf": 9_999_999_999}),
        attack("nbf of letters", REFUSED, {"nbf": "now"}),
        attack("nbf null", REFUSED, {"nbf": None}),
        attack("nbf in the past", APPLIED, {"nbf": 0}),
        attack("iat in the far future", REFUSED, {"iat": 9_999_999_999}),
        attack("iat of letters", REFUSED, {"iat": "today"}),
        attack("iat null", REFUSED, {"iat": None}),
        attack("iat Infinity", REFUSED, {"iat": float("inf")}),
        attack("iat absent", APPLIED, {"iat": ...}),
        attack("iat negative", APPLIED, {"iat": -1}),
        attack("jti absent", REFUSED, {"jti": ...}),
        attack("jti a number", REFUSED, {"jti": 1}),
        attack("jti of an SQL text", APPLIED, {"jti": "'; DROP TABLE auth_user;--"}),
        attack("iss where none is configured", APPLIED, {"iss": "https://192.0.2.1/"}),
        attack("aud where none is configured", APPLIED, {"aud": "somebody else"}),
        attack("aud an object, where none is configured", APPLIED, {"aud": {}}),
        attack("sub a number", REFUSED, {"sub": 1}),
        attack("a claim of 50,000 letters", APPLIED, {"x": "a" * 50_000}),
    ],
)
def test_claims_are_judged_whoever_signed_them(
    changed: dict[str, Any], expected: str, line: Line
) -> None:
    assert bearing(line, mint(payload=claims(**changed))) == expected


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [
        attack("exp one second ago", REFUSED, "exp", -1),
        attack("exp this very second", REFUSED, "exp", 0),
        attack("exp in one minute", APPLIED, "exp", 60),
        attack("nbf in one minute", REFUSED, "nbf", 60),
        attack("iat in one minute", REFUSED, "iat", 60),
        attack("iat ten years ago", APPLIED, "iat", -315_360_000),
    ],
)
def test_a_token_has_its_time(claim: str, seconds: int, expected: str, line: Line) -> None:
    token = mint(payload=claims(**{claim: int(from_now(seconds))}))
    assert bearing(line, token) == expected


@pytest.mark.parametrize(
    "make",
    [
        attack("a real refresh token", REFUSED, RefreshToken.for_user),
        attack("a real sliding token", REFUSED, SlidingToken.for_user),
        attack(
            "the access token of a refresh token",
            APPLIED,
            lambda u: RefreshToken.for_user(u).access_token,
        ),
    ],
)
def test_only_an_access_token_gives_access(
    make: Callable[[Any], Any], expected: str, line: Line, admin: Any
) -> None:
    assert bearing(line, str(make(admin))) == expected


# --- the user


@pytest.mark.parametrize(
    "user_id",
    [
        attack("user_id as text", APPLIED, str(ADMIN)),
        attack("user_id as a number", APPLIED, ADMIN),
        attack("user_id absent", REFUSED, ...),
        attack("user_id null", REFUSED, None),
        attack("user_id empty", REFUSED, ""),
        attack("user_id of letters", REFUSED, "admin"),
        attack("user_id the admin's name", REFUSED, "only"),
        attack("user_id 0", REFUSED, 0),
        attack("user_id negative", REFUSED, -ADMIN),
        attack("user_id of nobody", REFUSED, ADMIN + 1),
        attack("user_id 2**31", REFUSED, 2**31),
        attack("user_id 2**63 - 1", REFUSED, 2**63 - 1),
        attack("user_id 2**63", REFUSED, 2**63),
        attack("user_id -2**63 - 1", REFUSED, -(2**63) - 1),
        attack("user_id 2**64 more than the admin's", REFUSED, 2**64 + ADMIN),
        attack("user_id 2**70", REFUSED, 2**70),
        attack("user_id 2**70 as text", REFUSED, str(2**70)),
        attack("user_id of 4,000 digits", REFUSED, 10**4000),
        attack("user_id of 5,000 digits as text", REFUSED, "9" * 5000),
        attack("user_id true", REFUSED, True),
        attack("user_id false", REFUSED, False),
        attack("user_id Infinity", REFUSED, float("inf")),
        attack("user_id NaN", REFUSED, float("nan")),
        attack("user_id 1e308", REFUSED, 1e308),
        attack("user_id as text of a float", REFUSED, f"{ADMIN}.0"),
        attack("user_id in hexadecimal", REFUSED, hex(ADMIN)),
        attack("user_id in a list", REFUSED, [ADMIN]),
        attack("user_id an empty list", REFUSED, []),
        attack("user_id in an object", REFUSED, {"pk": ADMIN}),
        attack("user_id an object of a look-up", REFUSED, {"gt": 0}),
        attack("user_id an empty object", REFUSED, {}),
        attack("user_id of an SQL text", REFUSED, f"{ADMIN} OR 1=1"),
        attack("user_id of a quote", REFUSED, "'"),
        attack("user_id with a NUL", REFUSED, f"{ADMIN}\x00"),
        attack("user_id with a lone surrogate", REFUSED, f"{ADMIN}\ud800"),
        attack("user_id with a look-up's name", REFUSED, f"{ADMIN}__gte"),
        # The admin's number in other letters: whoever could sign it could sign the number too.
        attack("user_id with blanks around, which Django strips", APPLIED, f" {ADMIN}\n"),
        attack("user_id with underscores, which Python reads", APPLIED, "7_000_001"),
        attack("user_id in Devanagari digits, which Python reads", APPLIED, "७०००००१"),
        attack("user_id a float, which Django cuts", APPLIED, ADMIN + 0.5),
    ],
)
def test_a_token_names_its_user_or_nobody(user_id: Any, expected: str, line: Line) -> None:
    assert bearing(line, mint(payload=claims(user_id=user_id))) == expected


@pytest.mark.parametrize(
    "flags",
    [
        attack("an active superuser of the staff", APPLIED, {}),
        attack("an inactive superuser", REFUSED, {"is_active": False}),
        attack("a superuser who is not of the staff", NOT_PERMITTED, {"is_staff": False}),
        attack("staff who is no superuser", NOT_PERMITTED, {"is_superuser": False}),
        attack("a plain user", NOT_PERMITTED, {"is_staff": False, "is_superuser": False}),
    ],
)
def test_a_good_token_of_another_user_is_not_permitted(
    flags: dict[str, bool], expected: str, line: Line
) -> None:
    get_user_model().objects.update(**flags)
    stream = None if expected == APPLIED else Unreadable(encode(status()))
    token = mint(payload=claims(is_active=True, is_staff=True, is_superuser=True))
    assert answer(line, f"Bearer {token}", stream=stream) == expected


@case("a token whose user was deleted", REFUSED)
def test_a_token_does_not_outlive_its_user(line: Line, admin: Any, expected: str) -> None:
    admin.delete()
    assert bearing(line, mint()) == expected


@case("a token whose user was demoted after it was made", NOT_PERMITTED)
def test_a_token_gives_no_more_than_its_user_has_now(
    line: Line, admin: Any, expected: str, settings: Any
) -> None:
    settings.IOT_INGEST = {**settings.IOT_INGEST, "PRINCIPAL_CACHE_SECONDS": 0}
    token = mint()
    assert told(line.call(extra={"HTTP_AUTHORIZATION": f"Bearer {token}"})) == APPLIED
    get_user_model().objects.update(is_superuser=False)
    assert told(line.call(extra={"HTTP_AUTHORIZATION": f"Bearer {token}"})) == expected


@case("a token used again, and again", APPLIED)
def test_a_token_holds_until_its_time(line: Line, expected: str) -> None:
    token = mint()
    for _ in range(3):
        assert told(line.call(extra={"HTTP_AUTHORIZATION": f"Bearer {token}"})) == expected


# --- a class that fails


class Deep(JWTAuthentication):
    """What PyJWT before 2.14 does over a header that is nested too deep."""

    def authenticate(self, request: Any) -> Any:
        return self.authenticate(request)


class Faulty(JWTAuthentication):
    """A host's class with a fault of its own, whatever the token."""

    def authenticate(self, request: Any) -> Any:
        return int("not a number, and nothing of the token's")


@pytest.mark.once
@pytest.mark.parametrize(
    ("authentication_class", "error"),
    [
        attack("a class that recurses without end over a token", REFUSED, Deep, "RecursionError"),
        attack("a class with a fault of its own", REFUSED, Faulty, "ValueError"),
    ],
)
def test_a_class_that_fails_over_a_token_is_named_once_a_minute(
    authentication_class: type,
    error: str,
    expected: str,
    line: Line,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = f"{__name__}.{authentication_class.__name__}"
    settings.IOT_INGEST = {**settings.IOT_INGEST, "AUTHENTICATION_CLASSES": [path]}
    assert {bearing(line, mint()) for _ in range(3)} == {expected}
    (text,) = [text for text in caplog.messages if "bearer's class" in text]
    first, *trace = text.splitlines()
    assert first.startswith(
        f"The bearer's class {authentication_class.__name__} failed over a token"
    )
    assert "answered 401; with good tokens too, the class is at fault" in first
    assert error in first
    assert any("in authenticate" in place for place in trace)
    assert trace[-1] == f"builtins.{error}"
    assert "nothing of the token's" not in trace[-1]
